"""An issuer whose clients act for themselves: load before, decide at the desk, store after."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Error
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from bson import ObjectId

from backend.kernel import clock
from backend.kernel.ids import KeyedHash
from backend.oauth.calls import NEVER_KEPT, Answer, Call
from backend.oauth.clients import Client
from backend.oauth.desk import Desk, EndpointName, Loaded, granted_tokens
from backend.oauth.grants import Grant, Token
from backend.oauth.policy import Policy
from backend.oauth.signatures import claimed_subject


class ClientShelf(Protocol):
    """Where clients are kept."""

    async def find(self, issuer: str, client_id: str) -> Client | None:
        """The issuer's client of that id, as it is now."""


class TokenShelf(Protocol):
    """Where tokens are kept, in the grants they came of."""

    def hashed(self, secret: str) -> bytes:
        """The keyed hash under which a token is kept."""

    async def add(self, grant: Grant) -> None:
        """Keep a new grant with its tokens; InvalidClientError if its client has gone meanwhile."""

    async def by_token(self, issuer: str, token: str) -> Grant | None:
        """The grant of that token, in force or not."""

    async def revoke_token(self, grant: Grant, token: Token) -> None:
        """End one token."""


class MarkShelf(Protocol):
    """Where is kept what may happen once."""

    async def mark(self, purpose: str, *parts: str, until: datetime) -> bool:
        """True for the first caller with these words, False for every other one."""


@dataclass(frozen=True, slots=True)
class OwnShelves:
    """What an issuer needs whose clients act for themselves; kept wherever its owner likes."""

    clients: ClientShelf
    grants: TokenShelf
    marks: MarkShelf
    keyed_hash: KeyedHash


class Issuer:
    """Client credentials and revocation for one issuer."""

    def __init__(self, policy: Policy, shelves: OwnShelves) -> None:
        self.policy = policy
        self._own = shelves

    async def token(self, call: Call) -> Answer:
        """RFC 6749, section 5: a token for the client itself.

        Raises InvalidClientError for a client that went away while it asked.
        """
        desk = await self._desk(call, None, None)
        answer = desk.token(call)
        if refused := await self._used_before(desk):
            return refused
        if desk.wanted.issued is not None:
            await self._store_own(desk)
        return answer

    async def revoke(self, call: Call) -> Answer:
        """RFC 7009: a token of the client's own stops working; 200 also when it is nobody's or another's."""
        desk, answer = await self._at_endpoint("revocation", call)
        if desk.loaded.grant and desk.wanted.revoked:
            await self._end(desk.loaded.grant, desk.wanted.revoked, desk.now)
        return answer

    async def _end(self, grant: Grant, token: Token, _now: datetime) -> None:
        await self._own.grants.revoke_token(grant, token)

    async def _store_own(self, desk: Desk) -> None:
        """Keep what was issued to the client itself."""
        issued = desk.wanted.issued or {}
        tokens = granted_tokens(issued, self.policy, self._own.grants.hashed, desk.now)
        await self._own.grants.add(
            Grant(
                id=ObjectId(),
                issuer=self.policy.issuer,
                client_id=desk.client_id,
                subject=None,
                reference=None,
                scope=issued["scope"],
                tokens=tuple(tokens),
            )
        )

    async def _desk(self, call: Call, grant: Grant | None, shown: str | None) -> Desk:
        client_id = claimed_client_id(call)
        client = await self._own.clients.find(self.policy.issuer, client_id) if client_id else None
        token = grant.token(self._own.grants.hashed(shown)) if grant and shown else None
        loaded = Loaded(client=client, grant=grant, token=token)
        return Desk(self.policy, loaded, self._own.keyed_hash, clock.now())

    async def _at_endpoint(self, name: EndpointName, call: Call) -> tuple[Desk, Answer]:
        shown = call.form.get("token")
        grant = await self._own.grants.by_token(self.policy.issuer, shown) if shown else None
        desk = await self._desk(call, grant, shown)
        answer = desk.endpoint(name, call)
        if refused := await self._used_before(desk):
            desk.wanted.revoked = None
            return desk, refused
        return desk, answer

    async def _used_before(self, desk: Desk) -> Answer | None:
        """The refusal of an assertion that was shown before; it counts even if the call failed otherwise."""
        assertion, client = desk.wanted.assertion, desk.loaded.client
        if assertion is None or client is None:
            return None
        is_first = await self._own.marks.mark(
            "oauth-assertion", self.policy.issuer, client.client_id, assertion.jti, until=assertion.expires_at
        )
        return None if is_first else refusal(InvalidClientError("The client assertion was used before"))


def claimed_client_id(call: Call) -> str | None:
    """Which client a call says it comes from, before it is proved."""
    if assertion := call.form.get("client_assertion"):
        return claimed_subject(assertion)
    if call.authorization:
        client_id: str | None = extract_basic_authorization({"Authorization": call.authorization})[0]
        return client_id
    return call.form.get("client_id")


def refusal(error: OAuth2Error) -> Answer:
    """The answer that tells a client of ``error``, always in the body: these endpoints never redirect."""
    error.redirect_uri = None
    status, body, headers = error()
    return Answer(status, body, {**dict(headers), **NEVER_KEPT})
