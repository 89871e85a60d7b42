"""One issuer that asks people: codes, refreshing, pushed requests, introspection."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, OAuth2Error
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from backend.kernel import clock
from backend.kernel.ids import KeyedHash, new_token
from backend.kernel.mongo.provision import CollectionSpec
from backend.oauth.authorizations import (
    REQUEST_URI_PREFIX,
    AuthorizationRequest,
    InvalidRequestUriError,
    InvalidTargetError,
    PushedRequests,
    opened,
)
from backend.oauth.calls import Answer, Call
from backend.oauth.clients import CLIENTS, Client, Clients
from backend.oauth.desk import Desk, Loaded, granted_tokens
from backend.oauth.grants import GRANTS, Code, Grant, Grants, Marks, Token
from backend.oauth.issuer import Issuer, OwnShelves, refusal
from backend.oauth.policy import Policy

Stored = dict[str, Any]
StillAllowed = Callable[[Grant, datetime], Awaitable[bool]]

COLLECTIONS: Final[tuple[CollectionSpec, ...]] = (CLIENTS, GRANTS, Marks.SPEC, PushedRequests.SPEC)


@dataclass(frozen=True, slots=True)
class Shelves:
    """What all issuers of one database share."""

    clients: Clients
    grants: Grants
    marks: Marks
    pushed: PushedRequests
    keyed_hash: KeyedHash

    @classmethod
    def of(cls, database: AsyncDatabase[Stored], keyed_hash: KeyedHash) -> "Shelves":
        """The shelves in ``database``, which has the collections of ``COLLECTIONS``."""
        return cls(
            Clients(database, keyed_hash),
            Grants(database, keyed_hash),
            Marks(database, keyed_hash),
            PushedRequests(database, keyed_hash),
            keyed_hash,
        )

    async def sweep(self) -> int:
        """Delete what is over; how many records that were."""
        now = clock.now()
        return sum([await shelf.sweep(now) for shelf in (self.grants, self.marks, self.pushed)])


async def _always(_grant: Grant, _now: datetime) -> bool:
    return True


class AuthorizationService(Issuer):
    """One issuer. ``still_allowed`` may end a grant for reasons of its owner's, such as a withdrawn consent."""

    def __init__(self, policy: Policy, shelves: Shelves, *, still_allowed: StillAllowed = _always) -> None:
        super().__init__(policy, OwnShelves(shelves.clients, shelves.grants, shelves.marks, shelves.keyed_hash))
        self._shelves = shelves
        self._still_allowed = still_allowed

    async def token(self, call: Call) -> Answer:
        """RFC 6749, section 5: tokens for a code, a refresh token or the client itself."""
        shown = call.form.get("refresh_token")
        grant = await self._grant_behind(code=call.form.get("code"), token=shown)
        desk = await self._desk(call, grant, shown)
        answer = desk.token(call)
        if refused := await self._used_before(desk):
            return refused
        if desk.wanted.is_replay and grant:
            await self._shelves.grants.revoke(grant, desk.now)
        if desk.wanted.issued is None:
            return answer
        return answer if await self._store(desk, call) else refusal(InvalidGrantError("Not valid any more"))

    async def introspect(self, call: Call) -> Answer:
        """RFC 7662, for resource servers; to all others, and for all but good access tokens, ``active: false``."""
        desk, answer = await self._at_endpoint("introspection", call)
        grant = desk.loaded.grant
        is_active = bool(answer.body and answer.body.get("active"))
        if is_active and grant and not await self._still_allowed(grant, desk.now):
            return Answer(200, {"active": False})
        return answer

    async def push(self, call: Call) -> Answer:
        """RFC 9126: an authorization request kept for later, for a client that proves itself."""
        desk = await self._desk(call, None, None)
        try:
            client = desk.authenticated(call)
            if refused := await self._used_before(desk):
                return refused
            parameters = opened(call.form, client, self.policy, desk.now)
            if parameters.get("client_id", client.client_id) != client.client_id:
                raise InvalidRequestError("The client_id is another client's")
            desk.check_authorization({**parameters, "client_id": client.client_id})
        except OAuth2Error as error:
            return refusal(error)
        kept = {**parameters, "client_id": client.client_id}
        uri = await self._shelves.pushed.keep(self.policy, client, kept, desk.now)
        return Answer(201, {"request_uri": uri, "expires_in": self.policy.pushed_seconds})

    async def asked(self, parameters: Mapping[str, str]) -> AuthorizationRequest:
        """The request that a browser brings, checked, ready to be put to a person.

        Raises OAuth2Error; with ``redirect_uri`` set when the client may be told, else only the person.
        """
        now = clock.now()
        client = await self._shelves.clients.find(self.policy.issuer, parameters.get("client_id", ""))
        if client is None:
            raise InvalidTargetError
        pushed = parameters.get("request_uri")
        if pushed is not None:
            if not pushed.startswith(REQUEST_URI_PREFIX):
                raise InvalidRequestUriError
            said = await self._shelves.pushed.load(self.policy, client, pushed, now)
        else:
            said = opened(parameters, client, self.policy, now)
        Desk(self.policy, Loaded(client=client), self._shelves.keyed_hash, now).check_authorization(said)
        request = AuthorizationRequest(
            issuer=self.policy.issuer, client_id=client.client_id, parameters=said, pushed=pushed
        )
        if pushed is None and self.policy.pushing_required:
            raise InvalidRequestError(
                "Push the request first", redirect_uri=request.answer_uri, state=said.get("state")
            )
        return request

    async def approve(self, request: AuthorizationRequest, *, subject: str, reference: str | None) -> str:
        """The address that brings the client its code.

        Raises InvalidRequestUriError when the pushed request was answered before.
        """
        await self._use_up(request)
        now, code = clock.now(), new_token()
        await self._shelves.grants.add(
            Grant(
                id=ObjectId(),
                issuer=request.issuer,
                client_id=request.client_id,
                subject=subject,
                reference=reference,
                scope=request.scope,
                code=Code(
                    hash=self._shelves.grants.hashed(code),
                    expires_at=now + timedelta(seconds=self.policy.code_seconds),
                    redirect_uri=request.answer_uri,
                    challenge=request.parameters["code_challenge"],
                ),
            )
        )
        return request.answered(code=code)

    async def refuse(self, request: AuthorizationRequest, error: str = "access_denied") -> str:
        """The address that brings the client the bad news; the pushed request is used up by it too."""
        await self._use_up(request)
        return request.answered(error=error)

    async def active(self, token: str) -> tuple[Grant, Token] | None:
        """The grant and record of an access token in force; for resource servers in the same process."""
        now = clock.now()
        grant = await self._shelves.grants.by_token(self.policy.issuer, token)
        record = grant.token(self._shelves.grants.hashed(token)) if grant else None
        if grant is None or record is None or grant.revoked_at or record.kind != "access" or record.expires_at <= now:
            return None
        return (grant, record) if await self._still_allowed(grant, now) else None

    async def revoke_reference(self, reference: str) -> None:
        """Kill all that was granted on the strength of ``reference``."""
        await self._shelves.grants.revoke_reference(self.policy.issuer, reference, clock.now())

    async def client(self, client_id: str) -> Client | None:
        """The issuer's client of that id."""
        return await self._shelves.clients.find(self.policy.issuer, client_id)

    async def _grant_behind(self, *, code: str | None = None, token: str | None = None) -> Grant | None:
        if code:
            return await self._shelves.grants.by_code(self.policy.issuer, code)
        return await self._shelves.grants.by_token(self.policy.issuer, token) if token else None

    async def _end(self, grant: Grant, token: Token, now: datetime) -> None:
        """An access token alone, or with a refresh token the whole family."""
        await (self._shelves.grants.revoke(grant, now) if token.kind == "refresh" else super()._end(grant, token, now))

    async def _store(self, desk: Desk, call: Call) -> bool:
        if call.form["grant_type"] == "client_credentials":
            await self._store_own(desk)
            return True
        grant, issued = desk.loaded.grant, desk.wanted.issued or {}
        tokens = granted_tokens(issued, self.policy, self._shelves.grants.hashed, desk.now)
        if grant is None or not await self._still_allowed(grant, desk.now):
            return False
        if call.form["grant_type"] == "authorization_code":
            is_stored = await self._shelves.grants.redeem(grant, tokens, desk.now)
        else:
            is_stored = await self._refresh(desk, grant, tokens)
        if not is_stored:
            # Somebody else was quicker with the same code or token: that is a replay as well.
            await self._shelves.grants.revoke(grant, desk.now)
        return is_stored

    async def _refresh(self, desk: Desk, grant: Grant, tokens: Iterable[Token]) -> bool:
        if desk.loaded.token is None:
            return False
        grace = timedelta(seconds=self.policy.rotation_grace_seconds)
        # Without grace no times are compared: two callers' clocks may differ by the moment that matters.
        replaced_since = desk.now - grace if grace else None
        return await self._shelves.grants.refresh(
            grant, desk.loaded.token, tokens, desk.now, replaced_since=replaced_since
        )

    async def _use_up(self, request: AuthorizationRequest) -> None:
        if request.pushed and not await self._shelves.pushed.use_up(request.pushed):
            raise InvalidRequestUriError
