"""What every test may ask for: the run's MongoDB and a database of its worker's own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION, Credentials, EmbeddedMongo
from backend.kernel.mongo.provision import provision
from tests import mongo

_RUN = pytest.StashKey[dict[str, Any]]()


def pytest_configure(config: pytest.Config) -> None:
    # Workers are told by the controller, which outlives them all and therefore begins and ends the run.
    config.stash[_RUN] = config.workerinput if hasattr(config, "workerinput") else mongo.new_run()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput.update(node.config.stash[_RUN])


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and _RUN in config.stash:
        mongo.end_run(config.stash[_RUN])


@pytest.fixture(scope="session")
def mongo_server(pytestconfig) -> Credentials:
    """The run's one server; the worker that asks first starts it, the others wait for that."""
    run = pytestconfig.stash[_RUN]
    return EmbeddedMongo(Path(run["mongo_home"]), run["mongo_port"]).start()


@pytest.fixture(scope="session")
def database_name(worker_id) -> str:
    """The worker's own database."""
    return f"test_{worker_id}"


@pytest.fixture(scope="session")
async def admin_client(mongo_server) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """An administrator of the run's server."""
    async with connect(mongo_server.admin_uri) as client:
        yield client


@pytest.fixture(scope="session")
async def client(mongo_server, admin_client, database_name) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """The application's client, with the application's rights, on the worker's database made ready."""
    # Here, so that tests of the kernel neither load nor depend on the rooms above it.
    from backend.documents.database import COLLECTIONS

    await provision(
        admin_client,
        database_name,
        COLLECTIONS,
        user=APPLICATION,
        password=mongo_server.application_password,
    )
    async with connect(mongo_server.application_uri(database_name)) as application:
        yield application


@pytest.fixture
async def database(client, admin_client, database_name) -> AsyncDatabase[dict[str, Any]]:
    """The worker's database as the application sees it, without a document in it."""
    await mongo.empty(admin_client, database_name)
    return client[database_name]


@pytest.fixture
async def store(client, database, database_name) -> AsyncIterator[Any]:
    """The worker's store, without a document in it."""
    # Here for the same reason as above.
    from backend.documents.database import store_on

    async with store_on(client, database_name, mongo.KEYS) as opened:
        yield opened
