"""Kinds of transport faults: what happens to a call instead of, or to, the bank's answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from functools import cache
from typing import Final

from pydantic import Field
from starlette.types import Receive, Scope, Send

from backend.emulator.faults import wire
from backend.emulator.faults.pages import Page, read_payload, render_payload
from backend.emulator.faults.reading import DATA, Row, as_row, read_rows
from backend.emulator.faults.steps import LinkNext
from backend.emulator.faults.wire import Answer
from backend.kernel.clock import now

_PIECES: Final = 20
_TO_ARRIVE_SECONDS: Final = 0.05
_MISSING: Final = 64

Revoke = Callable[[Scope], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call: the request, the way back to the caller, and how to revoke the consent it was made with."""

    scope: Scope
    receive: Receive
    send: Send
    seconds: float
    revoke: Revoke | None = None


@dataclass(frozen=True, slots=True)
class Instead:
    """A fault that keeps the call from the bank. ``seconds`` is its measure of time where none is set."""

    says: str
    seconds: float
    inflict: Callable[[Exchange], Awaitable[None]]


Spoil = Callable[[Answer, Page | None], Answer | None]
Deliver = Callable[[Exchange, Answer], Awaitable[None]]


async def _whole(exchange: Exchange, answer: Answer) -> None:
    await wire.send_whole(exchange.send, answer)


def _if_any(answer: Answer, _page: Page | None) -> Answer | None:
    return answer if answer.body else None


@dataclass(frozen=True, slots=True)
class Upon:
    """A fault of the bank's answer: ``spoil`` makes another of it, or None where it cannot; ``deliver`` sends that."""

    says: str
    seconds: float = 0
    spoil: Spoil = _if_any
    deliver: Deliver = _whole
    needs_revoke: bool = False


Kind = Instead | Upon


class Canned(Row):
    """An answer that is given whatever was asked."""

    says: str
    status: int
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = ""

    async def give(self, exchange: Exchange) -> None:
        """Answer so."""
        facts = {
            "seconds": f"{exchange.seconds:g}",
            "http_date": format_datetime(now() + timedelta(seconds=exchange.seconds), usegmt=True),
            "port": (exchange.scope.get("server") or ("", 80))[1],
            "path": exchange.scope["path"],
        }
        headers = tuple((name.encode(), text.format(**facts).encode()) for name, text in self.headers.items())
        await wire.send_whole(exchange.send, Answer(self.status, headers, b"").with_body(self.body.encode()))


async def _silence(exchange: Exchange) -> None:
    if not await wire.has_gone(exchange.receive, exchange.seconds):
        await wire.hang_up(exchange.send, exchange.receive)


async def _reset(exchange: Exchange) -> None:
    await wire.hang_up(exchange.send, exchange.receive, reset=True)


async def _lose(exchange: Exchange, _answer: Answer) -> None:
    await _reset(exchange)


async def _reset_midway(exchange: Exchange, answer: Answer) -> None:
    await wire.send_head(exchange.send, answer.with_body(answer.body))
    await wire.send_piece(exchange.send, answer.body[: len(answer.body) // 2], is_last=False)
    # A reset overtakes what is still on its way; the half is to arrive.
    await wire.has_gone(exchange.receive, _TO_ARRIVE_SECONDS)
    await _reset(exchange)


async def _drip(exchange: Exchange, answer: Answer) -> None:
    size = -(-len(answer.body) // _PIECES)
    await wire.send_head(exchange.send, answer.with_body(answer.body))
    for start in range(0, len(answer.body), size):
        if await wire.has_gone(exchange.receive, exchange.seconds / _PIECES):
            return
        piece = answer.body[start : start + size]
        await wire.send_piece(exchange.send, piece, is_last=start + size >= len(answer.body))


async def _promise_more(exchange: Exchange, answer: Answer) -> None:
    await wire.send_head(exchange.send, answer.with_body(answer.body, claimed=len(answer.body) + _MISSING))
    await wire.send_piece(exchange.send, answer.body, is_last=False)
    await wire.hang_up(exchange.send, exchange.receive)


async def _promise_less(exchange: Exchange, answer: Answer) -> None:
    half = len(answer.body) // 2
    await wire.send_whole(exchange.send, answer.with_body(answer.body[:half]))
    if transport := wire.transport_behind(exchange.send):
        transport.write(answer.body[half:])


async def _revoke_after(exchange: Exchange, answer: Answer) -> None:
    # Before the page is sent: whoever has it asks for the next one at once.
    if exchange.revoke:
        await exchange.revoke(exchange.scope)
    await wire.send_whole(exchange.send, answer)


def _cut(answer: Answer, _page: Page | None) -> Answer | None:
    return answer.with_body(answer.body[: len(answer.body) // 2]) if answer.body else None


def _repeat_key(answer: Answer, page: Page | None) -> Answer | None:
    if page is None or not page.payload:
        return None
    key = next(iter(page.payload))
    return answer.with_body(b"{" + render_payload({key: None})[1:-1] + b"," + render_payload(page.payload)[1:])


def _mislabel(answer: Answer, page: Page | None) -> Answer | None:
    if page is None:
        return None
    text = render_payload(page.payload).decode()
    if text.isascii():
        return None
    labelled = answer.with_header(b"content-type", b"application/json; charset=utf-8")
    return labelled.with_body(text.encode("iso-8859-1", errors="replace"))


def _loop(answer: Answer, page: Page | None) -> Answer | None:
    if page is None:
        return None
    LinkNext(do="link_next", to="itself").apply(page)
    body = render_payload(page.payload)
    return None if read_payload(answer.body) == page.payload else answer.with_body(body)


def _if_more(answer: Answer, page: Page | None) -> Answer | None:
    return answer if page and page.dialect.next_pages(page.payload) else None


_MADE: Final[dict[str, Kind]] = {
    "timeout": Instead("Never answers; closes the connection after --seconds (30).", 30, _silence),
    "reset": Instead("Resets the connection before a single byte of an answer.", 0, _reset),
    "answer-lost": Upon("The bank does what was asked, and the connection is reset before it says so.", deliver=_lose),
    "reset-midway": Upon("Resets the connection in the middle of the body.", deliver=_reset_midway),
    "slow-drip": Upon("The body comes in twenty drops over --seconds (10).", 10, deliver=_drip),
    "truncated": Upon("The body ends in the middle, and its length is told to match.", spoil=_cut),
    "length-too-long": Upon("Content-Length promises 64 bytes more than come.", deliver=_promise_more),
    "length-too-short": Upon("Content-Length promises half; the rest stays in the connection.", deliver=_promise_less),
    "duplicate-key": Upon("The first key of the JSON occurs twice, first with null.", spoil=_repeat_key),
    "wrong-charset": Upon("ISO 8859-1 that calls itself UTF-8, where a letter shows it.", spoil=_mislabel),
    "paging-loop": Upon("The next page of a page is the page itself.", spoil=_loop),
    "consent-revoked": Upon(
        "The customer revokes between a page and the next.", spoil=_if_more, deliver=_revoke_after, needs_revoke=True
    ),
}  # fmt: skip


@cache
def kinds() -> dict[str, Kind]:
    """All kinds by name; Misconfigured names the place in answers.toml that is wrong."""
    path = DATA / "answers.toml"
    canned = {name: as_row(path, row, Canned) for name, row in read_rows(path).items()}
    return {**_MADE, **{name: Instead(each.says, 120, each.give) for name, each in canned.items()}}
