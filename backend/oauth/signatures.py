"""Signed requests by joserfc: client assertions (RFC 7523) and request objects (RFC 9101)."""

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Error
from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet

from backend.oauth.policy import Policy

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ID_LENGTH_MAX: Final = 255
_LENGTH_MAX: Final = 16_384
# In a request object these speak of the object itself and are not parameters of the request.
_ABOUT_THE_OBJECT: Final = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub", "max_age"})


class InvalidRequestObjectError(OAuth2Error):
    """The request object is unsigned, badly signed, stale or no request at all."""

    error = "invalid_request_object"


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client assertion that holds; ``jti`` must not be accepted again before ``expires_at``."""

    jti: str
    expires_at: datetime


def claimed_subject(assertion: str) -> str | None:
    """Whom an assertion speaks of, before anything in it is checked."""
    try:
        claims = json.loads(jws.extract_compact(assertion[:_LENGTH_MAX].encode()).payload)
    except (JoseError, ValueError, RecursionError):
        return None
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) else None


def read_assertion(assertion: str, *, client_id: str, keys: KeySet, policy: Policy, now: datetime) -> Assertion:
    """The assertion, if it is signed by the client, for this issuer alone, for now and not for long.

    Raises InvalidClientError.
    """
    claims = _signed_claims(assertion, keys, policy)
    if claims is None:
        raise InvalidClientError("The client assertion is not signed by a key and algorithm of this client")
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise InvalidClientError("The client assertion needs the client_id as iss and sub")
    # FAPI 2.0: a string that is the issuer; a list or an endpoint's URL could be meant for somebody else too.
    if claims.get("aud") != policy.issuer:
        raise InvalidClientError("The client assertion needs the issuer, as a string, as aud")
    expires_at = _lifetime(claims, now, policy, policy.assertion_seconds)
    if expires_at is None:
        raise InvalidClientError("The client assertion is not valid now, or for too long")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _ID_LENGTH_MAX:
        raise InvalidClientError("The client assertion needs a jti")
    return Assertion(jti, expires_at)


def read_request_object(signed: str, *, client_id: str, keys: KeySet, policy: Policy, now: datetime) -> dict[str, str]:
    """The parameters inside a request object; ``claims`` comes out as JSON text, as it would in a query.

    Raises InvalidRequestObjectError: never unsigned, never for another issuer, only text as values.
    """
    claims = _signed_claims(signed, keys, policy)
    if claims is None:
        raise InvalidRequestObjectError("The request object is not signed by a key and algorithm of this client")
    if claims.get("iss") != client_id or claims.get("client_id") != client_id or claims.get("aud") != policy.issuer:
        raise InvalidRequestObjectError("The request object needs the client_id as iss and the issuer as aud")
    if _lifetime(claims, now, policy, policy.request_object_seconds) is None:
        raise InvalidRequestObjectError("The request object is not valid now, or for too long")
    parameters = {name: value for name, value in claims.items() if name not in _ABOUT_THE_OBJECT}
    if isinstance(parameters.get("claims"), dict):
        parameters["claims"] = json.dumps(parameters["claims"], separators=(",", ":"))
    if not all(isinstance(value, str) for value in parameters.values()):
        raise InvalidRequestObjectError("The parameters in a request object are text")
    if parameters.keys() & {"request", "request_uri"}:
        raise InvalidRequestObjectError("A request object holds no other")
    return parameters


def _signed_claims(token: str, keys: KeySet, policy: Policy) -> Mapping[str, Any] | None:
    try:
        with warnings.catch_warnings():
            # FAPI 2.0 says EdDSA; joserfc warns of that name because RFC 9864 calls it Ed25519.
            warnings.simplefilter("ignore", SecurityWarning)
            claims = jwt.decode(token, keys, algorithms=list(policy.signing_algorithms)).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        return None
    return claims if isinstance(claims, dict) and len(token) <= _LENGTH_MAX else None


def _lifetime(claims: Mapping[str, Any], now: datetime, policy: Policy, seconds_max: int) -> datetime | None:
    """When the claims end, if they hold now and for at most ``seconds_max``."""
    soon = now + timedelta(seconds=policy.future_seconds)
    expires_at = _instant(claims.get("exp"))
    issued_at = _instant(claims.get("iat", now.timestamp()))
    begins_at = _instant(claims.get("nbf", now.timestamp()))
    if expires_at is None or issued_at is None or begins_at is None:
        return None
    is_now = now < expires_at and issued_at <= soon and begins_at <= soon
    is_short = expires_at - min(issued_at, now) <= timedelta(seconds=seconds_max + policy.future_seconds)
    return expires_at if is_now and is_short else None


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None
