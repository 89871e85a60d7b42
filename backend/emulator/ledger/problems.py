"""Problem documents (RFC 9457) of the ledger's API, with the members older clients read: message, code, timestamp."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException

from backend.emulator.ledger.canonical import instant
from backend.kernel.clock import now
from backend.kernel.errors import InvalidInput, NotAuthenticated, OpenFinanceError
from backend.kernel.log import get_logger
from backend.kernel.mongo.client import translated

_CODES: Final[Mapping[int, str]] = {
    400: "VALIDATION_ERROR",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    413: "TOO_LARGE",
    422: "VALIDATION_ERROR",
    429: "TOO_MANY_REQUESTS",
    503: "UNAVAILABLE",
}
_TELL_US: Final = "Nothing is wrong with the request"


def add_problems(app: FastAPI) -> None:
    """Let every error of ``app`` leave as a problem document."""
    app.add_exception_handler(OpenFinanceError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _routing)
    app.add_exception_handler(PyMongoError, _database)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(_request: Request, error: Exception) -> JSONResponse:
    return _problem(error) if isinstance(error, OpenFinanceError) else _of_our_side(error)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """The pointers and reasons; never the input."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    faults = [{"pointer": "/" + "/".join(map(str, fault["loc"])), "sentence": fault["msg"]} for fault in found]
    return _document(400, InvalidInput.kind, InvalidInput.title, "See errors", errors=faults)


async def _routing(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    phrase = HTTPStatus(status).phrase
    return _document(status, phrase.lower().replace(" ", "-"), phrase, phrase)


async def _database(_request: Request, error: Exception) -> JSONResponse:
    try:
        with translated():
            raise error
    except OpenFinanceError as ours:
        return _problem(ours)
    except PyMongoError:
        return _of_our_side(error)


async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
    return _of_our_side(error)


def _of_our_side(error: Exception) -> JSONResponse:
    get_logger().error("unexpected", error_class=type(error).__name__)
    return _document(500, OpenFinanceError.kind, OpenFinanceError.title, _TELL_US)


def _problem(error: OpenFinanceError) -> JSONResponse:
    headers: dict[str, str] = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    # Sentences about our own installation are for its operator.
    detail = str(error) if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else _TELL_US
    return _document(error.status, error.kind, error.title, detail, headers=headers)


def _document(
    status: int, kind: str, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    body = {
        "type": f"urn:openfinance:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "message": detail,
        "code": "INSUFFICIENT_BALANCE" if kind == "insufficient-balance" else _CODES.get(status, "INTERNAL_ERROR"),
        "timestamp": instant(now()),
    }
    return JSONResponse(body | more, status, headers, media_type="application/problem+json")
