"""Credentials: tokens issued, recognised and revoked.

A recognised token is remembered for five seconds. Revoking forgets it at once in this process; other
processes follow within those five seconds. Expiry is checked at every use. When a token was last used and
what was read with it is written in batches, once a minute and at shutdown: a crash may lose the last minute.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Self

from bson import ObjectId
from bson.binary import Binary
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from backend.api.identity.audit import Audit, Event
from backend.api.identity.viewer import Viewer
from backend.documents.store import Store, Stored
from backend.documents.token import Scope
from backend.kernel import clock
from backend.kernel.errors import OpenFinanceError
from backend.kernel.ids import new_token
from backend.kernel.log import get_logger

REMEMBERED_SECONDS: Final = 5.0
FLUSH_SECONDS: Final = 60.0
_REMEMBERED_MAX: Final = 10_000
_USES_MAX: Final = 50_000
_TOKEN_LENGTH_MAX: Final = 512
OPERATE: Final = "operate"


@dataclass(frozen=True, slots=True)
class Issued:
    """A token in clear, to be shown once, and what is stored of it."""

    token: str
    stored: Stored


@dataclass(slots=True)
class _Use:
    """What was done with one token since the last flush."""

    user_id: ObjectId
    last: datetime
    routes: Counter[str]


@dataclass(frozen=True, slots=True)
class _Known:
    viewer: Viewer
    expires_at: datetime | None
    forgotten_at: float


class Credentials:
    """The tokens of all people. Use it as an async context manager: leaving it writes what waits."""

    def __init__(self, store: Store, audit: Audit) -> None:
        self._store = store
        self._audit = audit
        self._tokens = store.collection("tokens")
        self._users = store.collection("users")
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._revocations = 0
        self._uses: dict[ObjectId, _Use] = {}
        self._flushing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._flushing = asyncio.create_task(self._flush_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._flushing:
            self._flushing.cancel()
            with suppress(asyncio.CancelledError):
                await self._flushing
        await self._flush_or_log()

    def remembered(self, token: str) -> Viewer | None:
        """The viewer of ``token`` if it was recognised in the last seconds and has not expired since."""
        known = self._known.get(self._store.keyed_hash.token(token))
        if known is None or known.forgotten_at < time.monotonic():
            return None
        if known.expires_at and known.expires_at <= clock.now():
            return None
        return known.viewer

    async def recognise(self, token: str) -> Viewer | None:
        """The viewer of ``token``, or None when it is unknown, expired or revoked."""
        if len(token) > _TOKEN_LENGTH_MAX:
            return None
        if viewer := self.remembered(token):
            return viewer
        digest = self._store.keyed_hash.token(token)
        revocations = self._revocations
        found = await self._tokens.find_one({"BearerToken": {"$eq": Binary(digest)}})
        if found is None or not _is_good(found):
            return None
        user = await self._users.find_one({"_id": found["UserId"]}, {"Roles": 1})
        if user is None:  # erased
            return None
        viewer = _viewer(found, frozenset(user.get("Roles", ())))
        if revocations == self._revocations:  # else it may be this one that was revoked while we looked
            self._remember(digest, viewer, found.get("ExpiresAt"))
        return viewer

    async def issue(
        self,
        *,
        user_id: ObjectId,
        user_name: str,
        kind: Literal["session", "personal"],
        scopes: Sequence[Scope],
        expires_at: datetime | None,
        label: str | None = None,
    ) -> Issued:
        """A new token for the person; only its keyed hash is stored."""
        token = new_token()
        stored: Stored = {
            "_id": ObjectId(),
            "UserName": user_name,
            "UserId": user_id,
            "BearerToken": Binary(self._store.keyed_hash.token(token)),
            "Kind": kind,
            "Scopes": list(scopes),
            "TokenDates": {"CreationDate": clock.now(), "LastUseDate": None},
        }
        stored |= {"ExpiresAt": expires_at} if expires_at else {}
        stored |= {"Label": label} if label else {}
        await self._keep(stored, actor=f"user:{user_id}")
        return Issued(token, stored)

    async def keep_for_client(
        self, client: Stored, hashed: bytes, *, scopes: Sequence[str], expires_at: datetime
    ) -> None:
        """Keep a token of a machine client (as stored), made by the authorization server: its keyed hash is given."""
        stored: Stored = {
            "_id": ObjectId(),
            "UserName": client["UserName"],
            "UserId": client["UserId"],
            "BearerToken": Binary(hashed),
            "Kind": "client",
            "ClientId": client["_id"],
            "Label": client["Label"],
            "Scopes": list(scopes),
            "ExpiresAt": expires_at,
            "TokenDates": {"CreationDate": clock.now(), "LastUseDate": None},
        }
        await self._keep(stored, actor=f"client:{client['_id']}")

    async def _keep(self, stored: Stored, *, actor: str) -> None:
        await self._tokens.insert_one(stored)
        await self._audit.append(Event(stored["UserId"], actor, "token.issued", f"token:{stored['_id']}"))

    async def revoke(self, *, user_id: ObjectId, token_id: ObjectId, actor: str) -> bool:
        """End one of the person's tokens; False when they have no such token in force."""
        revoked = await self._tokens.find_one_and_update(
            {"_id": token_id, "UserId": user_id, "RevokedAt": None}, {"$set": {"RevokedAt": clock.now()}}
        )
        self._revocations += 1
        if revoked is None:
            return False
        self._known.pop(bytes(revoked["BearerToken"]), None)
        await self._audit.append(Event(user_id, actor, "token.revoked", f"token:{token_id}"))
        return True

    async def revoke_client(self, *, user_id: ObjectId, client_id: ObjectId) -> None:
        """End all tokens of one of the person's machine clients."""
        await self._tokens.update_many(
            {"UserId": user_id, "ClientId": client_id, "RevokedAt": None}, {"$set": {"RevokedAt": clock.now()}}
        )
        self._revocations += 1
        # The person's others are only looked up once more.
        for digest in [digest for digest, known in self._known.items() if known.viewer.user_id == user_id]:
            del self._known[digest]

    async def in_force(
        self, user_id: ObjectId, *, after: ObjectId | None, limit: int, kind: str | None = None
    ) -> list[Stored]:
        """The person's tokens that work now, oldest first, from behind ``after``; without their hashes."""
        query: dict[str, Any] = {
            "UserId": user_id,
            "RevokedAt": None,
            "$or": [{"ExpiresAt": None}, {"ExpiresAt": {"$gt": clock.now()}}],
        }
        query |= {"_id": {"$gt": after}} if after else {}
        query |= {"Kind": kind} if kind else {}
        return await self._tokens.find(query, {"BearerToken": 0}, sort=[("_id", 1)], limit=limit).to_list()

    def used(self, viewer: Viewer, what: str) -> None:
        """Note that ``viewer``'s token called the route ``what``; it is written within the minute."""
        use = self._uses.get(viewer.token_id)
        if use is None:
            if len(self._uses) >= _USES_MAX:  # the database has been away for long; memory has an end
                return
            use = self._uses[viewer.token_id] = _Use(viewer.user_id, clock.now(), Counter())
        use.last = clock.now()
        use.routes[what] += 1

    async def flush(self) -> None:
        """Write what waits: when each token was last used, and one link per token and route.

        What could not be written waits on.
        """
        uses, self._uses = self._uses, {}
        try:
            if uses:
                await self._tokens.bulk_write([_last_use(*use) for use in uses.items()], ordered=False)
            for token_id in list(uses):
                await self._record(token_id, uses[token_id])
                del uses[token_id]
        finally:
            for token_id, use in uses.items():
                self._uses.setdefault(token_id, _Use(use.user_id, use.last, Counter())).routes.update(use.routes)

    async def _record(self, token_id: ObjectId, use: _Use) -> None:
        while use.routes:
            what, count = next(iter(use.routes.items()))
            await self._audit.append(Event(use.user_id, f"token:{token_id}", "route.called", what, count))
            del use.routes[what]

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush_or_log()

    async def _flush_or_log(self) -> None:
        try:
            await self.flush()
        except (PyMongoError, OpenFinanceError) as error:
            get_logger().warning("uses not written", error_class=type(error).__name__, count=len(self._uses))

    def _remember(self, digest: bytes, viewer: Viewer, expires_at: datetime | None) -> None:
        self._known[digest] = _Known(viewer, expires_at, time.monotonic() + REMEMBERED_SECONDS)
        self._known.move_to_end(digest)
        if len(self._known) > _REMEMBERED_MAX:
            self._known.popitem(last=False)


def _is_good(token: Stored) -> bool:
    expires_at = token.get("ExpiresAt")
    return token.get("RevokedAt") is None and (expires_at is None or expires_at > clock.now())


def _viewer(token: Stored, roles: frozenset[str]) -> Viewer:
    # A token keeps the scopes it was issued with, but operates only as long as its owner is an operator.
    scopes = frozenset(token["Scopes"])
    allowed = scopes if "operator" in roles else scopes - {OPERATE}
    return Viewer(token["UserId"], token["UserName"], token["_id"], allowed, roles)


def _last_use(token_id: ObjectId, use: _Use) -> UpdateOne:
    return UpdateOne({"_id": token_id}, {"$max": {"TokenDates.LastUseDate": use.last.replace(second=0, microsecond=0)}})
