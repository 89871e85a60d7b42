"""A database of authorization servers, two banks over it, a third party and a customer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.oauth.app import create_oauth_app
from backend.emulator.oauth.banks import Bank
from backend.emulator.oauth.services import COLLECTIONS, OAuthServices
from backend.kernel.ids import KeyedHash
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from tests import mongo
from tests.backend.emulator.oauth.world import GREEN, OLD, PASSWORDS, Book, Person, ThirdParty, ask

KEYED_HASH = KeyedHash(bytes(range(32)))


@pytest.fixture(scope="session")
def oauth_database_name(worker_id) -> str:
    return f"test_oauth_{worker_id}"


@pytest.fixture(scope="session")
async def oauth_client(
    mongo_server, admin_client, oauth_database_name
) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """The application's client, with the rights it has on this database and no others."""
    password = mongo_server.application_password
    await provision(admin_client, oauth_database_name, COLLECTIONS, user=APPLICATION, password=password)
    async with connect(mongo_server.application_uri(oauth_database_name)) as client:
        yield client


@pytest.fixture
async def oauth_database(oauth_client, admin_client, oauth_database_name) -> AsyncDatabase[dict[str, Any]]:
    await mongo.empty(admin_client, oauth_database_name)
    return oauth_client[oauth_database_name]


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def services(oauth_database, book) -> OAuthServices:
    return OAuthServices.over(oauth_database, KEYED_HASH, [GREEN, OLD], book, passwords=PASSWORDS)


@pytest.fixture
async def http_of(services) -> AsyncIterator[Callable[[Bank], Awaitable[httpx2.AsyncClient]]]:
    """Makes HTTP clients, each with cookies of its own."""
    app = create_oauth_app(services)
    async with AsyncExitStack() as opened:

        async def make(bank: Bank) -> httpx2.AsyncClient:
            transport = httpx2.ASGITransport(app=app)
            return await opened.enter_async_context(httpx2.AsyncClient(transport=transport, base_url=bank.issuer))

        yield make


@pytest.fixture
async def tpp(services, http_of) -> ThirdParty:
    """A third party at Green Bank, which in these tests is the bank's resource server as well."""
    party = ThirdParty(await http_of(GREEN), GREEN, "leafy")
    return await party.registered(services, may_introspect=True)


@pytest.fixture
async def other(services, http_of) -> ThirdParty:
    """Another third party at Green Bank."""
    return await ThirdParty(await http_of(GREEN), GREEN, "other", name="Other Party").registered(services)


@pytest.fixture
async def old_tpp(services, http_of) -> ThirdParty:
    """A third party with a secret at Old Bank, where refresh tokens rotate and requests need not be pushed."""
    party = ThirdParty(await http_of(OLD), OLD, "leafy", secret="s3cret with blank & :colon")
    return await party.registered(services, may_introspect=True)


@pytest.fixture
async def anna(http_of) -> Person:
    return Person(await http_of(GREEN))


@pytest.fixture
async def old_anna(http_of) -> Person:
    return Person(await http_of(OLD))


@pytest.fixture
def granted(services, http_of) -> Callable[..., Awaitable[Any]]:
    """Makes an answer ``{code, state, iss}`` for a third party, approved by Anna, with all its clicks."""

    async def make(party: ThirdParty, **changed: Any) -> Any:
        person = Person(await http_of(party.bank))
        consent = await ask(services, party.bank, party.client_id)
        answer = await person.approves(await party.link(consent.id, **changed))
        return answer | {"consent_id": consent.id}

    return make
