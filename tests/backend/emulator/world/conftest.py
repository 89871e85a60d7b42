"""Worlds of the worker's own on the run's MongoDB: the whole one, and small ones that may be aged."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from backend.emulator.ledger import schema as ledger_schema
from backend.emulator.ledger.platform import Platform
from backend.emulator.world import schema
from backend.emulator.world.advancing import Advanced, TimeGoingOn
from backend.emulator.world.building import Built, build
from backend.emulator.world.history import History, history
from backend.emulator.world.life import Life
from backend.emulator.world.reading import DATA, World, read_world
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from tests import mongo


@dataclass
class Standing:
    """A world in its databases."""

    world: World
    platform: Platform
    database: object

    async def build(self) -> list[Built]:
        making = build(self.world, self.platform.ledger, self.database)
        return [built async for built in making]

    async def advance(self, days: float) -> Advanced:
        going_on = TimeGoingOn(self.world, self.platform.client, self.platform.database, self.database)
        return await going_on.advance(timedelta(days=days))


@pytest.fixture(scope="session")
def world() -> World:
    return read_world()


@pytest.fixture(scope="session")
def pasts(world) -> dict[str, History]:
    """Everybody's past."""
    return {name: history(Life(world, persona)) for name, persona in world.personas.items()}


@pytest.fixture
def rows(tmp_path) -> Callable[..., Path]:
    """A copy of the rows with some personas only and a short history."""

    def copy(*personas: str, months: int = 3) -> Path:
        for name in ("world", "merchants", *personas):
            shutil.copy(DATA / f"{name}.toml", tmp_path)
        file = tmp_path / "world.toml"
        file.write_text(file.read_text().replace("history_months = 24", f"history_months = {months}"))
        return tmp_path

    return copy


@pytest.fixture(scope="session")
async def opened(mongo_server, admin_client, database_name) -> AsyncIterator[Callable[..., Awaitable[Standing]]]:
    """Makes an empty place for a world, named so that two can stand side by side."""
    password = mongo_server.application_password
    clients = []

    async def place(world: World, name: str) -> Standing:
        made = []
        for suffix, specs in ((f"{name}_books", ledger_schema.COLLECTIONS), (name, schema.COLLECTIONS)):
            database = f"{database_name}_{suffix}"
            await provision(admin_client, database, specs, user=APPLICATION, password=password)
            await mongo.empty(admin_client, database)
            client = await connect(mongo_server.application_uri(database)).__aenter__()
            clients.append(client)
            made.append(client[database])
        return Standing(world, Platform(made[0].client, made[0]), made[1])

    yield place
    for client in clients:
        await client.close()


@pytest.fixture(scope="session")
async def built(opened, world) -> Standing:
    """The whole world as it is when its clock starts. Nobody ages it."""
    standing = await opened(world, "whole")
    await standing.build()
    return standing
