"""Answers as bytes: caught from the bank before they leave, sent, and broken on the socket itself."""

import asyncio
import os
import socket
import struct
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LINGER_NOT: Final = struct.pack("ii", 1, 0)
_LOOKED_THROUGH: Final = 200
_GOODBYE_SECONDS: Final = 5
_FRAMING: Final = (b"content-length", b"transfer-encoding")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def with_header(self, name: bytes, value: bytes) -> "Answer":
        """The same with this header instead of all of its name."""
        others = tuple(pair for pair in self.headers if pair[0].lower() != name)
        return replace(self, headers=(*others, (name, value)))

    def with_body(self, body: bytes, *, claimed: int | None = None) -> "Answer":
        """The same with another body, whose length is told right unless another is ``claimed``."""
        others = tuple(pair for pair in self.headers if pair[0].lower() not in _FRAMING)
        length = str(len(body) if claimed is None else claimed).encode()
        return replace(self, body=body, headers=(*others, (b"content-length", length)))


async def caught(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """What ``app`` answers, uncompressed, without a byte of it having been sent."""
    heads: list[Message] = []
    pieces: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            heads.append(message)
        elif message["type"] == "http.response.body":
            pieces.append(message.get("body", b""))

    plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
    await app({**scope, "headers": plain}, receive, keep)
    return Answer(heads[0]["status"], tuple(map(tuple, heads[0].get("headers", ()))), b"".join(pieces))


async def send_head(send: Send, answer: Answer) -> None:
    """Status and headers of ``answer``."""
    await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})


async def send_piece(send: Send, piece: bytes, *, is_last: bool) -> None:
    """A piece of a body."""
    await send({"type": "http.response.body", "body": piece, "more_body": not is_last})


async def send_whole(send: Send, answer: Answer) -> None:
    """All of ``answer``."""
    await send_head(send, answer)
    await send_piece(send, answer.body, is_last=True)


async def has_gone(receive: Receive, seconds: float) -> bool:
    """Whether the caller goes away within that time; returns as soon as it does."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def hang_up(send: Send, receive: Receive, *, reset: bool = False) -> None:
    """Close the connection, with whatever was not sent yet; with ``reset``, so that the caller sees an error.

    Raises ConnectionResetError where there is no socket, as in a client that calls the application itself.
    """
    transport = transport_behind(send)
    if transport is None:
        raise ConnectionResetError("The emulated bank hangs up")
    if transport.is_closing():
        return
    if reset:
        _forget_what_waits(transport)
        transport.abort()
    else:
        transport.close()
    await has_gone(receive, _GOODBYE_SECONDS)


def transport_behind(send: Send) -> Any:
    """The socket's transport of the server that ``send`` leads to, through plain middlewares; None if there is none.

    ASGI has no word for it, but every server's ``send`` is a method, or closes over one, of what holds it.
    """
    waiting: list[Any] = [send]
    for each in waiting:
        owner = getattr(each, "__self__", None)
        transport = getattr(owner, "transport", None)
        if hasattr(transport, "abort"):
            return transport
        cells = [cell.cell_contents for cell in getattr(each, "__closure__", None) or ()]
        within = [each.func, *each.args, *each.keywords.values()] if isinstance(each, partial) else []
        found = [*cells, *within, getattr(owner, "send", None), getattr(each, "send", None)]
        waiting += [one for one in found if callable(one) and one not in waiting]
        if len(waiting) > _LOOKED_THROUGH:
            break
    return None


def _forget_what_waits(transport: Any) -> None:
    """Closing then sends a reset instead of a farewell (SO_LINGER of zero seconds)."""
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
