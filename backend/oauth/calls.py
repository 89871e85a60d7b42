"""Calls and answers of the server-to-server endpoints, free of any web framework."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc6749.util import extract_basic_authorization

BODY_BYTES_MAX: Final = 65_536
_FIELDS_MAX: Final = 64
_FORM: Final = "application/x-www-form-urlencoded"
_PROOFS_IN_BODY: Final = ("client_secret", "client_assertion")
NEVER_KEPT: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call with its parameters, each of which was given once."""

    authorization: str | None
    form: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status, a JSON object (or nothing), headers."""

    status: int
    body: Mapping[str, Any] | None
    headers: Mapping[str, str] = field(default_factory=lambda: dict(NEVER_KEPT))


def read_call(*, content_type: str, body: bytes, query: str, authorization: str | None) -> Call:
    """The call these parts of an HTTP request make.

    Raises InvalidRequestError for parameters in the URL (they end up in logs), a body that is no form, a
    parameter given twice, or two ways of saying who calls; InvalidClientError for a header of rubbish.
    """
    if query:
        raise InvalidRequestError("Parameters belong in the body")
    if content_type.partition(";")[0].strip().lower() != _FORM:
        raise InvalidRequestError(f"The body must be {_FORM}")
    call = Call(authorization, read_parameters(body))
    proofs = sum(name in call.form for name in _PROOFS_IN_BODY) + bool(authorization)
    if proofs > 1:
        raise InvalidRequestError("More than one way of client authentication")
    if authorization and not _can_be_read(authorization):
        raise InvalidClientError("The Authorization header cannot be read", status_code=401)
    return call


def read_parameters(encoded: str | bytes) -> dict[str, str]:
    """The parameters of a form or query; InvalidRequestError when one comes twice or there are too many."""
    if len(encoded) > BODY_BYTES_MAX:
        raise InvalidRequestError("The request is too long")
    try:
        text = encoded.decode("ascii") if isinstance(encoded, bytes) else encoded
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise InvalidRequestError("The parameters cannot be read") from error
    if any(times > 1 for times in Counter(name for name, _ in pairs).values()):
        raise InvalidRequestError("A parameter is given more than once")
    # RFC 6749, section 3.1: a parameter without a value counts as left out.
    return {name: value for name, value in pairs if value}


def _can_be_read(authorization: str) -> bool:
    try:
        extract_basic_authorization({"Authorization": authorization})
    except ValueError:  # Authlib lets bytes that are no text through as this
        return False
    return True
