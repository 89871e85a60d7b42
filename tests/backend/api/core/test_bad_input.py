"""Bad input: a problem document of the 4xx kind, and nothing changed."""

import hashlib
import json
import re

import bson
import pytest

from tests.backend.api.conftest import PASSWORD

JSON = {"Content-Type": "application/json"}
NESTED = b"[" * 100_000 + b"]" * 100_000
SIGN_UP = "/api/v1/sign-up"
TOKENS = "/api/v1/tokens"

BAD_BODIES = {
    "NaN": b'{"user_name": NaN, "password": "long enough"}',
    "Infinity": b'{"user_name": Infinity, "password": "long enough"}',
    "minus Infinity": b'{"user_name": -Infinity, "password": "long enough"}',
    "a number too large for a float": b'{"user_name": 1e400, "password": "long enough"}',
    "the same within text": b'{"user_name": "1e400", "password": 1e400}',
    "a number too long for an int": b'{"user_name": 1' + b"0" * 5000 + b', "password": "long enough"}',
    "a long but legal number": b'{"user_name": 1234567890123456789012, "password": "long enough"}',
    "full-width digits": '{"user_name": "alice", "password": １２３４５６７８}'.encode(),
    "a duplicate key": b'{"user_name": "alice", "password": "long enough", "user_name": "eve"}',
    "a lone surrogate": b'{"user_name": "alice", "password": "\\ud800 long enough"}',
    "a surrogate in a name": b'{"user_name": "alice", "password": "long enough", "\\udfff": 1}',
    "a surrogate as bytes": b'{"user_name": "alice", "password": "\xed\xa0\x80 long enough"}',
    "bytes that are no text": b'{"user_name": "\xff\xfe", "password": "long enough"}',
    "100,000 levels": NESTED,
    "100,000 levels within a field": b'{"user_name": ' + NESTED + b"}",
    "900 levels and a surrogate": b"[" * 900 + b'"\\ud800"' + b"]" * 900,
    "an operator as name": b'{"user_name": {"$ne": null}, "password": "long enough"}',
    "an operator as password": b'{"user_name": "alice", "password": {"$gt": ""}}',
    "an operator as key": b'{"$where": "1", "user_name": "alice", "password": "long enough"}',
    "half a document": b'{"user_name": "alice", "passw',
    "nothing at all": b"",
    "two documents": b'{"user_name": "alice", "password": "long enough"} {}',
    "a NUL": b'{"user_name": "al\\u0000ice", "password": "long enough"}',
    "a list": b'[{"user_name": "alice", "password": "long enough"}]',
    "true": b"true",
}


async def digest_of(database):
    """A digest over every document of every collection."""
    state = hashlib.sha256()
    for name in sorted(await database.list_collection_names(filter={"type": "collection"})):
        if not name.startswith("system."):
            async for document in database[name].find({}, sort=[("_id", 1)]):
                state.update(bson.encode(document))
    return state.hexdigest()


def assert_problem(answer, *statuses):
    assert answer.status_code in (statuses or range(400, 500)), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"].startswith("urn:openfinance:problem:")
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


@pytest.fixture
async def unchanged(database, services):
    """Checks that between its making and its call nothing changed in the database."""
    await services.credentials.flush()
    before = await digest_of(database)

    async def check():
        assert await digest_of(database) == before

    return check


@pytest.mark.parametrize("place", [SIGN_UP, "/api/v1/log-in"])
@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_body_that_is_not_right_changes_nothing(api, unchanged, place, name):
    assert_problem(await api.post(place, content=BAD_BODIES[name], headers=JSON), 400, 422)
    await unchanged()


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_the_same_behind_a_log_in(api, signed_up, database, services, name):
    _, headers = await signed_up("alice")
    await services.credentials.flush()
    before = await digest_of(database)
    assert_problem(await api.post(TOKENS, content=BAD_BODIES[name], headers=JSON | headers), 400, 422)
    assert await digest_of(database) == before


@pytest.mark.parametrize("field", ["label", "scopes", "expires_in_days"])
@pytest.mark.parametrize("value", [{"$ne": None}, [{"$gt": ""}], {"$regex": ".*"}, 1.5, 2**63, "\0", -1])
async def test_no_field_takes_an_operator_or_nonsense(api, signed_up, database, services, field, value):
    _, headers = await signed_up("alice")
    await services.credentials.flush()
    before = await digest_of(database)
    body = {"label": "laptop", "scopes": ["read"], "expires_in_days": 1} | {field: value}
    assert_problem(await api.post(TOKENS, json=body, headers=headers), 400, 422)
    assert await digest_of(database) == before


async def test_a_body_that_does_not_say_it_is_json_is_not_read_as_json(api, unchanged):
    body = json.dumps({"user_name": "alice", "password": PASSWORD}).encode()
    for kind in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        assert_problem(await api.post(SIGN_UP, content=body, headers=kind), 422)
    await unchanged()


@pytest.mark.parametrize(
    "query",
    [
        "cursor=%00", "limit=%EF%BC%91", "limit=0", "limit=201", "limit=1e1", "limit=", "limit=NaN", "limit=1&limit=2",
        "cursor=%ED%A0%80", "cursor=%FF", "limits=1", "limit[$ne]=1", "cursor=e30", "cursor=" + "A" * 2000, "=1",
        "limit=99999999999999999999999999999999", "limit=" + "9" * 5000, "%00=1", "limit=1;limit=2", "limit=-1",
        "limit=1.0", "limit=%2B1", "limit=%201",
    ],
)  # fmt: skip
async def test_a_query_that_is_not_right_is_refused(api, signed_up, query):
    _, headers = await signed_up("alice")
    answer = await api.get(f"{TOKENS}?{query}", headers=headers)
    assert_problem(answer, 422)


async def test_what_was_sent_is_never_sent_back(api, signed_up):
    _, headers = await signed_up("alice")
    marker = "zebra-4711"
    answers = [
        await api.post(SIGN_UP, json={"user_name": marker + "!", "password": marker, marker: marker}),
        await api.post(SIGN_UP, content=b'{"' + marker.encode() + b'": NaN}', headers=JSON),
        await api.post(TOKENS, json={"label": marker, "scopes": [marker], "expires_in_days": marker}, headers=headers),
        await api.get(TOKENS, params={"cursor": marker, "limit": marker}, headers=headers),
        await api.get(TOKENS, params={marker: "1"}, headers=headers),
        await api.get(f"/api/v1/{marker}"),
        await api.delete(f"{TOKENS}/{marker}", headers=headers),
        await api.get("/api/v1/me", headers={"Authorization": f"Bearer {marker}"}),
    ]
    for answer in answers:
        assert_problem(answer)
        assert marker not in answer.text
        assert marker not in str(answer.headers)


async def test_each_fault_says_where_it_is(api):
    answer = await api.post(SIGN_UP, json={"user_name": "x", "email": "nowhere", "extra": 1})
    problem = assert_problem(answer, 422)
    pointers = sorted(fault["pointer"] for fault in problem["errors"])
    assert pointers == ["/body", "/body/email", "/body/password", "/body/user_name"]
    assert all(fault["sentence"] for fault in problem["errors"])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "bearer \xff\xfe",
        "Bearer " + "a" * 5000,
        'Bearer {"$ne": null}',
        "x" * 64,
    ],
)
async def test_a_token_that_is_none_is_nobody(api, value):
    answer = await api.get("/api/v1/me", headers={"Authorization": value.encode("latin-1")})
    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_nobodys_body_is_not_even_read(api):
    assert_problem(await api.post(TOKENS, content=b"{", headers=JSON), 401)


@pytest.mark.parametrize(
    "text",
    [
        "%00",
        "%FF",
        "%ED%A0%80",
        "..%2F..",
        "%7B%22$ne%22:null%7D",
        "x" * 5000,
        "acc_" + "a" * 26,
        "0" * 24,
        "%E2%80%AE",
        "NaN",
    ],
)
async def test_an_id_that_is_none_is_not_found(api, api_app, signed_up, text):
    _, headers = await signed_up("alice")
    with_ids = [route for route in api_app.routes if "{" in route.path]
    assert len(with_ids) >= 5
    for route in with_ids:
        answer = await api.request(*route.methods, re.sub(r"\{\w+\}", text, route.path), headers=headers)
        assert_problem(answer, 404, 422)  # too long to be looked at
