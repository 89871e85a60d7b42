"""Refusals as the leafy banks tell them: problem documents (RFC 9457) with a stable code."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from backend.emulator.openbanking.exact_json import ExactJson
from backend.emulator.openbanking.refusals import Reason, Refused

STATUSES: Final[dict[Reason, int]] = {
    Reason.TOKEN_MISSING: 401,
    Reason.TOKEN_UNKNOWN: 401,
    Reason.TOKEN_EXPIRED: 401,
    Reason.KEY_INVALID: 401,
    Reason.CONSENT_UNKNOWN: 404,
    Reason.CONSENT_INVALID: 403,
    Reason.CONSENT_EXPIRED: 403,
    Reason.AUTHENTICATION_EXPIRED: 403,
    Reason.PERMISSION_MISSING: 403,
    Reason.ACCOUNT_UNKNOWN: 404,
    Reason.READS_EXCEEDED: 429,
    Reason.FIELD_MISSING: 400,
    Reason.FIELD_INVALID: 400,
    Reason.HEADER_MISSING: 400,
    Reason.HEADER_INVALID: 400,
    Reason.PARAMETER_UNKNOWN: 400,
    Reason.PERIOD_INVALID: 400,
    Reason.STATE_CONFLICT: 409,
    Reason.NOT_FOUND: 404,
    Reason.METHOD_UNKNOWN: 405,
    Reason.FAILED: 500,
    Reason.UNAVAILABLE: 503,
}


def refuse(refused: Refused, _request: Request) -> Response:
    """The refusal as an answer."""
    status = STATUSES[refused.reason]
    body = {
        "type": f"urn:leafy-banks:{refused.reason}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": refused.reason.value,
        "detail": str(refused),
    }
    if refused.place:
        body["field"] = refused.place
    headers = {"Cache-Control": "no-store"}
    if refused.retry_after_seconds:
        headers["Retry-After"] = str(refused.retry_after_seconds)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return ExactJson(body, status_code=status, headers=headers, media_type="application/problem+json")
