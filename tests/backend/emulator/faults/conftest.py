"""Four sample banks behind uvicorn on a real socket, and rules that a second client sets."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
import uvicorn

from backend.emulator.faults import COLLECTIONS, FaultStore, Rule, wrap
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from backend.kernel.strict_json import loads
from tests import mongo
from tests.backend.emulator.faults.sample_bank import DIALECTS, SampleBank

# Made once: reading the certificates takes longer than a call, and these need none.
TLS = ssl.create_default_context()

BANKS = {
    "green-bank": "leafy",
    "mongodb-bank": "leafy",
    "havel-bank": "berlin_group",
    "donautal-bank": "berlin_group",
    "severn-bank": "uk_open_banking",
    "otso-bank": "op_finland",
}


@dataclass
class World:
    """The banks of one server, all wrapped; its clock stands at ``now``."""

    uri: str
    database: str
    cached_seconds: float = 0
    port: int = 0
    now: datetime = datetime(2026, 11, 1, 12, tzinfo=UTC)
    banks: dict[str, SampleBank] = field(
        default_factory=lambda: {name: SampleBank(DIALECTS[dialect]) for name, dialect in BANKS.items()}
    )
    inside: Callable[[Any], Any] = lambda bank: bank
    server: Any = None
    _wrapped: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode().partition(":")[0].removesuffix(".localhost")
        await self._wrapped[host](scope, receive, send)

    async def _live(self, receive, send):
        await receive()
        async with connect(self.uri) as client:
            store = FaultStore(client[self.database], cached_seconds=self.cached_seconds)
            for name, bank in self.banks.items():
                self._wrapped[name] = wrap(
                    self.inside(bank), name, store, dialect=bank.dialect.name, now=self.present, revoke=bank.revoke
                )
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def present(self):
        return self.now

    def client(self, bank, patience=5):
        """A client that speaks to that bank alone."""
        headers = {"host": f"{bank}.localhost", "authorization": "Bearer t0"}
        base = f"http://127.0.0.1:{self.port}"
        return httpx2.AsyncClient(base_url=base, headers=headers, timeout=patience, verify=TLS)

    async def page(self, bank, patience=5):
        async with self.client(bank, patience) as client:
            return await client.get(self.banks[bank].dialect.path)

    async def rows(self, bank):
        """All transactions, page by page."""
        dialect = self.banks[bank].dialect
        rows, address = [], dialect.path
        async with self.client(bank) as client:
            while address:
                payload = loads((await client.get(address)).content)
                rows += dialect.rows(payload)
                address = dialect.following(payload)
        return rows


@contextmanager
def served(world, around=None, **options):
    """``world`` on a socket of its own, served from a thread of its own, its calls by way of ``around``."""

    async def app(scope, receive, send):
        through = world if scope["type"] == "lifespan" else around or world
        await through(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        world.port = listening.getsockname()[1]
        config = uvicorn.Config(
            app, lifespan="on", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=1, **options
        )
        world.server = server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                threading.Event().wait(0.01)
                assert thread.is_alive()
            yield world
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture(scope="session")
async def faults_uri(mongo_server, admin_client, database_name):
    name = f"{database_name}_faults"
    password = mongo_server.application_password
    await provision(admin_client, name, COLLECTIONS, user=APPLICATION, password=password)
    return mongo_server.application_uri(name)


@pytest.fixture(scope="session")
def running_world(faults_uri, database_name):
    with served(World(faults_uri, f"{database_name}_faults")) as world:
        yield world


@pytest.fixture(scope="session")
async def faults_client(faults_uri):
    async with connect(faults_uri) as client:
        yield client


@pytest.fixture
async def store(faults_client, admin_client, database_name):
    """The rules as another process sees and sets them."""
    await mongo.empty(admin_client, f"{database_name}_faults")
    return FaultStore(faults_client[f"{database_name}_faults"], cached_seconds=0)


@pytest.fixture
def world(running_world, store):
    """The running banks, misbehaving in nothing."""
    running_world.now = World.now
    for bank in running_world.banks.values():
        bank.asked = 0
        bank.revoked.clear()
    return running_world


@pytest.fixture
def misbehaves(store):
    """Sets a rule."""

    async def put(bank, fault, **facts):
        await store.put(Rule(bank=bank, fault=fault, **facts))

    return put


@asynccontextmanager
async def plain_connection(world, bank):
    """A socket without a client library: reader, and a request for the bank's first page already sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    path = world.banks[bank].dialect.path
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {bank}.localhost\r\n\r\n".encode())
    try:
        yield reader
    finally:
        writer.transport.abort()
