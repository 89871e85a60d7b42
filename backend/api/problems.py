"""Problems (RFC 9457): every error leaves as one small document that tells nothing it should not."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from traceback import walk_tb
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Scope, Send

from backend.api.rendering import render
from backend.kernel.errors import InvalidInput, Malformed, NotAuthenticated, OpenFinanceError, Unavailable
from backend.kernel.log import get_logger
from backend.kernel.mongo.client import translated

MEDIA_TYPE: Final = "application/problem+json"
REQUEST_ID: Final = "openfinance.request_id"
_URI = "urn:openfinance:problem:"
_OAUTH: Final = "/oauth/"
_OAUTH_ERRORS: Final = {429: "temporarily_unavailable", 503: "temporarily_unavailable"}
_OURS = HTTPStatus.INTERNAL_SERVER_ERROR
_ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = tuple(f"{_ROOT / package}{os.sep}" for package in ("backend", "pipelines"))


class Fault(BaseModel):
    """One thing that is wrong with the input."""

    pointer: str = Field(description="JSON pointer (RFC 6901): /body/… or /query/… or /path/…")
    sentence: str


class Problem(BaseModel):
    """What went wrong, for people (`title`, `detail`) and for programs (`type`)."""

    type: str = Field(pattern="^urn:openfinance:problem:[a-z-]+$", description="Stable; compare it as a whole")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    request_id: str
    errors: list[Fault] | None = Field(default=None, description="Each fault of the input, where there are any")


def _declared(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


# 422 is named so that FastAPI does not declare its own form of it.
PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    422: _declared("The request cannot be used as it is"),
    "default": _declared("Any other problem"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A problem ready to be sent."""

    status: int
    kind: str
    title: str
    detail: str
    errors: Sequence[Mapping[str, str]] | None = None
    headers: Mapping[str, str] | None = None

    def body(self, request_id: str) -> bytes:
        """The document as JSON."""
        document = {
            "type": _URI + self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        return render(document | {"errors": self.errors} if self.errors else document)

    async def send(self, scope: Scope, send: Send) -> None:
        """Send it as the response of ``scope``."""
        await self.response(scope)(scope, _nothing, send)

    def response(self, scope: Scope) -> Response:
        """The same as a response object; where OAuth is spoken, in its words."""
        if scope["path"].startswith(_OAUTH):
            return self._in_oauth()
        body = self.body(scope.get(REQUEST_ID, ""))
        return Response(body, self.status, headers=self.headers, media_type=MEDIA_TYPE)

    def _in_oauth(self) -> Response:
        """RFC 6749, section 5.2."""
        status = HTTPStatus.BAD_REQUEST if self.status == HTTPStatus.UNPROCESSABLE_ENTITY else self.status
        error = _OAUTH_ERRORS.get(status, "server_error" if status >= _OURS else "invalid_request")
        body = render({"error": error, "error_description": self.detail})
        headers = {**(self.headers or {}), "Cache-Control": "no-store"}
        return Response(body, status, headers=headers, media_type="application/json")


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def answer_to(error: Exception, scope: Scope) -> Answer:
    """The answer that ``error`` deserves; what nobody foresaw is a 500 that says nothing of it.

    What is our fault is logged by its class and place alone: texts of errors can hold data.
    """
    raised = error
    if isinstance(error, PyMongoError):
        error = _in_our_words(error)
    if isinstance(error, OpenFinanceError):
        if error.status >= _OURS:
            _log(scope, "failed", error, raised)
        return _ours(error)
    if isinstance(error, RequestValidationError):
        faults = list(_faults(error))
        return Answer(422, InvalidInput.kind, InvalidInput.title, _counted(faults), errors=faults)
    if isinstance(error, HTTPException):
        return _of_routing(error)
    if isinstance(error, ClientDisconnect):  # nobody reads the answer, but it is counted
        return Answer(HTTPStatus.BAD_REQUEST, Malformed.kind, Malformed.title, "The body ended too early")
    _log(scope, "unexpected", error, raised)
    return Answer(_OURS, OpenFinanceError.kind, OpenFinanceError.title, _TELL_US)


_TELL_US = "Nothing is wrong with the request; give the operator its request_id"


def _log(scope: Scope, event: str, error: Exception, raised: Exception) -> None:
    get_logger().error(
        event, request_id=scope.get(REQUEST_ID), error_class=type(error).__name__, **_innermost_of_ours(raised)
    )


def _innermost_of_ours(error: BaseException | None) -> dict[str, str]:
    """File, line and function of the last place in our code that the error, or what it came from, went through."""
    found: dict[str, str] = {}
    while error is not None:
        for frame, line in walk_tb(error.__traceback__):
            code = frame.f_code
            if code.co_filename.startswith(_PACKAGES):
                file = Path(code.co_filename).relative_to(_ROOT).as_posix()
                found = {"raised_at": f"{file}:{line}", "function": code.co_qualname}
        error = error.__cause__ or (error.__context__ if error.__suppress_context__ else None)
    return found


def _in_our_words(error: PyMongoError) -> Exception:
    try:
        with translated():
            raise error
    except (OpenFinanceError, PyMongoError) as said:
        return said


def _ours(error: OpenFinanceError) -> Answer:
    headers: dict[str, str] = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if error.status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT):
        headers["Connection"] = "close"
    return Answer(error.status, error.kind, error.title, _public_sentence(error), headers=headers)


def _public_sentence(error: OpenFinanceError) -> str:
    # Sentences about our own installation are for its operator, who has the log.
    if isinstance(error, Unavailable):
        return "Try the same request again after the seconds in Retry-After"
    return _TELL_US if error.status >= _OURS else str(error)


def _of_routing(error: HTTPException) -> Answer:
    title = HTTPStatus(error.status_code).phrase
    kind = title.lower().replace(" ", "-")
    detail = {
        404: "No route has this address; /openapi.json lists them",
        405: "The route does not know this method; the header Allow lists those it knows",
    }.get(error.status_code, "The request cannot be read")
    return Answer(error.status_code, kind, title, detail, headers=error.headers)


def _counted(faults: Sequence[object]) -> str:
    return "One thing is wrong, see errors" if len(faults) == 1 else f"{len(faults)} things are wrong, see errors"


def _faults(error: RequestValidationError) -> Iterator[dict[str, str]]:
    for fault in error.errors():
        # The name of a field we do not know is the caller's text: it is not sent back.
        unknown = fault["type"] == "extra_forbidden"
        place = fault["loc"][:-1] if unknown else fault["loc"]
        sentence = "There is a field that is not known here" if unknown else fault["msg"]
        yield {"pointer": _pointer(place), "sentence": sentence}


def _pointer(place: Sequence[int | str]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)
