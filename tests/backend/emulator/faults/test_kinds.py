import asyncio
import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import pytest

from backend.emulator.faults.kinds import kinds
from backend.kernel.errors import Malformed
from backend.kernel.strict_json import loads
from tests.backend.emulator.faults.conftest import World, plain_connection, served

BANK = "havel-bank"
SAME_DIALECT = "donautal-bank"


def promised(head):
    return int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


async def timeout(world):
    started = time.monotonic()
    with pytest.raises(httpx2.RemoteProtocolError, match="without sending a response"):
        await world.page(BANK)
    assert 0.3 <= time.monotonic() - started < 2
    assert world.banks[BANK].asked == 0


async def reset(world):
    with pytest.raises(httpx2.ReadError):
        await world.page(BANK)
    assert world.banks[BANK].asked == 0


async def answer_lost(world):
    with pytest.raises(httpx2.ReadError):
        await world.page(BANK)
    assert world.banks[BANK].asked == 1


async def reset_midway(world):
    async with plain_connection(world, BANK) as reader:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        await reader.readexactly(promised(head) // 2)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)


async def slow_drip(world):
    started = time.monotonic()
    arrivals = []
    async with world.client(BANK) as client, client.stream("GET", world.banks[BANK].dialect.path) as response:
        pieces = []
        async for piece in response.aiter_raw():
            arrivals.append(time.monotonic())
            pieces.append(piece)
    assert len(arrivals) > 10
    assert 0.2 < arrivals[-1] - started < 2
    assert loads(b"".join(pieces))["transactions"]


async def truncated(world):
    response = await world.page(BANK)
    assert (response.status_code, len(response.content)) == (200, int(response.headers["content-length"]))
    with pytest.raises(ValueError, match="Expecting|Unterminated"):
        response.json()


async def length_too_long(world):
    with pytest.raises(httpx2.RemoteProtocolError, match="incomplete|complete message body"):
        await world.page(BANK)


async def length_too_short(world):
    async with plain_connection(world, BANK) as reader:
        head = await reader.readuntil(b"\r\n\r\n")
        first = await reader.readexactly(promised(head))
        rest = await reader.read(promised(head) + 1)
    with pytest.raises(Malformed):
        loads(first)
    assert loads(first + rest)["transactions"]


async def duplicate_key(world):
    content = (await world.page(BANK)).content
    assert json.loads(content)["transactions"]
    with pytest.raises(Malformed, match="twice"):
        loads(content)


async def wrong_charset(world):
    response = await world.page(BANK)
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    with pytest.raises(UnicodeDecodeError):
        response.content.decode("utf-8")
    assert "Café" in response.content.decode("iso-8859-1")


async def paging_loop(world):
    dialect = world.banks[BANK].dialect
    response = await world.page(BANK)
    assert dialect.following(response.json()) == dialect.path


async def consent_revoked(world):
    dialect = world.banks[BANK].dialect
    async with world.client(BANK) as client:
        first = await client.get(dialect.path)
        second = await client.get(dialect.following(first.json()))
    assert (first.status_code, second.status_code) == (200, 401)
    world.banks[BANK].revoked.clear()


def answers(status, content_type, body=b"", **headers):
    async def check(world):
        response = await world.page(BANK)
        assert (response.status_code, response.headers.get("content-type")) == (status, content_type)
        assert body in response.content
        assert bool(body) == bool(response.content)
        for name, expected in headers.items():
            assert response.headers.get(name.replace("_", "-")) == expected
        assert world.banks[BANK].asked == 0

    return check


async def throttled_until(world):
    response = await world.page(BANK)
    wait = parsedate_to_datetime(response.headers["retry-after"]) - datetime.now(UTC)
    assert response.status_code == 429
    assert response.headers["retry-after"].endswith(" GMT")
    assert -2 < wait.total_seconds() < 2


async def redirect(world):
    response = await world.page(BANK)
    target = httpx2.URL(response.headers["location"])
    assert response.status_code == 302
    assert (target.host, target.port) == ("elsewhere.localhost", world.port)
    assert target.path == world.banks[BANK].dialect.path


JSON = "application/json"
SEEN = {
    "timeout": timeout,
    "reset": reset,
    "answer-lost": answer_lost,
    "reset-midway": reset_midway,
    "slow-drip": slow_drip,
    "truncated": truncated,
    "length-too-long": length_too_long,
    "length-too-short": length_too_short,
    "duplicate-key": duplicate_key,
    "wrong-charset": wrong_charset,
    "paging-loop": paging_loop,
    "consent-revoked": consent_revoked,
    "internal-error": answers(500, JSON, b"error"),
    "bad-gateway": answers(502, "text/html", b"<html>"),
    "unavailable": answers(503, JSON, b"maintenance", retry_after="0.3"),
    "gateway-timeout": answers(504, None),
    "throttled": answers(429, JSON, b"too_many", retry_after="0.3"),
    "throttled-until": throttled_until,
    "throttled-silently": answers(429, JSON, b"too_many", retry_after=None),
    "throttled-nonsense": answers(429, JSON, b"too_many", retry_after="in a while"),
    "html": answers(200, "text/html; charset=utf-8", b"<!doctype html>"),
    "html-as-json": answers(200, JSON, b"<!doctype html>"),
    "empty": answers(200, JSON),
    "redirect": redirect,
}


def test_every_kind_is_looked_at_from_outside():
    assert set(SEEN) == set(kinds())


@pytest.mark.parametrize("kind", SEEN)
async def test_a_client_sees_the_fault_once_and_other_banks_never_have_it(kind, world, misbehaves, store):
    healthy = (await world.page(BANK)).content
    world.banks[BANK].asked = 0
    await misbehaves(BANK, kind, count=1, seconds=0.3)
    assert (await world.page(SAME_DIALECT)).content == healthy
    async with asyncio.timeout(5):
        await SEEN[kind](world)
    [rule] = await store.all()
    assert rule.fired == 1
    assert (await world.page(BANK)).content == healthy


@pytest.mark.parametrize("protocol", ["h11", "httptools"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_the_socket_is_broken_under_every_protocol_and_loop(
    protocol, loop, faults_uri, database_name, misbehaves
):
    with served(World(faults_uri, f"{database_name}_faults"), http=protocol, loop=loop) as world:
        for kind in ("reset", "answer-lost", "reset-midway", "length-too-long", "length-too-short", "timeout"):
            world.banks[BANK].asked = 0
            await misbehaves(BANK, kind, count=1, seconds=0.3)
            await SEEN[kind](world)
        assert (await world.page(BANK)).status_code == 200


async def test_a_silent_bank_lets_go_of_a_caller_who_hangs_up(world, misbehaves):
    await misbehaves(BANK, "timeout", seconds=600)
    with suppress(httpx2.ReadTimeout):
        await world.page(BANK, patience=0.2)
    await asyncio.sleep(0.2)
    assert not world.server.server_state.tasks


async def test_a_fault_that_an_answer_cannot_show_waits_for_one_that_can(world, misbehaves, store):
    await misbehaves(BANK, "wrong-charset", count=1)
    await misbehaves(BANK, "consent-revoked", count=1, call="GET /v1/accounts/{account}/balances")
    async with world.client(BANK) as client:
        assert (await client.get("/v1/accounts/a1/balances")).status_code == 200
        assert [rule.fired for rule in await store.all()] == [0, 0]
        assert not (await client.get("/v1/accounts/a1/transactions")).content.isascii()
    assert sum(rule.fired for rule in await store.all()) == 1


async def test_without_a_socket_hanging_up_is_an_error_of_the_connection(world, store, misbehaves):
    from backend.emulator.faults import wrap

    await misbehaves(BANK, "reset")
    app = wrap(world.banks[BANK], BANK, store, dialect="berlin_group")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://bank") as client:
        with pytest.raises(ConnectionResetError):
            await client.get("/v1/accounts/a1/balances")


async def test_a_bank_that_compresses_is_understood_all_the_same(faults_uri, database_name, misbehaves):
    from starlette.middleware.gzip import GZipMiddleware

    def compressed(bank):
        return GZipMiddleware(bank, minimum_size=10)

    with served(World(faults_uri, f"{database_name}_faults", inside=compressed)) as world:
        assert (await world.page(BANK)).headers["content-encoding"] == "gzip"
        await misbehaves(BANK, "duplicate-key", count=1)
        await duplicate_key(world)


async def test_faults_reach_the_socket_through_middlewares(faults_uri, database_name, misbehaves):
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.routing import Mount

    world = World(faults_uri, f"{database_name}_faults")
    around = Starlette(routes=[Mount("/", world)], middleware=[Middleware(GZipMiddleware, minimum_size=10)])
    with served(world, around):
        await misbehaves(BANK, "reset-midway", count=1)
        with pytest.raises(httpx2.ReadError):
            await world.page(BANK)
