"""Authlib decides here: synchronously, over what was loaded before, telling what is to be stored after.

One desk serves one call. Where Authlib's defaults are weaker than FAPI 2.0, the rule stands in this module.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    ClientMixin,
    InvalidClientError,
    InvalidRequestError,
    OAuth2Error,
    OAuth2Request,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from backend.kernel.ids import KeyedHash, new_token
from backend.oauth.calls import NEVER_KEPT, Answer, Call
from backend.oauth.clients import Client
from backend.oauth.grants import Grant, Token
from backend.oauth.known import Asked, Known
from backend.oauth.pkce import S256Only
from backend.oauth.policy import Policy
from backend.oauth.signatures import ASSERTION_TYPE, Assertion, read_assertion

# At DEBUG Authlib writes down every token it issues.
logging.getLogger("authlib").setLevel(logging.INFO)

EndpointName = Literal["revocation", "introspection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """All that a decision may need: the client that claims to call, and the grant behind what it shows."""

    client: Client | None
    grant: Grant | None = None
    token: Token | None = None


@dataclass(slots=True)
class Wanted:
    """What a decision wants stored. Nothing has happened yet."""

    issued: Mapping[str, Any] | None = None
    assertion: Assertion | None = None
    revoked: Token | None = None
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class _Shown:
    """A grant as Authlib asks about it, in the light of the token that was shown."""

    grant: Grant
    token: Token | None = None

    @property
    def code(self) -> Any:
        return self.grant.code

    def get_redirect_uri(self) -> str:
        return str(self.code.redirect_uri)

    def get_scope(self) -> str:
        return self.token.scope if self.token else self.grant.scope

    def check_client(self, client: Known) -> bool:
        return client.get_client_id() == self.grant.client_id

    def is_revoked(self) -> bool:
        return self.grant.revoked_at is not None

    def is_expired(self) -> bool:
        return False  # a desk is only shown tokens of now


class _CodeGrant(AuthorizationCodeGrant):
    server: "Desk"

    @classmethod
    def check_authorization_endpoint(cls, request: OAuth2Request) -> bool:  # noqa: ARG003 - asked of every request
        return True

    @staticmethod
    def validate_authorization_redirect_uri(request: OAuth2Request, client: ClientMixin) -> str:
        # Authlib quotes the URI in its error, and breaks on the characters an error may not hold.
        uri = str((request.payload and request.payload.redirect_uri) or "")
        if not client.check_redirect_uri(uri):
            raise InvalidRequestError("The redirect_uri is not registered for this client")
        return uri

    def validate_authorization_request(self) -> str:
        parameters = self.request.payload
        client = self.server.query_client(parameters.client_id) if parameters else None
        if parameters and client and parameters.response_type != "code":
            uri = self.validate_authorization_redirect_uri(self.request, client)
            raise UnsupportedResponseTypeError("code", redirect_uri=uri)
        return super().validate_authorization_request()

    def query_authorization_code(self, code: str, client: ClientMixin) -> _Shown | None:  # noqa: ARG002 - loaded before
        return self.server.redeemable(client)

    def authenticate_user(self, authorization_code: _Shown) -> _Shown:
        return authorization_code

    def delete_authorization_code(self, authorization_code: Any) -> None:
        """The code is used up in the same write that stores the token."""


class _RefreshGrant(RefreshTokenGrant):
    server: "Desk"

    def __init__(self, request: OAuth2Request, server: "Desk") -> None:
        super().__init__(request, server)
        self.INCLUDE_NEW_REFRESH_TOKEN = server.policy.refresh_rotates

    def authenticate_refresh_token(self, refresh_token: str) -> Any:  # noqa: ARG002 - loaded before
        return self.server.refreshable(self.request.client)

    def authenticate_user(self, refresh_token: _Shown) -> _Shown:
        return refresh_token

    def revoke_old_credential(self, refresh_token: Any) -> None:
        """The old token is replaced in the same write that stores the new one."""


class _Revocation(RevocationEndpoint):
    server: "Desk"

    def query_token(self, token_string: str, token_type_hint: str | None) -> Any:  # noqa: ARG002 - loaded before
        return self.server.shown()

    def revoke_token(self, token: _Shown, request: Any) -> None:  # noqa: ARG002 - Authlib's signature
        self.server.wanted.revoked = token.token


class _Introspection(IntrospectionEndpoint):
    server: "Desk"

    def query_token(self, token_string: str, token_type_hint: str | None) -> Any:  # noqa: ARG002 - loaded before
        return self.server.shown()

    def check_permission(self, token: _Shown, client: Known, request: Any) -> bool:  # noqa: ARG002 - Authlib's signature
        # A refresh token that looked active could be used as an access token.
        return client.client.may_introspect and token.token is not None and token.token.kind == "access"

    def introspect_token(self, token: _Shown) -> dict[str, Any]:
        return self.server.described(token.grant, token.token)


@dataclass(eq=False)
class Desk(AuthorizationServer):
    """Authlib's authorization server for one call: ``policy`` and ``loaded`` in, an answer and ``wanted`` out."""

    policy: Policy
    loaded: Loaded
    keyed_hash: KeyedHash
    now: datetime
    wanted: Wanted = field(default_factory=Wanted)

    def __post_init__(self) -> None:
        super().__init__()
        self.register_token_generator("default", BearerTokenGenerator(_fresh, _fresh, self._expires_in))
        grants = {
            "authorization_code": (_CodeGrant, [S256Only()]),
            "refresh_token": (_RefreshGrant, []),
            "client_credentials": (ClientCredentialsGrant, []),
        }
        for name in self.policy.grant_types:
            self.register_grant(*grants[name])
        self.register_client_auth_method("private_key_jwt", self._by_assertion)
        self.register_endpoint(_Revocation)
        if self.policy.introspects:
            self.register_endpoint(_Introspection)

    def token(self, call: Call) -> Answer:
        """The token endpoint's answer, if what is wanted can be stored."""
        answer: Any = self.create_token_response(Asked(call.form, call.authorization))
        return _answer(answer)

    def endpoint(self, name: EndpointName, call: Call) -> Answer:
        """The answer of revocation or introspection, if what is wanted can be stored."""
        asked = Asked(call.form, call.authorization)
        return _answer(self.create_endpoint_response(name, asked))  # type: ignore[no-untyped-call]  # partial stubs

    @property
    def client_id(self) -> str:
        """The client that calls, once it has proved that it is; InvalidClientError without one."""
        if self.loaded.client is None:
            raise InvalidClientError("No such client is registered here")
        return self.loaded.client.client_id

    def authenticated(self, call: Call) -> Client:
        """The client that calls; InvalidClientError if it does not prove that it is."""
        known: Known = self.authenticate_client(Asked(call.form, call.authorization), ())
        return known.client

    def check_authorization(self, parameters: Mapping[str, str]) -> None:
        """Returns if the client may ask this of a person.

        Raises OAuth2Error, with ``redirect_uri`` set when the client may be told.
        """
        self.get_consent_grant(Asked(parameters))  # type: ignore[no-untyped-call]  # partial stubs

    def query_client(self, client_id: str | None) -> Known | None:  # type: ignore[override]  # None is "unknown"
        """The loaded client, if it is the one asked for."""
        client = self.loaded.client
        return Known(client, self.keyed_hash) if client and client.client_id == client_id else None

    def authenticate_client(self, request: OAuth2Request, methods: Any, endpoint: str = "token") -> Known:  # noqa: ARG002 - the policy's methods, at every endpoint
        """The client, proved by one of the issuer's methods; no one else may be named beside it."""
        known = super().authenticate_client(request, self.policy.auth_methods, endpoint)
        named = request.payload.client_id if request.payload else None
        if not isinstance(known, Known) or (named and named != known.get_client_id()):
            raise InvalidClientError("Another client is named than the one that proves itself")
        return known

    def validate_requested_scope(self, scope: str | None) -> None:
        """Refuse words the issuer does not know; the client's own limits are checked besides."""
        if not self.policy.knows_scope(scope or ""):
            raise OAuth2Error(error="invalid_scope", description="The scope is unknown")

    def save_token(self, token: Mapping[str, Any], request: OAuth2Request) -> None:  # noqa: ARG002 - Authlib's signature
        """Wanted, not stored: that comes after the decision."""
        self.wanted.issued = token

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        """As it is: calls are made readable before they come here."""
        asked: OAuth2Request = request
        return asked

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        """The answer, never to be kept by anybody on the way."""
        return Answer(status, body or {}, {**dict(headers), **NEVER_KEPT})

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def redeemable(self, client: ClientMixin) -> _Shown | None:
        """The loaded code's grant, if it is this client's and in force; a used one is noted as a replay."""
        grant = self.loaded.grant
        if grant is None or grant.code is None or grant.client_id != client.get_client_id():
            return None
        self.wanted.is_replay = grant.code.used_at is not None
        is_good = not self.wanted.is_replay and grant.revoked_at is None and grant.code.expires_at > self.now
        return _Shown(grant) if is_good else None

    def refreshable(self, client: Any) -> _Shown | None:
        """The loaded refresh token's grant, if it is this client's and in force; an old token is noted as a replay."""
        shown = self.shown()
        if shown is None or not shown.check_client(client) or shown.token is None or shown.token.kind != "refresh":
            return None
        replaced_at = shown.token.superseded_at
        grace = timedelta(seconds=self.policy.rotation_grace_seconds)
        self.wanted.is_replay = replaced_at is not None and replaced_at <= self.now - grace
        return None if self.wanted.is_replay or shown.is_revoked() else shown

    def shown(self) -> _Shown | None:
        """The loaded token with its grant, unless it has expired."""
        grant, token = self.loaded.grant, self.loaded.token
        return _Shown(grant, token) if grant and token and token.expires_at > self.now else None

    def described(self, grant: Grant, token: Token | None) -> dict[str, Any]:
        """What introspection tells of an access token in force."""
        if token is None:
            return {"active": False}
        told = {
            "active": True,
            "iss": grant.issuer,
            "client_id": grant.client_id,
            "sub": grant.subject or grant.client_id,
            "scope": token.scope,
            "token_type": "Bearer",
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
        }
        return told | ({self.policy.reference_name: grant.reference} if grant.reference else {})

    def _expires_in(self, client: Any, grant_type: str) -> int:  # noqa: ARG002 - the same for all
        return self.policy.access_seconds

    def _by_assertion(self, _query: Any, request: OAuth2Request) -> Known | None:
        form = request.form
        if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
            return None
        client = self.loaded.client
        if client is None or client.auth_method != "private_key_jwt":
            raise InvalidClientError("No client here is known to sign so")
        self.wanted.assertion = read_assertion(
            form["client_assertion"], client_id=client.client_id, keys=client.keys, policy=self.policy, now=self.now
        )
        return Known(client, self.keyed_hash)


def _answer(handled: Any) -> Answer:
    answer: Answer = handled
    return answer


def _fresh(**_: Any) -> str:
    return new_token()


def granted_tokens(
    issued: Mapping[str, Any], policy: Policy, hashed: Any, now: datetime, *, refresh_until: datetime | None = None
) -> Sequence[Token]:
    """The tokens of a token answer, as they are kept."""
    ends = {
        "access": now + timedelta(seconds=policy.access_seconds),
        "refresh": refresh_until or now + timedelta(seconds=policy.refresh_seconds),
    }
    kinds: tuple[Literal["access", "refresh"], ...] = ("access", "refresh")
    return [
        Token(
            hash=hashed(issued[f"{kind}_token"]),
            kind=kind,
            scope=issued["scope"],
            issued_at=now,
            expires_at=ends[kind],
        )
        for kind in kinds
        if f"{kind}_token" in issued
    ]
