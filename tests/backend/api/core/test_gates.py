"""Gates: how often, how much, from where."""

import asyncio
import json

import pytest

from tests.backend.api.conftest import PASSWORD
from tests.backend.api.core.test_bad_input import assert_problem

ALICE = {"user_name": "alice", "password": PASSWORD}


async def test_the_call_after_the_last_of_the_minute_is_told_when_to_come_again(api_with):
    api = await api_with(rate_limit_per_minute=3)
    answers = [await api.get("/api/v1/me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert_problem(answers[-1], 429)
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


async def test_each_token_has_a_share_of_its_own(api_with, signed_up):
    _, alice = await signed_up("alice")
    _, bob = await signed_up("bob")
    api = await api_with(rate_limit_per_minute=3)
    statuses = [(await api.get("/api/v1/me", headers=alice)).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert (await api.get("/api/v1/me", headers=bob)).status_code == 200


async def test_many_calls_at_once_get_no_more_than_the_share(api_with, signed_up):
    _, alice = await signed_up("alice")
    api = await api_with(rate_limit_per_minute=10)
    answers = await asyncio.gather(*(api.get("/api/v1/me", headers=alice) for _ in range(40)))
    assert sum(answer.status_code == 200 for answer in answers) == 10


async def test_who_guesses_tokens_is_turned_away_before_the_database_is_asked(api_with):
    api = await api_with(rate_limit_per_minute=3)

    async def guess(number):
        return await api.get("/api/v1/me", headers={"Authorization": f"Bearer {number:064}"})

    assert [(await guess(number)).status_code for number in range(30)] == [401] * 3 + [429] * 27
    api._transport.app.state.services.credentials._tokens = None  # asking would now be a 500
    assert_problem(await guess(31), 429)


async def test_one_clients_wrong_tokens_do_not_switch_off_the_others_at_its_address(api_with, signed_up):
    _, alice = await signed_up("alice")
    api = await api_with(rate_limit_per_minute=3)
    for number in range(10):
        await api.get("/api/v1/me", headers={"Authorization": f"Bearer {number:064}"})
    assert (await api.get("/api/v1/me", headers=alice)).status_code == 200


async def test_sign_up_is_limited_by_address_whoever_asks(api_with, signed_up):
    _, headers = await signed_up("alice")
    api = await api_with(rate_limit_per_minute=100)
    for number in range(5):
        body = {"user_name": f"person{number}", "password": PASSWORD}
        assert (await api.post("/api/v1/sign-up", json=body, headers=headers if number % 2 else {})).status_code == 201
    assert_problem(await api.post("/api/v1/sign-up", json=ALICE, headers=headers), 429)
    assert_problem(await api.post("/api/v1/sign-up", json=ALICE), 429)


async def test_probes_of_health_are_not_counted(api_with):
    api = await api_with(rate_limit_per_minute=1)
    assert {(await api.get("/health/live")).status_code for _ in range(5)} == {200}


async def test_zero_switches_every_limit_off(api):
    statuses = {(await api.post("/api/v1/sign-up", json={})).status_code for _ in range(20)}
    assert statuses == {422}


@pytest.mark.parametrize("place", ["/api/v1/log-in", "/api/v1/tokens", "/api/v1/me", "/nowhere"])
async def test_a_body_that_says_it_is_too_large_is_not_read(api_with, place):
    api = await api_with(body_limit_bytes=2048)

    async def never():
        raise AssertionError("The body was read")
        yield b""

    answer = await api.post(place, content=never(), headers={"Content-Length": "2049"})
    assert_problem(answer, 413)
    assert answer.headers["connection"] == "close"
    answer = await api.post(place, content=never(), headers={"Content-Length": "9" * 5000})
    assert_problem(answer, 413)
    assert_problem(await api.post(place, content=never(), headers={"Content-Length": "-1"}), 422)


async def test_a_body_in_pieces_is_cut_off_at_the_limit(api_with):
    api = await api_with(body_limit_bytes=2048)
    sent = 0

    async def pieces():
        nonlocal sent
        while True:
            sent += 512
            yield b" " * 512

    headers = {"Content-Type": "application/json"}
    assert_problem(await api.post("/api/v1/log-in", content=pieces(), headers=headers), 413)
    assert sent <= 2048 + 512


async def test_a_body_of_exactly_the_limit_is_read(api_with):
    api = await api_with(body_limit_bytes=2048)
    body = b'{"user_name": "alice", "password": "wrong"}'
    headers = {"Content-Type": "application/json"}
    answer = await api.post("/api/v1/log-in", content=body.ljust(2048), headers=headers)
    assert answer.status_code == 401


async def test_a_body_that_dawdles_is_given_up(api_with):
    api = await api_with(body_seconds=0.2)

    async def slowly():
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.05)

    answer = await api.post("/api/v1/log-in", content=slowly(), headers={"Content-Type": "application/json"})
    assert assert_problem(answer, 408)["type"].endswith("too-slow")


async def test_only_pages_of_named_origins_may_call(api_with):
    api = await api_with(origins="https://hub.example, *")
    asked = {"Origin": "https://hub.example", "Access-Control-Request-Method": "GET"}
    granted = await api.options("/api/v1/me", headers=asked | {"Access-Control-Request-Headers": "authorization"})
    assert granted.headers["access-control-allow-origin"] == "https://hub.example"
    assert "access-control-allow-credentials" not in granted.headers
    refused = await api.options("/api/v1/me", headers=asked | {"Origin": "https://evil.example"})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    simple = await api.get("/health/live", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in simple.headers


async def test_without_named_origins_no_page_may_call(api):
    answer = await api.get("/health/live", headers={"Origin": "https://hub.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_the_log_shows_the_route_but_not_the_address_token_or_body(logged, api_with):
    api = await api_with(log_level="INFO")
    await api.delete("/api/v1/tokens/zebra-id?zebra=1", headers={"Authorization": "Bearer zebra-token"})
    await api.post("/api/v1/log-in", json={"user_name": "zebra", "password": "zebra-password"})
    lines = [json.loads(line) for line in logged.getvalue().decode().splitlines()]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("DELETE", "/api/v1/tokens/{token_id}", 401),
        ("POST", "/api/v1/log-in", 401),
    ]
    assert all(line["duration_ms"] > 0 and line["request_id"] for line in lines)
    assert "zebra" not in logged.getvalue().decode()
