"""Refusals as OP tells them: a type, a message, what is violated, and an id to quote."""

import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.side import answer

# Reason -> HTTP status and type.
CODES: Final[dict[Reason, tuple[int, str]]] = {
    Reason.TOKEN_MISSING: (401, "SECURITY"),
    Reason.TOKEN_UNKNOWN: (401, "SECURITY"),
    Reason.TOKEN_EXPIRED: (401, "SECURITY"),
    Reason.KEY_INVALID: (401, "SECURITY"),
    Reason.CONSENT_UNKNOWN: (404, "BUSINESS"),
    Reason.CONSENT_INVALID: (403, "SECURITY"),
    Reason.CONSENT_EXPIRED: (403, "SECURITY"),
    Reason.AUTHENTICATION_EXPIRED: (403, "SECURITY"),
    Reason.PERMISSION_MISSING: (403, "SECURITY"),
    Reason.ACCOUNT_UNKNOWN: (404, "BUSINESS"),
    Reason.READS_EXCEEDED: (429, "BUSINESS"),
    Reason.FIELD_MISSING: (400, "VALIDATION"),
    Reason.FIELD_INVALID: (400, "VALIDATION"),
    Reason.HEADER_MISSING: (400, "VALIDATION"),
    Reason.HEADER_INVALID: (400, "VALIDATION"),
    Reason.PARAMETER_UNKNOWN: (400, "VALIDATION"),
    Reason.PERIOD_INVALID: (400, "VALIDATION"),
    Reason.STATE_CONFLICT: (409, "BUSINESS"),
    Reason.NOT_FOUND: (404, "BUSINESS"),
    Reason.METHOD_UNKNOWN: (405, "VALIDATION"),
    Reason.FAILED: (500, "TECHNICAL"),
    Reason.UNAVAILABLE: (503, "TECHNICAL"),
}


def refuse(refused: Refused, _request: Request) -> Response:
    """The refusal as an answer; the word for the reason stands first in the message."""
    status, kind = CODES[refused.reason]
    violations = [{"field": refused.place, "message": str(refused)}] if refused.place else []
    body = {
        "type": kind,
        "message": f"{refused.reason.name}: {refused}",
        "violations": violations,
        "id": str(uuid4()),
    }
    headers = {"Retry-After": str(refused.retry_after_seconds)} if refused.retry_after_seconds else {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return answer(body, status=status, headers=headers)


def checking(key_of: Callable[[str], str]) -> Callable[[Request, str], None]:
    """The check of x-api-key, which every call carries beside its token."""

    def check(request: Request, client_id: str) -> None:
        shown, right = request.headers.get("x-api-key", ""), key_of(client_id)
        if not right or not hmac.compare_digest(shown.encode(), right.encode()):
            raise Refused(Reason.KEY_INVALID, "The API key is missing or not yours", place="x-api-key")

    return check
