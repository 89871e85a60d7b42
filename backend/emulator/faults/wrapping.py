"""The wrapper round a bank's application that makes it misbehave as the rules say."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from backend.emulator.faults.dialects import dialect_named
from backend.emulator.faults.kinds import Exchange, Instead, Revoke, Upon, kinds
from backend.emulator.faults.packs import packs
from backend.emulator.faults.pages import Page, read_payload, render_payload
from backend.emulator.faults.rules import FaultStore, Rule
from backend.emulator.faults.wire import Answer, caught, send_whole
from backend.kernel import clock
from backend.kernel.errors import DatabaseUnavailable

Now = Callable[[], Awaitable[datetime]]

_OK: Final = 200


async def _present() -> datetime:
    return clock.now()


def wrap(
    app: ASGIApp, bank: str, store: FaultStore, *, dialect: str, now: Now = _present, revoke: Revoke | None = None
) -> ASGIApp:
    """``app`` with the faults and packs that ``store`` has for ``bank``; without any it is called as it is.

    ``now`` tells the world's time, by whose days ids change; ``revoke`` is given a request's scope and ends the
    consent it was made with (without it the kind consent-revoked does nothing). InvalidInput for an unknown dialect.
    """
    return FaultyBank(app, bank, store, dialect=dialect, now=now, revoke=revoke)


class FaultyBank:
    """An ASGI application; see ``wrap``."""

    def __init__(
        self, app: ASGIApp, bank: str, store: FaultStore, *, dialect: str, now: Now, revoke: Revoke | None
    ) -> None:
        self._app = app
        self._bank = bank
        self._store = store
        self._dialect = dialect_named(dialect)
        self._now = now
        self._revoke = revoke

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or fail to."""
        rules = await self._rules(scope)
        if not rules:
            await self._app(scope, receive, send)
            return
        for rule in rules:
            kind = kinds().get(rule.fault)
            if isinstance(kind, Instead) and await self._store.claim(rule):
                await kind.inflict(self._exchange(rule, kind, scope, receive, send))
                return
        if all(isinstance(kinds().get(rule.fault), Instead) for rule in rules):
            await self._app(scope, receive, send)
            return
        answer = await self._strange(rules, scope, await caught(self._app, scope, receive))
        await self._deliver(rules, answer, scope, receive, send)

    async def _rules(self, scope: Scope) -> list[Rule]:
        if scope["type"] != "http":
            return []
        try:
            return await self._store.active(self._bank, scope["method"], scope["path"])
        except DatabaseUnavailable:
            # The bank has the same trouble, and says so in its dialect's words.
            return []

    async def _strange(self, rules: Sequence[Rule], scope: Scope, answer: Answer) -> Answer:
        """``answer`` as the packs make it."""
        for rule in rules:
            pack = packs().get(rule.fault)
            page = await self._page(scope, answer, rule.seed) if pack else None
            if pack is None or page is None:
                continue
            before = render_payload(page.payload)
            pack.apply(page)
            after = render_payload(page.payload)
            if after != before and await self._store.claim(rule):
                answer = answer.with_body(after)
        return answer

    async def _deliver(self, rules: Sequence[Rule], answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        for rule in rules:
            kind = kinds().get(rule.fault)
            if not isinstance(kind, Upon) or (kind.needs_revoke and not self._revoke):
                continue
            spoilt = kind.spoil(answer, await self._page(scope, answer, rule.seed))
            if spoilt and await self._store.claim(rule):
                await kind.deliver(self._exchange(rule, kind, scope, receive, send), spoilt)
                return
        await send_whole(send, answer)

    def _exchange(self, rule: Rule, kind: Instead | Upon, scope: Scope, receive: Receive, send: Send) -> Exchange:
        seconds = kind.seconds if rule.seconds is None else rule.seconds
        return Exchange(scope, receive, send, seconds, self._revoke)

    async def _page(self, scope: Scope, answer: Answer, seed: str) -> Page | None:
        payload = read_payload(answer.body) if answer.status == _OK else None
        if payload is None:
            return None
        return Page(
            payload=payload,
            dialect=self._dialect,
            bank=self._bank,
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            day=(await self._now()).date(),
            seed=seed,
        )
