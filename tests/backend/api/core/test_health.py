"""Health: alive, ready, and the figures; the collector kept quiet while the API runs."""

import gc
from dataclasses import replace

import httpx2
import pytest
from pymongo import AsyncMongoClient

from backend.api.app import create_app
from backend.api.identity.credentials import Credentials
from tests.backend.api.conftest import client_of, settings_for_tests


async def test_alive_needs_nobody_and_no_database(api):
    answer = await api.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "up"})


async def test_ready_names_each_part_that_answered(api):
    answer = await api.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {"status": "up", "parts": {"database": "up", "primary": "up", "data_keys": "up"}}


@pytest.fixture
async def without_database(open_services, database):
    """A client of an application whose MongoDB has gone away since it started."""
    app = create_app(settings_for_tests(), open_services)
    gone = AsyncMongoClient("mongodb://%2Fnowhere%2Fmongodb.sock", serverSelectionTimeoutMS=200)
    async with app.router.lifespan_context(app), gone as client:
        services = app.state.services
        store = replace(services.store, client=client, database=client["gone"])
        credentials = Credentials(store, services.audit)
        app.state.services = replace(services, store=store, credentials=credentials)
        async with client_of(app) as http:
            yield http


async def test_not_ready_without_the_database_but_still_alive(without_database: httpx2.AsyncClient):
    answer = await without_database.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "down"
    assert set(answer.json()["parts"].values()) == {"down"}
    assert (await without_database.get("/health/live")).status_code == 200


async def test_without_the_database_a_call_is_a_503_that_says_when_to_come_again(without_database):
    answer = await without_database.get("/api/v1/me", headers={"Authorization": "Bearer " + "a" * 64})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert "mongodb.sock" not in answer.text


async def test_the_figures_count_routes_not_addresses(api, signed_up, database):
    await signed_up("alice")
    await database.users.update_one({}, {"$set": {"Roles": ["operator"]}})
    body = {"user_name": "alice", "password": "correct horse battery"}
    token = (await api.post("/api/v1/log-in", json=body)).json()["token"]
    await api.get("/some/zebra/address")
    answer = await api.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'openfinance_requests_total{method="GET",route="unmatched",status="404"}' in answer.text
    assert "openfinance_request_seconds_bucket" in answer.text
    assert "openfinance_database_up 1.0" in answer.text
    assert "zebra" not in answer.text


async def test_the_collector_is_quiet_while_the_api_runs_and_as_before_afterwards(open_services):
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    app = create_app(settings_for_tests(), open_services)
    async with app.router.lifespan_context(app):
        assert gc.get_threshold() == (50_000, 50, 100)
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
