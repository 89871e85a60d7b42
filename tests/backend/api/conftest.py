"""The application over HTTP in this process, on the worker's real database."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
import structlog
from argon2 import PasswordHasher
from bson import ObjectId
from fastapi import FastAPI

from backend.api.app import create_app
from backend.api.identity.passwords import Passwords
from backend.api.services import Services, services_over
from backend.banks.registry import Registry
from backend.documents.database import store_on
from backend.insights.run import Insights
from backend.kernel.settings import Settings
from tests.mongo import KEYS

BASE_URL = "http://api.test"
PASSWORD = "correct horse battery"
# The real parameters cost 64 MiB and a tenth of a second each time.
CHEAP_PASSWORDS = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

Person = dict[str, Any]
Headers = dict[str, str]
SignedUp = Callable[..., Awaitable[tuple[Person, Headers]]]


def settings_for_tests(**changes: Any) -> Settings:
    """Settings that read no file; rate limits are off unless a test asks for them."""
    return Settings(_env_file=None, **({"rate_limit_per_minute": 0, "log_level": "ERROR"} | changes))


@pytest.fixture(scope="session")
async def open_services(client, database_name) -> Callable[[Settings], AbstractAsyncContextManager[Services]]:
    """Opens the services over the worker's database, as the composition root does."""

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Services]:
        async with (
            store_on(client, database_name, KEYS) as store,
            services_over(
                store,
                settings,
                insights=Insights(store.database),
                banks=Registry(),
                passwords=CHEAP_PASSWORDS,
            ) as services,
        ):
            yield services

    return opened


@pytest.fixture(scope="session")
async def api_app(open_services) -> AsyncIterator[FastAPI]:
    """The running application, without rate limits."""
    app = create_app(settings_for_tests(), open_services)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def api(api_app, database) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application; the database is empty."""
    async with client_of(api_app) as client:
        yield client


@pytest.fixture
async def api_with(open_services, database) -> AsyncIterator[Callable[..., Awaitable[httpx2.AsyncClient]]]:
    """Makes a client of another application, with settings (or ``body_seconds``) of its own."""
    async with AsyncExitStack() as stack:

        async def make(*, body_seconds: float = 20, **changes: Any) -> httpx2.AsyncClient:
            app = create_app(settings_for_tests(**changes), open_services, body_seconds=body_seconds)
            await stack.enter_async_context(app.router.lifespan_context(app))
            return await stack.enter_async_context(client_of(app))

        yield make


@pytest.fixture
def services(api_app) -> Services:
    """The services behind ``api``."""
    return api_app.state.services


@pytest.fixture
def logged(monkeypatch) -> Iterator[io.BytesIO]:
    """What applications started from here on write to their log; ask for it before ``api_with``."""
    before = structlog.get_config()
    lines = io.BytesIO()
    # Not sys.stderr: pytest puts its own there anew at each phase of a test.
    to_lines = structlog.BytesLoggerFactory(lines)
    monkeypatch.setattr(structlog, "BytesLoggerFactory", lambda _: to_lines)
    yield lines
    structlog.configure(**before)


@pytest.fixture
def signed_up(api) -> SignedUp:
    """``await signed_up("alice")``: the person as documents name an owner, and headers with a session token."""

    async def sign_up(name: str, *, client: httpx2.AsyncClient = api, **more: Any) -> tuple[Person, Headers]:
        body = {"user_name": name, "password": PASSWORD}
        made = await client.post("/api/v1/sign-up", json=body | more)
        assert made.status_code == 201, made.text
        session = await client.post("/api/v1/log-in", json=body)
        assert session.status_code == 200, session.text
        person = {"UserName": name, "UserId": ObjectId(made.json()["user_id"])}
        return person, {"Authorization": f"Bearer {session.json()['token']}"}

    return sign_up


def client_of(app: FastAPI) -> httpx2.AsyncClient:
    """A client that speaks to ``app`` in this process."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=BASE_URL)
