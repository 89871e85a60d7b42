"""The ledger's database, made ready and opened as the settings say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.emulator.ledger.platform import Platform
from backend.emulator.ledger.schema import COLLECTIONS, DATABASE
from backend.kernel.errors import Misconfigured
from backend.kernel.mongo.client import check_server, connect, translated
from backend.kernel.mongo.embedded import APPLICATION, Credentials, EmbeddedMongo
from backend.kernel.mongo.provision import provision, verify
from backend.kernel.settings import Settings


@asynccontextmanager
async def open_platform(settings: Settings, *, database: str = DATABASE) -> AsyncIterator[Platform]:
    """The platform on the embedded MongoDB, started and prepared if need be, or on the one of MONGODB_URI.

    Raises Misconfigured or DatabaseUnavailable with the remedy.
    """
    if settings.mongodb_uri:
        uri = settings.mongodb_uri.get_secret_value()
    else:
        credentials = EmbeddedMongo(settings.openfinance_home, settings.embedded_mongodb_port).start()
        await _prepare(credentials, database)
        uri = credentials.application_uri(database)
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


async def _prepare(credentials: Credentials, database: str) -> None:
    async with connect(credentials.admin_uri, app_name="openfinance-setup") as admin:
        try:
            await verify(admin, database, COLLECTIONS)
        except Misconfigured:
            password = credentials.application_password
            await provision(admin, database, COLLECTIONS, user=APPLICATION, password=password)
