"""The database of the rules, made ready and opened as the settings say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.emulator.faults.rules import COLLECTIONS, DATABASE, FaultStore
from backend.kernel.errors import Misconfigured
from backend.kernel.mongo.client import check_server, connect, translated
from backend.kernel.mongo.embedded import APPLICATION, Credentials, EmbeddedMongo
from backend.kernel.mongo.provision import provision, verify
from backend.kernel.settings import Settings


@asynccontextmanager
async def open_faults(settings: Settings) -> AsyncIterator[FaultStore]:
    """The rules on the embedded MongoDB, started and prepared if need be, or on the one of MONGODB_URI.

    Raises Misconfigured or DatabaseUnavailable with the remedy.
    """
    async with connect(await _uri(settings), app_name="openfinance-faults") as client:
        with translated():
            await check_server(client)
            await verify(client, DATABASE, COLLECTIONS)
        yield FaultStore(client[DATABASE])


async def _uri(settings: Settings) -> str:
    if settings.mongodb_uri:
        return settings.mongodb_uri.get_secret_value()
    credentials = EmbeddedMongo(settings.openfinance_home, settings.embedded_mongodb_port).start()
    await _prepare(credentials)
    return credentials.application_uri(DATABASE)


async def _prepare(credentials: Credentials) -> None:
    async with connect(credentials.admin_uri, app_name="openfinance-setup") as admin:
        try:
            await verify(admin, DATABASE, COLLECTIONS)
        except Misconfigured:
            password = credentials.application_password
            await provision(admin, DATABASE, COLLECTIONS, user=APPLICATION, password=password)
