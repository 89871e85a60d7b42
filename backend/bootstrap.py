"""The composition root: settings in, an open store and its services out. Nothing else builds things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from backend.api.app import create_app
from backend.api.services import Services, services_over
from backend.banks.registry import Registry
from backend.documents.database import COLLECTIONS, store_on
from backend.documents.store import Store
from backend.insights.run import Insights
from backend.kernel.keys import load_keys
from backend.kernel.mongo.client import check_server, connect, translated
from backend.kernel.mongo.preparing import prepared_uri
from backend.kernel.mongo.provision import verify
from backend.kernel.settings import Settings


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store these settings describe, started (if embedded), checked and ready to use.

    Raises Misconfigured or DatabaseUnavailable with the remedy.
    """
    uri = await prepared_uri(settings, settings.openfinance_db_name, COLLECTIONS)
    async with opened(uri, settings) as store:
        yield store


@asynccontextmanager
async def opened(uri: str, settings: Settings) -> AsyncIterator[Store]:
    """The store behind ``uri``, checked to be as the documents declare it."""
    keys = load_keys(settings)
    with translated():
        async with connect(uri) as client:
            await check_server(client)
            await verify(client, settings.openfinance_db_name, COLLECTIONS)
            async with store_on(client, settings.openfinance_db_name, keys) as store:
                yield store


def api_app(settings: Settings | None = None) -> FastAPI:
    """The API as uvicorn starts it: with everything from the environment, unless settings are given."""
    return create_app(settings or Settings(), open_services)


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """An open store with the services that the API's routes work with."""
    async with open_store(settings) as store:
        insights = Insights(store.database)
        async with services_over(store, settings, insights=insights, banks=Registry()) as services:
            yield services
