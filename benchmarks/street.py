"""The emulated banks as an operator serves them, over a world of a few people built in the run's own mongod."""

import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from backend.emulator import faults
from backend.emulator.app import WorldServer, open_world_server
from backend.emulator.ledger import schema as ledger_schema
from backend.emulator.ledger.platform import Platform
from backend.emulator.oauth import services as oauth
from backend.emulator.openbanking import terms
from backend.emulator.openbanking.third_parties import read_third_parties
from backend.emulator.world import schema as world_schema
from backend.emulator.world.building import build
from backend.emulator.world.opening import open_world
from backend.emulator.world.reading import DATA, World, read_world
from backend.emulator.world.rows import Account
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from backend.kernel.settings import Settings
from benchmarks.parties import DIALECTS, Customer, Here, Visitor
from benchmarks.stage import FIRST_HTTP_PORT, Server, Stage, running, uvicorn

PORT: Final = FIRST_HTTP_PORT + 10
HELLO_PORT: Final = FIRST_HTTP_PORT + 11
# Eight people at their banks, so that no two callers share a log-in; the first four speak one dialect each.
PEOPLE: Final = (
    ("green-bank", "fridaklo"),
    ("havel-bank", "anna.weber"),
    ("severn-bank", "emma.hughes"),
    ("otso-bank", "aino.virtanen"),
    ("mongodb-bank", "claumon"),
    ("donautal-bank", "lukas.gruber"),
    ("severn-bank", "oliver.khan"),
    ("otso-bank", "mikko.laine"),
)
_DATABASES: Final = {
    ledger_schema.DATABASE: ledger_schema.COLLECTIONS,
    world_schema.DATABASE: world_schema.COLLECTIONS,
    oauth.DATABASE_NAME: oauth.COLLECTIONS,
    terms.DATABASE: terms.COLLECTIONS,
    faults.DATABASE: faults.COLLECTIONS,
}


@dataclass(frozen=True, slots=True)
class Person:
    """One of the people at a bank: the third party they let in, the accounts, and how often either asked."""

    id: str
    dialect: str
    visitor: Visitor
    customer: Customer
    accounts: list[Account]
    transport: Here
    pushed: bool

    async def flow(self, consent: str, accounts: Sequence[Account]) -> None:
        """From the request to the tokens."""
        link, form = await self.visitor.link(consent, pushed=self.pushed)
        code = await self.customer.approve(link, {account.id for account in accounts})
        await self.visitor.redeem(form, code, consent)


@dataclass(frozen=True, slots=True)
class Street:
    """The served banks and, without HTTP, what they stand on."""

    platform: Platform
    inside: WorldServer
    people: list[Person]


@asynccontextmanager
async def open_street(stage: Stage) -> AsyncIterator[Street]:
    """A world of ``PEOPLE``, built, served, and walked into by them; and a hello beside it."""
    rows = _rows(stage)
    world, admin = read_world(rows), stage.credentials.admin_uri
    settings = Settings(openfinance_home=stage.home, mongodb_uri=admin)
    async with AsyncExitStack() as ends:
        client = await ends.enter_async_context(connect(admin))
        for name, specs in _DATABASES.items():
            password = stage.credentials.application_password
            await provision(client, name, specs, user=APPLICATION, password=password)
        opened = await ends.enter_async_context(open_world(settings))
        async for _ in build(world, opened.platform.ledger, opened.database):
            pass
        inside = await ends.enter_async_context(open_world_server(settings, world, port=PORT))
        ends.enter_context(running(_servers(stage, rows), stage.home))
        people = [await _person(ends, world, bank, user) for bank, user in PEOPLE]
        yield Street(opened.platform, inside, people)


def _rows(stage: Stage) -> Path:
    """The world's own rows without the people who are not measured."""
    folder = stage.home / "rows"
    folder.mkdir()
    for name in ("world", "merchants", *(user for _, user in PEOPLE)):
        shutil.copy(DATA / f"{name}.toml", folder)
    return folder


def _servers(stage: Stage, rows: Path) -> list[Server]:
    environment = {"OPENFINANCE_HOME": str(stage.home), "MONGODB_URI": stage.credentials.admin_uri}
    cli = (sys.executable, "-c", "from backend.cli.main import app; app()")
    serve = [*cli, "world", "serve", "--port", "{port}", "--rows", str(rows)]
    # The loop that the banks run on too.
    bare = uvicorn("benchmarks.wires:hello", "--factory", "--loop", "asyncio", "--no-server-header")
    return [Server("banks", serve, environment, PORT), Server("bare hello", bare, {}, HELLO_PORT)]


async def _person(ends: AsyncExitStack, world: World, bank: str, user: str) -> Person:
    row, persona, transport = world.banks[bank], world.personas[user], Here()
    http = httpx2.AsyncClient(transport=transport, base_url=f"http://{row.host}:{PORT}")
    await ends.enter_async_context(http)
    visitor = Visitor(http, DIALECTS[row.dialect], read_third_parties()[0])
    return Person(
        id=persona.id,
        dialect=row.dialect,
        visitor=visitor,
        customer=Customer(http, persona),
        # Cards have lists of their own in some dialects.
        accounts=[account for account in persona.accounts if account.bank == bank and account.kind != "card"],
        transport=transport,
        pushed=await visitor.pushes(),
    )
