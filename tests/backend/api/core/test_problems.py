"""Problems: one form for everything that goes wrong, and nothing of ours in it."""

import json

import pytest
from fastapi import APIRouter
from pymongo.errors import AutoReconnect, DuplicateKeyError, OperationFailure, ServerSelectionTimeoutError

from backend.api import app as application
from backend.api.strict import StrictRoute
from backend.kernel.errors import Conflict, Misconfigured, SealBroken
from tests.backend.api.core.test_bad_input import assert_problem

SECRET = "mongodb://user:hunter2@host"
RAISED = {
    "unforeseen": (RuntimeError(SECRET), 500, "internal"),
    "no-primary": (ServerSelectionTimeoutError(SECRET), 503, "database-unavailable"),
    "broken": (AutoReconnect(SECRET), 503, "database-unavailable"),
    "forbidden": (OperationFailure(SECRET, 13), 500, "misconfigured"),
    "duplicate": (DuplicateKeyError(SECRET), 500, "internal"),
    "misconfigured": (Misconfigured(SECRET), 500, "misconfigured"),
    "seal": (SealBroken(SECRET), 500, "seal-broken"),
    "conflict": (Conflict("It is so already"), 409, "conflict"),
}


@pytest.fixture
async def failing(api_with, monkeypatch):
    """A client of an application with one route for each error."""
    router = APIRouter(prefix="/raise", route_class=StrictRoute)

    @router.get("/{name}")
    async def fail(name: str) -> None:
        raise RAISED[name][0]

    monkeypatch.setattr(application, "ROUTERS", (*application.ROUTERS, router))
    return await api_with(origins="https://hub.example")


@pytest.mark.parametrize("name", RAISED)
async def test_what_is_raised_becomes_a_problem_that_tells_no_secrets(logged, failing, name):
    _, status, kind = RAISED[name]
    answer = await failing.get(f"/raise/{name}")
    problem = assert_problem(answer, status)
    assert problem["type"] == f"urn:openfinance:problem:{kind}"
    assert "hunter2" not in answer.text + logged.getvalue().decode()
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_page_from_an_allowed_origin_can_read_the_problem_too(failing):
    answer = await failing.get("/raise/unforeseen", headers={"Origin": "https://hub.example"})
    assert answer.headers["access-control-allow-origin"] == "https://hub.example"


async def test_the_log_names_what_nobody_foresaw_by_its_class_and_the_request(logged, failing):
    answer = await failing.get("/raise/unforeseen")
    line = logged.getvalue().decode()
    assert "RuntimeError" in line
    assert answer.headers["x-request-id"] in line


async def test_the_log_names_the_place_in_our_code_and_no_value(logged, api_with):
    api = await api_with()
    api._transport.app.state.services.credentials._tokens = None
    await api.get("/api/v1/me", headers={"Authorization": "Bearer hunter2"})
    line = json.loads(logged.getvalue())
    assert line["raised_at"].startswith("backend/api/identity/credentials.py:")
    assert (line["function"], line["error_class"]) == ("Credentials.recognise", "AttributeError")
    assert "hunter2" not in logged.getvalue().decode()


async def test_the_place_of_an_error_in_our_words_is_where_its_cause_came_from(logged, api_with):
    class Gone:
        async def find_one(self, _):
            raise AutoReconnect(SECRET)

    api = await api_with()
    api._transport.app.state.services.credentials._tokens = Gone()
    await api.get("/api/v1/me", headers={"Authorization": "Bearer hunter2"})
    assert json.loads(logged.getvalue())["function"] == "Credentials.recognise"


async def test_an_unknown_address_and_an_unknown_method_are_problems_too(api):
    assert assert_problem(await api.get("/nowhere"), 404)["type"].endswith("not-found")
    answer = await api.put("/api/v1/sign-up")
    assert assert_problem(answer, 405)["type"].endswith("method-not-allowed")
    assert answer.headers["allow"] == "POST"


async def test_every_answer_has_an_id_of_its_own_and_safe_headers(api):
    answers = [await api.get(place) for place in ("/health/live", "/nowhere", "/api/v1/me", "/health/live")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_persons_answers_are_not_kept_by_caches(api, signed_up):
    _, headers = await signed_up("alice")
    assert (await api.get("/api/v1/me", headers=headers)).headers["cache-control"] == "no-store"
    assert "cache-control" not in (await api.get("/health/live")).headers
