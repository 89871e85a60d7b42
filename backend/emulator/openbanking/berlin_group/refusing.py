"""Refusals as Berlin Group tells them: tppMessages with the standard's codes."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.side import answer

# Reason -> HTTP status and message code.
CODES: Final[dict[Reason, tuple[int, str]]] = {
    Reason.TOKEN_MISSING: (401, "TOKEN_UNKNOWN"),
    Reason.TOKEN_UNKNOWN: (401, "TOKEN_UNKNOWN"),
    Reason.TOKEN_EXPIRED: (401, "TOKEN_EXPIRED"),
    Reason.KEY_INVALID: (401, "TOKEN_INVALID"),
    Reason.CONSENT_UNKNOWN: (403, "CONSENT_UNKNOWN"),
    Reason.CONSENT_INVALID: (401, "CONSENT_INVALID"),
    Reason.CONSENT_EXPIRED: (401, "CONSENT_EXPIRED"),
    Reason.AUTHENTICATION_EXPIRED: (401, "CONSENT_EXPIRED"),
    Reason.PERMISSION_MISSING: (401, "CONSENT_INVALID"),
    Reason.ACCOUNT_UNKNOWN: (404, "RESOURCE_UNKNOWN"),
    Reason.READS_EXCEEDED: (429, "ACCESS_EXCEEDED"),
    Reason.FIELD_MISSING: (400, "FORMAT_ERROR"),
    Reason.FIELD_INVALID: (400, "FORMAT_ERROR"),
    Reason.HEADER_MISSING: (400, "FORMAT_ERROR"),
    Reason.HEADER_INVALID: (400, "FORMAT_ERROR"),
    Reason.PARAMETER_UNKNOWN: (400, "PARAMETER_NOT_SUPPORTED"),
    Reason.PERIOD_INVALID: (400, "PERIOD_INVALID"),
    Reason.STATE_CONFLICT: (409, "STATUS_INVALID"),
    Reason.NOT_FOUND: (404, "RESOURCE_UNKNOWN"),
    Reason.METHOD_UNKNOWN: (405, "SERVICE_INVALID"),
    Reason.FAILED: (500, "INTERNAL_SERVER_ERROR"),
    Reason.UNAVAILABLE: (503, "SERVICE_UNAVAILABLE"),
}


def refuse(refused: Refused, _request: Request) -> Response:
    """The refusal as an answer."""
    status, code = CODES[refused.reason]
    message = {"category": "ERROR", "code": code, "text": str(refused)}
    if refused.place:
        message["path"] = refused.place
    headers = {"Retry-After": str(refused.retry_after_seconds)} if refused.retry_after_seconds else {}
    if refused.reason in (Reason.TOKEN_MISSING, Reason.TOKEN_UNKNOWN, Reason.TOKEN_EXPIRED):
        headers["WWW-Authenticate"] = "Bearer"
    return answer({"tppMessages": [message]}, status=status, headers=headers)


def checking(_key_of: Callable[[str], str]) -> Callable[[Request, str], None]:
    """The check of X-Request-ID, which every call carries."""

    def check(request: Request, _client_id: str) -> None:
        mark = request.headers.get("x-request-id")
        if mark is None:
            raise Refused(Reason.HEADER_MISSING, "This header is needed", place="X-Request-ID")
        try:
            UUID(mark)
        except ValueError:
            raise Refused(Reason.HEADER_INVALID, "This header is a UUID", place="X-Request-ID") from None

    return check
