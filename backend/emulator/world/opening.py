"""The world's databases, made ready and opened as the settings say; and emptied."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.ledger import schema as ledger_schema
from backend.emulator.ledger.opening import open_platform
from backend.emulator.ledger.platform import Platform
from backend.emulator.world.schema import COLLECTIONS, DATABASE
from backend.kernel.errors import Misconfigured
from backend.kernel.mongo.client import connect, translated
from backend.kernel.mongo.embedded import APPLICATION, Credentials, EmbeddedMongo
from backend.kernel.mongo.provision import provision, verify
from backend.kernel.settings import Settings

_DATABASES: Final = (ledger_schema.DATABASE, DATABASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """The ledger's platform, and the world's own database, each with a client of its own."""

    platform: Platform
    database: AsyncDatabase[dict[str, Any]]


@asynccontextmanager
async def open_world(settings: Settings) -> AsyncIterator[Opened]:
    """The world's databases on the embedded MongoDB, started and prepared if need be, or on the one of MONGODB_URI.

    Raises Misconfigured or DatabaseUnavailable with the remedy.
    """
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(open_platform(settings))
        client = await stack.enter_async_context(connect(await _uri(settings), app_name="openfinance-world"))
        with translated():
            await verify(client, DATABASE, COLLECTIONS)
        yield Opened(platform, client[DATABASE])


async def reset(settings: Settings) -> None:
    """Delete the world and its ledger, with all that was ever booked there; collections and rights stay.

    Needs an administrator's rights: the application cannot delete from the journal.
    """
    uri = settings.mongodb_uri.get_secret_value() if settings.mongodb_uri else _embedded(settings).admin_uri
    async with connect(uri, app_name="openfinance-setup") as admin:
        with translated():
            for database in (admin[name] for name in _DATABASES):
                for name in await database.list_collection_names(filter={"type": "collection"}):
                    if not name.startswith("system."):
                        await database[name].delete_many({})


async def _uri(settings: Settings) -> str:
    if settings.mongodb_uri:
        return settings.mongodb_uri.get_secret_value()
    credentials = _embedded(settings)
    async with connect(credentials.admin_uri, app_name="openfinance-setup") as admin:
        await prepare(admin, credentials.application_password)
    return credentials.application_uri(DATABASE)


async def prepare(admin: AsyncMongoClient[dict[str, Any]], password: str) -> None:
    """The world's database as this version of the code declares it."""
    try:
        await verify(admin, DATABASE, COLLECTIONS)
    except Misconfigured:
        await provision(admin, DATABASE, COLLECTIONS, user=APPLICATION, password=password)


def _embedded(settings: Settings) -> Credentials:
    return EmbeddedMongo(settings.openfinance_home, settings.embedded_mongodb_port).start()
