"""Connections that ask what is written already, and a server that answers as many bytes and asks nobody."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.report import GateFailed


class Wire:
    """A kept-alive connection that asks what is written already, so that asking costs little."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer; GateFailed unless it is 200 and has a length."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        if not head.startswith(b"HTTP/1.1 200 ") or length is None:
            raise GateFailed(f"Under load a server answers {head[:200].decode('latin-1')!r}")
        return await self._reader.readexactly(int(length[1]))

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


def hello() -> Starlette:
    """A server that answers as many bytes as its path says, and asks nobody: a limit."""

    @cache
    def body(length: int) -> bytes:
        return b"x" * length

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(body(request.path_params["length"]), media_type="application/json")

    return Starlette(routes=[Route("/{length:int}", answer, methods=["GET", "POST"])])


@asynccontextmanager
async def wires(port: int, count: int) -> AsyncIterator[list[Wire]]:
    """So many connections to a server of this machine; they end with the block."""
    opened = [Wire(*await asyncio.open_connection("127.0.0.1", port, limit=2**20)) for _ in range(count)]
    try:
        yield opened
    finally:
        for wire in opened:
            await wire.close()


def written(method: str, url: httpx2.URL, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request; a ``body`` is a form."""
    lines = {"Host": url.netloc.decode(), "Accept": "application/json", **headers}
    if body:
        lines |= {"Content-Length": str(len(body)), "Content-Type": "application/x-www-form-urlencoded"}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {url.raw_path.decode()} HTTP/1.1\r\n{head}\r\n".encode() + body
