"""The whole OpenAPI tried with generated requests: no 5xx, and every answer is a declared one."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from backend.api.app import create_app
from backend.api.protocol import SERVER_OPTIONS
from backend.api.services import services_over
from backend.banks.registry import Registry
from backend.cli.serve import api_app as built
from backend.documents.database import store_on
from backend.insights.run import Insights
from backend.kernel.mongo.client import connect
from tests.backend.api.conftest import CHEAP_PASSWORDS, settings_for_tests
from tests.builders import account, product
from tests.mongo import KEYS

EXAMPLES = 15
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
schema = schemathesis.openapi.from_dict(built().openapi())


class Running:
    """The application on a real port, in a thread with a loop and a MongoDB client of its own."""

    def __init__(self, uri, database_name):
        self._uri, self._database_name = uri, database_name
        app = create_app(settings_for_tests(), self._open)
        self._app = app
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, **SERVER_OPTIONS | {"loop": "asyncio"}))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(20)
        self.base_url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(20)

    def operator_token(self):
        """A new token of an operator who has accounts and products."""
        return asyncio.run_coroutine_threadsafe(self._operator_token(), self._loop).result(20)

    def _run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        self._ready.set()
        await serving

    @asynccontextmanager
    async def _open(self, chosen):
        async with connect(self._uri) as client, store_on(client, self._database_name, KEYS) as store:
            insights = Insights(store.database)
            async with services_over(
                store, chosen, insights=insights, banks=Registry(), passwords=CHEAP_PASSWORDS
            ) as services:
                yield services

    async def _operator_token(self):
        services = self._app.state.services
        users = services.store.collection("users")
        user = await users.find_one({"UserName": "operator"})
        if user is None:
            user = await services.people.sign_up("operator", None)
            await users.update_one({"_id": user["_id"]}, {"$set": {"Roles": ["operator"]}})
            owner = {"UserName": "operator", "UserId": user["_id"]}
            accounts, products = [account(owner) for _ in range(3)], [product(owner) for _ in range(3)]
            await services.store.collection("external_accounts").insert_many(accounts)
            await services.store.collection("external_products").insert_many(products)
            self.known = {
                "account_id": accounts[0]["AccountId"],
                "product_id": products[0]["ProductId"],
                "user_identifier": "operator",
                "user_name": "operator",
                "user_id": str(user["_id"]),
                "institution_name": "Green Bank",
                "account_bank": "Green Bank",
                "product_bank": "Green Bank",
                "connected_external_accounts": [str(accounts[0]["_id"])],
                "connected_external_products": [str(products[0]["_id"])],
            }
        scopes = ["read", "write", "manage", "operate"]
        issued = await services.credentials.issue(
            user_id=user["_id"], user_name="operator", kind="session", scopes=scopes, expires_at=None
        )
        return issued.token


@pytest.fixture(scope="module")
def running(mongo_server, database_name, client):
    """The running application; its tests share what they write."""
    with Running(mongo_server.application_uri(database_name), database_name) as found:
        yield found


@pytest.fixture
def bearer(running):
    """Headers with a token of this test's own: some operations end the token they are called with."""
    return {"Authorization": f"Bearer {running.operator_token()}"}


def tried(test):
    """The same requests in each run, and few enough of them."""
    return settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )(test)


@schema.parametrize()
@tried
def test_no_request_finds_an_answer_that_was_not_declared(case, running, bearer):
    case.call_and_validate(base_url=running.base_url, headers=bearer, checks=CHECKS)


@schema.include(path_regex="account_id|product_id|for-user").parametrize()
@tried
def test_nor_does_one_with_ids_that_exist(case, running, bearer):
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part.update({name: value for name, value in running.known.items() if name in part})
    case.call_and_validate(base_url=running.base_url, headers=bearer, checks=CHECKS)
