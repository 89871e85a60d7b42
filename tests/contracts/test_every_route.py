"""Every route, as OpenAPI lists them: closed to nobody, blind to strangers, open to its owner."""

import hashlib
import re

import bson
import pytest

from backend.cli.serve import api_app as built
from tests.backend.api.conftest import (  # noqa: F401 - the application's fixtures, used by name
    api,
    api_app,
    open_services,
    services,
    signed_up,
)
from tests.builders import account, machine_client, product

# What anybody may call; one more line here is a decision.
PUBLIC = {
    "GET /",
    "GET /.well-known/oauth-authorization-server",
    "GET /health/live",
    "GET /health/ready",
    "POST /api/v1/log-in",
    "POST /api/v1/openfinance/public/create-user",
    "POST /api/v1/sign-up",
    "POST /oauth/revoke",
    "POST /oauth/token",
}
OPERATORS_ONLY = {"GET /metrics"}
DOCUMENT = built().openapi()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
CLOSED = sorted(place for place, operation in OPERATIONS.items() if operation["security"])


class Owned:
    """What the owner has, and requests for it."""

    def __init__(self, person, headers, values):
        self.person, self.headers, self._values = person, headers, values

    def request(self, place):
        """Method, address and arguments that ask for the owner's things at ``place``."""
        method, path = place.split(" ")
        operation = OPERATIONS[place]
        address = re.sub(r"\{(\w+)\}", lambda name: self._values[name[1]], path)
        required = [
            each["name"] for each in operation.get("parameters", []) if each["in"] == "query" and each["required"]
        ]
        query = {name: self._values[name] for name in required}
        more = {"json": self._body(operation)} if "requestBody" in operation else {}
        return method, address, {"params": query} | more

    def marks(self):
        """Texts that only the owner may see."""
        return [str(self.person["UserId"]), self.person["UserName"], *map(str, self._values["secrets"])]

    def _body(self, operation):
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        shape = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
        return {name: self._values[name] for name in shape["required"]}


@pytest.fixture
async def owned(api, signed_up, database):  # noqa: F811 - a fixture
    """A person with an account and a product at Green Bank and an account at the house bank."""
    person, headers = await signed_up("zebra-owner")
    accounts = [account(person), account(person, bank="LeafyBank", AccountNumber=None)]
    loan = product(person)
    for each in accounts:
        each.pop("AccountNumber", None)
    await database.external_accounts.insert_many(accounts)
    await database.external_products.insert_one(loan)
    machine = machine_client(person)
    await database.machine_clients.insert_one(machine)
    token = await database.tokens.find_one({"UserId": person["UserId"]})
    values = {
        "account_id": accounts[0]["AccountId"],
        "product_id": loan["ProductId"],
        "token_id": str(token["_id"]),
        "client_id": str(machine["_id"]),
        "name": "position",
        "user_identifier": str(person["UserId"]),
        "user_id": str(person["UserId"]),
        "user_name": person["UserName"],
        "institution_name": "Green Bank",
        "account_bank": "Green Bank",
        "product_bank": "Green Bank",
        "connected_external_accounts": [str(accounts[0]["_id"])],
        "connected_external_products": [str(loan["_id"])],
        "label": "laptop",
        "scopes": ["read"],
        "secrets": [each["_id"] for each in (*accounts, loan, machine, token)]
        + [each["AccountId"] for each in accounts]
        + [loan["ProductId"]],
    }
    return Owned(person, headers, values)


async def state_of(database, person):
    """A digest of everything of ``person``'s."""
    state = hashlib.sha256()
    whose = {
        "$or": [{name: person["UserId"]} for name in ("UserId", "AccountUser.UserId", "ProductCustomer.UserId", "_id")]
    }
    collections = ("users", "tokens", "machine_clients", "external_accounts", "external_products")
    for name in (*collections, "external_transactions"):
        async for document in database[name].find(whose, sort=[("_id", 1)]):
            state.update(bson.encode(document))
    return state.hexdigest()


def test_what_is_public_is_spelled_out_here():
    assert {place for place in OPERATIONS if place not in CLOSED} == PUBLIC


@pytest.mark.parametrize("place", CLOSED)
async def test_nobody_is_told_to_log_in(api, owned, database, place):  # noqa: F811 - a fixture
    before = await state_of(database, owned.person)
    method, address, more = owned.request(place)
    for headers in ({}, {"Authorization": "Bearer " + "0" * 64}):
        answer = await api.request(method, address, headers=headers, **more)
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"].startswith(("Bearer", "Basic"))
        assert not any(mark in answer.text for mark in owned.marks())
    assert await state_of(database, owned.person) == before


@pytest.mark.parametrize("place", CLOSED)
async def test_a_stranger_sees_and_changes_nothing_of_the_owners(
    api,  # noqa: F811 - a fixture
    signed_up,  # noqa: F811 - a fixture
    owned,
    database,
    place,
):
    _, stranger = await signed_up("stranger")
    before = await state_of(database, owned.person)
    method, address, more = owned.request(place)
    answer = await api.request(method, address, headers=stranger, **more)
    expected = (403,) if place in OPERATORS_ONLY else (200, 201, 204, 404)
    assert answer.status_code in expected, answer.text
    if "{" in place and place != "GET /api/v1/insights/{name}":
        assert answer.status_code == 404
    assert not any(mark in answer.text for mark in owned.marks())
    assert await state_of(database, owned.person) == before


@pytest.mark.parametrize("place", [place for place in CLOSED if place not in OPERATORS_ONLY])
async def test_the_owner_is_answered(api, owned, place):  # noqa: F811 - a fixture
    method, address, more = owned.request(place)
    answer = await api.request(method, address, headers=owned.headers, **more)
    assert answer.is_success, answer.text


async def test_the_marks_we_look_for_are_those_the_owner_sees(api, owned):  # noqa: F811 - a fixture
    seen = ""
    for place in (f"GET /api/v1/{name}" for name in ("accounts", "products", "tokens", "clients", "me")):
        method, address, more = owned.request(place)
        seen += (await api.request(method, address, headers=owned.headers, **more)).text
    shown = [mark for mark in owned.marks() if mark in seen]
    assert len(shown) >= 7
