"""Gates before the routes, as plain ASGI: who is calling, how often, and how much body how slowly.

An error raised by a gate or a route becomes a problem document in ``Problems``, the outermost of them.
"""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.identity.credentials import Credentials
from backend.api.identity.viewer import VIEWER, Viewer
from backend.api.limiting import Limiter, address_of, caller_of
from backend.api.problems import answer_to
from backend.kernel.errors import InvalidInput, OpenFinanceError, TooLarge

HEALTH: Final = "/health/"
_BEARER: Final = b"bearer "


class TooSlow(OpenFinanceError):
    """The body did not come in time."""

    status = 408
    kind = "too-slow"
    title = "The body came too slowly"


class Problems:
    """Turns whatever was raised into a problem document, unless an answer is under way already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the rest and answer for it if it raises."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if started:
                raise
            await answer_to(error, scope).send(scope, send)


class Callers:
    """Recognises the bearer token, and counts the call for that token or for the address.

    An address from which too many wrong tokens came is turned away before the database is asked again; tokens
    that were recognised a moment ago go through.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the rest with the viewer in ``scope``; a token that is not good counts as none."""
        if scope["type"] != "http" or scope["path"].startswith(HEALTH):
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        limiter: Limiter = state.limiter
        if token := _bearer(scope):
            scope[VIEWER] = await _viewer(token, state.services.credentials, limiter, scope)
        limiter.count(caller_of(scope))
        await self._app(scope, receive, send)


class Bodies:
    """Refuses bodies above ``limit_bytes``, declared or not, and those that take longer than ``seconds``."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int, seconds: float) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the rest with a ``receive`` that keeps the limits."""
        if scope["type"] != "http" or not self._announces_body(scope):
            await self._app(scope, receive, send)
            return
        await self._app(scope, self._limited(receive), send)

    def _announces_body(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"transfer-encoding":
                return True
            if name == b"content-length":
                return self._is_some(value)
        return False

    def _is_some(self, length: bytes) -> bool:
        if not length.isdigit():
            raise InvalidInput("Content-Length is not a number")
        # Digits alone decide about absurd lengths: int() refuses very long texts.
        if len(length) > len(str(self._limit_bytes)) + 10 or int(length) > self._limit_bytes:
            raise self._too_large()
        return int(length) > 0

    def _limited(self, receive: Receive) -> Receive:
        read = 0
        deadline = asyncio.get_running_loop().time() + self._seconds
        done = False

        async def limited() -> Message:
            nonlocal read, done
            if done:  # what comes after the body is the client's good-bye, for which we may wait
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError as error:
                raise TooSlow(f"A body is read for {self._seconds:g} seconds at most") from error
            read += len(message.get("body", b""))
            done = not message.get("more_body", False)
            if read > self._limit_bytes:
                raise self._too_large()
            return message

        return limited

    def _too_large(self) -> TooLarge:
        return TooLarge(f"A body has {self._limit_bytes} bytes at most")


def _bearer(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return value[len(_BEARER) :].strip().decode("latin-1") if value[:7].lower() == _BEARER else None
    return None


async def _viewer(token: str, credentials: Credentials, limiter: Limiter, scope: Scope) -> Viewer | None:
    if viewer := credentials.remembered(token):
        return viewer
    address = address_of(scope)
    limiter.refuse_guesser(address)
    viewer = await credentials.recognise(token)
    if viewer is None:
        limiter.count_mistake(address)
    return viewer
