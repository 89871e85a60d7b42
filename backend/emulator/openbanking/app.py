"""One bank's API as an application: its dialect's routes, and every refusal in the dialect's words."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.emulator.openbanking.dialect import Dialect
from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.side import Side
from backend.kernel.errors import OpenFinanceError, Unavailable

_ECHO_AT_MOST: Final = 128
_REASONS: Final = {404: Reason.NOT_FOUND, 405: Reason.METHOD_UNKNOWN, 413: Reason.FIELD_INVALID}
_SENTENCES: Final = {404: "There is nothing at this address", 405: "This address is not used that way"}


def create_bank_api(side: Side, dialect: Dialect) -> ASGIApp:
    """The API of ``side``'s bank; it holds no global state."""

    async def refused(request: Request, error: Exception) -> Response:
        return dialect.refuse(_understood(error), request)

    handlers: dict[type[Exception] | int, Callable[[Request, Exception], Awaitable[Response]]] = {
        Refused: refused,
        HTTPException: refused,
        OpenFinanceError: refused,
        Exception: refused,
    }
    app = Starlette(routes=list(dialect.routes), exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.state.side = side
    return _Echoing(app, dialect.echoed.lower().encode())


def _understood(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, HTTPException):
        reason = _REASONS.get(error.status_code, Reason.FAILED)
        return Refused(reason, _SENTENCES.get(error.status_code, error.detail))
    if isinstance(error, Unavailable):
        return Refused(
            Reason.UNAVAILABLE, "Please try again in a moment", retry_after_seconds=error.retry_after_seconds
        )
    return Refused(Reason.FAILED, "Something went wrong on our side")


class _Echoing:
    """Gives every answer the caller's own mark of the call, or a new one."""

    def __init__(self, app: ASGIApp, header: bytes) -> None:
        self._app = app
        self._header = header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        mark = next((value for name, value in scope["headers"] if name == self._header), b"")
        if not 0 < len(mark) <= _ECHO_AT_MOST:
            mark = str(uuid4()).encode()

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (self._header, mark)]
            await send(message)

        await self._app(scope, receive, marked)
