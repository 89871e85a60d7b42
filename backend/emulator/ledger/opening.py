"""The ledger's database, made ready and opened as the settings say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.emulator.ledger.platform import Platform
from backend.emulator.ledger.schema import COLLECTIONS, DATABASE
from backend.kernel.mongo.client import check_server, connect, translated
from backend.kernel.mongo.preparing import prepared_uri
from backend.kernel.mongo.provision import verify
from backend.kernel.settings import Settings


@asynccontextmanager
async def open_platform(settings: Settings, *, database: str = DATABASE) -> AsyncIterator[Platform]:
    """The platform on the embedded MongoDB, started and prepared if need be, or on the one of MONGODB_URI.

    Raises Misconfigured or DatabaseUnavailable with the remedy.
    """
    uri = await prepared_uri(settings, database, COLLECTIONS)
    async with opened(uri, database=database) as platform:
        yield platform


@asynccontextmanager
async def opened(uri: str, *, database: str = DATABASE) -> AsyncIterator[Platform]:
    """The platform on the database behind ``uri``, checked to be as the ledger declares it."""
    async with connect(uri, app_name="openfinance-ledger") as client:
        with translated():
            await check_server(client)
            await verify(client, database, COLLECTIONS)
        yield Platform(client, client[database])
