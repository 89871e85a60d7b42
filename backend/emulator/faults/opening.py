"""The database of the rules, made ready and opened as the settings say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.emulator.faults.rules import COLLECTIONS, DATABASE, FaultStore
from backend.kernel.mongo.client import check_server, connect, translated
from backend.kernel.mongo.preparing import prepared_uri
from backend.kernel.mongo.provision import verify
from backend.kernel.settings import Settings


@asynccontextmanager
async def open_faults(settings: Settings) -> AsyncIterator[FaultStore]:
    """The rules on the embedded MongoDB, started and prepared if need be, or on the one of MONGODB_URI.

    Raises Misconfigured or DatabaseUnavailable with the remedy.
    """
    async with connect(await prepared_uri(settings, DATABASE, COLLECTIONS), app_name="openfinance-faults") as client:
        with translated():
            await check_server(client)
            await verify(client, DATABASE, COLLECTIONS)
        yield FaultStore(client[DATABASE])
