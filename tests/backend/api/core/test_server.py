"""The server on a real socket: what only shows between TCP and the application."""

import asyncio
import contextlib
import json
from time import perf_counter

import pytest
import uvicorn

from backend.api.app import create_app
from backend.api.protocol import HEADER_BYTES_MAX, SERVER_OPTIONS, GuardedProtocol
from tests.backend.api.conftest import settings_for_tests

PORT = "127.0.0.1"
ONE_MB = b" " * 2**20


class Impatient(GuardedProtocol):
    """The same, in less time."""

    header_seconds = 0.3


@pytest.fixture
async def port(open_services, database):
    """The port of a running server of ours."""
    app = create_app(settings_for_tests(), open_services, body_seconds=0.5)
    options = SERVER_OPTIONS | {"http": Impatient, "loop": "none"}
    server = uvicorn.Server(uvicorn.Config(app, host=PORT, port=0, **options))
    server.install_signal_handlers = lambda: None
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


@contextlib.asynccontextmanager
async def connection(port):
    """A plain TCP connection to the server."""
    reader, writer = await asyncio.open_connection(PORT, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def head(method="POST", place="/api/v1/log-in", **headers):
    lines = [f"{method} {place} HTTP/1.1", "Host: api.test", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def answer_of(reader):
    """Status, headers and problem of the answer."""
    raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    lines = raw.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:]) if name}
    body = await asyncio.wait_for(reader.readexactly(int(headers["content-length"])), 5)
    return int(lines[0].split()[1]), headers, json.loads(body)


async def test_fifty_megabytes_are_refused_by_their_announcement(port):
    async with connection(port) as (reader, writer):
        writer.write(head(Content_Length=50 * 2**20))
        status, headers, problem = await answer_of(reader)
    assert (status, problem["type"]) == (413, "urn:openfinance:problem:too-large")
    assert headers["connection"] == "close"
    assert "server" not in headers


async def test_a_body_in_chunks_is_refused_at_the_first_byte_too_many(port):
    async with connection(port) as (reader, writer):
        writer.write(head(Transfer_Encoding="chunked"))
        writer.write(b"%x\r\n%s\r\n" % (len(ONE_MB), ONE_MB))
        writer.write(b"1\r\n \r\n")
        status, _, problem = await answer_of(reader)
    assert (status, problem["type"]) == (413, "urn:openfinance:problem:too-large")


async def test_fifty_megabytes_in_chunks_are_cut_off(port):
    sent = 0
    async with connection(port) as (_, writer):
        writer.write(head(Transfer_Encoding="chunked"))
        with contextlib.suppress(ConnectionError):
            for _ in range(50):
                writer.write(b"%x\r\n%s\r\n" % (len(ONE_MB), ONE_MB))
                await asyncio.wait_for(writer.drain(), 5)
                sent += 1
    assert sent < 20  # what was under way when the server closed


async def test_a_slow_body_is_given_up(port):
    async with connection(port) as (reader, writer):
        writer.write(head(Content_Length=100))
        begun = perf_counter()
        status, headers, problem = await answer_of(reader)
    assert (status, problem["type"]) == (408, "urn:openfinance:problem:too-slow")
    assert headers["connection"] == "close"
    assert 0.4 < perf_counter() - begun < 2


@pytest.mark.parametrize("beginning", [b"", b"GET /health/live HTT", b"GET /health/live HTTP/1.1\r\nHost: api"])
async def test_a_connection_that_says_nothing_or_half_is_closed(port, beginning):
    async with connection(port) as (reader, writer):
        writer.write(beginning)
        assert await asyncio.wait_for(reader.read(), 2) == b""


async def test_the_second_request_of_a_connection_is_watched_as_well(port):
    async with connection(port) as (reader, writer):
        writer.write(head("GET", "/health/live"))
        assert (await answer_of(reader))[0] == 200
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: api")
        assert await asyncio.wait_for(reader.read(), 2) == b""


async def test_headers_without_end_are_refused(port):
    async with connection(port) as (reader, writer):
        writer.write(b"GET /health/live HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(2 * HEADER_BYTES_MAX // 1024):
                writer.write(b"X-%d: %s\r\n" % (number, b"a" * 1024))
                await asyncio.wait_for(writer.drain(), 5)
        received = b""
        with contextlib.suppress(ConnectionError):
            received = await asyncio.wait_for(reader.read(), 5)
    assert received.startswith(b"HTTP/1.1 400") or received == b""


async def test_many_requests_over_one_connection_are_answered_in_turn(port):
    async with connection(port) as (reader, writer):
        for _ in range(5):
            writer.write(head("GET", "/health/live"))
            assert (await answer_of(reader))[0] == 200
            await asyncio.sleep(0.1)
        writer.write(head(Content_Length=2) + b"{}")
        assert (await answer_of(reader))[0] == 422


def test_nobody_is_believed_to_come_from_elsewhere_unless_serve_is_told_of_a_proxy():
    assert not uvicorn.Config("app", **SERVER_OPTIONS).proxy_headers
