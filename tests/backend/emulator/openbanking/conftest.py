"""A street of emulated banks over a small world of the worker's own."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher

from backend.emulator import faults
from backend.emulator.app import Ground, WorldServer, create_world_server
from backend.emulator.ledger import schema as ledger_schema
from backend.emulator.ledger.platform import Platform
from backend.emulator.oauth import services as oauth
from backend.emulator.oauth.customers import Passwords
from backend.emulator.openbanking import terms
from backend.emulator.world import schema as world_schema
from backend.emulator.world.advancing import TimeGoingOn
from backend.emulator.world.building import build
from backend.emulator.world.reading import DATA, World, read_world
from backend.kernel.ids import KeyedHash
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from tests import mongo
from tests.backend.emulator.openbanking.parties import SPEAKERS, Api, Customer

KEYED_HASH = KeyedHash(bytes(range(32)))
PORT = 8004
PEOPLE = {
    "green-bank": "fridaklo",
    "mongodb-bank": "fridaklo",
    "leafybank": "fridaklo",
    "havel-bank": "anna.weber",
    "donautal-bank": "anna.weber",
    "severn-bank": "emma.hughes",
    "otso-bank": "aino.virtanen",
}
_ROOMS = {
    "books": ledger_schema.COLLECTIONS,
    "world": world_schema.COLLECTIONS,
    "oauth": oauth.COLLECTIONS,
    "terms": terms.COLLECTIONS,
    "faults": faults.COLLECTIONS,
}


@dataclass
class Street:
    """The banks, what stands behind them, and ways to call at one."""

    world: World
    platform: Platform
    ground: Ground
    server: WorldServer
    stack: AsyncExitStack
    uris: dict[str, str]

    async def http(self, bank: str) -> httpx2.AsyncClient:
        host = self.world.banks[bank].host
        transport = httpx2.ASGITransport(app=self.server)
        client = httpx2.AsyncClient(transport=transport, base_url=f"http://{host}:{PORT}")
        return await self.stack.enter_async_context(client)

    async def api(self, bank: str) -> Api:
        return SPEAKERS[self.world.banks[bank].dialect](await self.http(bank))

    async def customer(self, bank: str, user: str | None = None) -> Customer:
        persona = self.world.personas[user or PEOPLE[bank]]
        return Customer(await self.http(bank), user=persona.user_name, password=persona.password)

    async def connected(self, bank: str, user: str | None = None, **changed: Any) -> Api:
        return await (await self.api(bank)).connects(await self.customer(bank, user), **changed)

    async def truth(self, bank: str, user: str | None = None) -> dict[str, Any]:
        """The ledger's booked balances of a customer's accounts, by number at leafy banks and by id elsewhere."""
        persona = self.world.personas[user or PEOPLE[bank]]
        by_number = self.world.banks[bank].dialect == "leafy"
        return {
            each.number if by_number else each.id: (await self.platform.ledger.balance(each.id)).booked
            for each in persona.accounts
            if each.bank == bank
        }

    async def advance(self, days: float) -> None:
        going_on = TimeGoingOn(self.world, self.platform.client, self.platform.database, self.ground.world_database)
        await going_on.advance(timedelta(days=days))


@pytest.fixture(scope="session")
async def street_in(
    mongo_server, admin_client, database_name
) -> AsyncIterator[Callable[[World, str], Awaitable[Street]]]:
    """Builds a world and opens its banks."""
    async with AsyncExitStack() as stack:

        async def make(world: World, name: str) -> Street:
            password = mongo_server.application_password
            uris, rooms = {}, {}
            for room, specs in _ROOMS.items():
                database = f"{database_name}_{name}_{room}"
                await provision(admin_client, database, specs, user=APPLICATION, password=password)
                await mongo.empty(admin_client, database)
                uris[room] = mongo_server.application_uri(database)
                client = await stack.enter_async_context(connect(uris[room]))
                rooms[room] = client[database]
            platform = Platform(rooms["books"].client, rooms["books"])
            async for _ in build(world, platform.ledger, rooms["world"]):
                pass
            ground = Ground(
                world=world,
                ledger=platform.ledger,
                world_database=rooms["world"],
                oauth_database=rooms["oauth"],
                terms_database=rooms["terms"],
                keyed_hash=KEYED_HASH,
                faults=faults.FaultStore(rooms["faults"]),
            )
            passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
            server = create_world_server(ground, port=PORT, passwords=passwords)
            await server.prepare()
            return Street(world, platform, ground, server, stack, uris)

        yield make


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Callable[..., World]:
    """A world of some people with a short past."""

    def read(*people: str, months: int) -> World:
        rows = tmp_path_factory.mktemp("rows")
        for name in ("world", "merchants", *people):
            shutil.copy(DATA / f"{name}.toml", rows)
        file = rows / "world.toml"
        file.write_text(file.read_text().replace("history_months = 24", f"history_months = {months}"))
        return read_world(rows)

    return read


@pytest.fixture(scope="session")
async def street(street_in, small) -> Street:
    """Banks with a customer each, of half a year's past. Nobody ages them."""
    return await street_in(small(*sorted(set(PEOPLE.values())), months=9), "street")
