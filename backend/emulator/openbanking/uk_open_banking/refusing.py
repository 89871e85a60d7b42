"""Refusals as UK Open Banking tells them: OBErrorResponse1 with the standard's error codes."""

from http import HTTPStatus
from typing import Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.side import answer

# Reason -> HTTP status and error code. Where the standard has no code, the emulator's own one stands.
CODES: Final[dict[Reason, tuple[int, str]]] = {
    Reason.TOKEN_MISSING: (401, "UK.OBIE.Header.Missing"),
    Reason.TOKEN_UNKNOWN: (401, "UK.OBIE.Header.Invalid"),
    Reason.TOKEN_EXPIRED: (401, "UK.OBIE.Header.Invalid"),
    Reason.KEY_INVALID: (401, "UK.OBIE.Header.Invalid"),
    Reason.CONSENT_UNKNOWN: (404, "UK.OBIE.Resource.NotFound"),
    Reason.CONSENT_INVALID: (403, "UK.OBIE.Resource.InvalidConsentStatus"),
    Reason.CONSENT_EXPIRED: (403, "UK.OBIE.Resource.InvalidConsentStatus"),
    Reason.AUTHENTICATION_EXPIRED: (403, "UK.OBIE.Reauthenticate"),
    Reason.PERMISSION_MISSING: (403, "UK.OBIE.Resource.ConsentMismatch"),
    Reason.ACCOUNT_UNKNOWN: (404, "UK.OBIE.Resource.NotFound"),
    Reason.READS_EXCEEDED: (429, "UK.EMULATOR.AccessExceeded"),
    Reason.FIELD_MISSING: (400, "UK.OBIE.Field.Missing"),
    Reason.FIELD_INVALID: (400, "UK.OBIE.Field.Invalid"),
    Reason.HEADER_MISSING: (400, "UK.OBIE.Header.Missing"),
    Reason.HEADER_INVALID: (400, "UK.OBIE.Header.Invalid"),
    Reason.PARAMETER_UNKNOWN: (400, "UK.OBIE.Field.Unexpected"),
    Reason.PERIOD_INVALID: (400, "UK.OBIE.Field.InvalidDate"),
    Reason.STATE_CONFLICT: (400, "UK.OBIE.Resource.InvalidConsentStatus"),
    Reason.NOT_FOUND: (404, "UK.OBIE.Resource.NotFound"),
    Reason.METHOD_UNKNOWN: (405, "UK.OBIE.UnexpectedError"),
    Reason.FAILED: (500, "UK.OBIE.UnexpectedError"),
    Reason.UNAVAILABLE: (503, "UK.OBIE.UnexpectedError"),
}


def refuse(refused: Refused, _request: Request) -> Response:
    """The refusal as an answer."""
    status, code = CODES[refused.reason]
    error = {"ErrorCode": code, "Message": str(refused)}
    if refused.place:
        error["Path"] = refused.place
    body = {
        "Code": f"{status} {HTTPStatus(status).phrase}",
        "Id": str(uuid4()),
        "Message": str(refused),
        "Errors": [error],
    }
    headers = {"Retry-After": str(refused.retry_after_seconds)} if refused.retry_after_seconds else {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return answer(body, status=status, headers=headers)
