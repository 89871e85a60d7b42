"""A ledger of the worker's own on the run's MongoDB, with the application's rights and empty before each test."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from backend.emulator.ledger.platform import Platform
from backend.emulator.ledger.port import Ledger
from backend.emulator.ledger.schema import COLLECTIONS
from backend.emulator.ledger.verify import Report, verify
from backend.kernel.clock import now
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from tests import mongo
from tests.backend.emulator.ledger.builders import account


@pytest.fixture(scope="session")
def ledger_name(database_name) -> str:
    return f"{database_name}_ledger"


@pytest.fixture(scope="session")
async def ledger_uri(mongo_server, admin_client, ledger_name) -> str:
    """Where the application finds a ledger that was made ready."""
    password = mongo_server.application_password
    await provision(admin_client, ledger_name, COLLECTIONS, user=APPLICATION, password=password)
    return mongo_server.application_uri(ledger_name)


@pytest.fixture(scope="session")
async def ledger_client(ledger_uri):
    async with connect(ledger_uri) as client:
        yield client


@pytest.fixture
async def platform(ledger_client, admin_client, ledger_name) -> Platform:
    await mongo.empty(admin_client, ledger_name)
    return Platform(ledger_client, ledger_client[ledger_name], poll_seconds=0.05)


@pytest.fixture
def ledger(platform) -> Ledger:
    return platform.ledger


@pytest.fixture
async def opened(ledger):
    """Opens an account, with money on it if wanted; its id."""

    async def run(balance: str = "0", **facts) -> str:
        return await account(ledger, balance, **facts)

    return run


@pytest.fixture
def admin_database(platform, admin_client, ledger_name):
    """The same database for somebody who may do everything, such as tampering."""
    return admin_client[ledger_name]


@pytest.fixture
async def audited(platform) -> AsyncIterator:
    """Lets all messages arrive and proves the books."""

    async def run() -> Report:
        await platform.settle()
        report = await verify(platform.client, platform.database)
        assert report.faults == ()
        assert sum(report.waiting.values()) == 0
        return report

    return run


@pytest.fixture
def later() -> datetime:
    """Well after the end of the test."""
    return now() + timedelta(days=7)
