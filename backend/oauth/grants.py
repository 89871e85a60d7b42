"""Grants: a code and every token that came of it in one document, so that one write decides for them all.

Redeeming a code marks it used and adds the tokens in the same write: nothing can land between the two.
Killing a family is one write as well. Codes and tokens are stored as keyed hashes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from bson import ObjectId
from bson.binary import Binary
from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from backend.kernel.ids import KeyedHash
from backend.kernel.mongo.provision import CollectionSpec

Stored = dict[str, Any]
TokenKind = Literal["access", "refresh"]

GRANTS: Final = CollectionSpec(
    "grants",
    indexes=(
        # One code: {"Code.Hash": hash, "Issuer": issuer}.
        IndexModel("Code.Hash", name="code", partialFilterExpression={"Code.Hash": {"$exists": True}}),
        # One token: {"Tokens.Hash": hash, "Issuer": issuer}.
        IndexModel("Tokens.Hash", name="token"),
        # All that came of one permission: {"Issuer": issuer, "Reference": consent, "RevokedAt": null}.
        IndexModel([("Issuer", 1), ("Reference", 1)], name="reference"),
        # What is over: {"PurgeAt": {"$lte": now}}. No TTL index: the server's clock is not the emulator's.
        IndexModel("PurgeAt", name="purge"),
    ),
)
# Rotated refresh tokens are kept to recognise their reuse; a family remembers this many tokens.
_TOKENS_MAX: Final = 500
# A dead grant is kept so long, to know the replay of its code or tokens for what it is.
_KEPT_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token of a grant, known by its keyed hash alone."""

    hash: bytes
    kind: TokenKind
    scope: str
    issued_at: datetime
    expires_at: datetime
    superseded_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The authorization code of a grant: bound to a redirect URI and a challenge, good once and not for long."""

    hash: bytes
    expires_at: datetime
    redirect_uri: str
    challenge: str
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a client was granted: by whom (None: to itself), for which scope, on the strength of what."""

    id: ObjectId
    issuer: str
    client_id: str
    subject: str | None
    reference: str | None
    scope: str
    code: Code | None = None
    tokens: tuple[Token, ...] = ()
    revoked_at: datetime | None = None

    def token(self, hashed: bytes) -> Token | None:
        """The grant's token of that hash."""
        return next((token for token in self.tokens if token.hash == hashed), None)


class Grants:
    """The grants of all issuers."""

    def __init__(self, database: AsyncDatabase[Stored], keyed_hash: KeyedHash) -> None:
        self._grants = database[GRANTS.name]
        self._keyed_hash = keyed_hash

    def hashed(self, secret: str) -> bytes:
        """The keyed hash under which a code or token is kept."""
        return self._keyed_hash.token(secret)

    async def add(self, grant: Grant) -> None:
        """Keep a new grant."""
        await self._grants.insert_one(_to_bson(grant))

    async def by_code(self, issuer: str, code: str) -> Grant | None:
        """The grant of that code, used or not, in force or not."""
        return _from_bson(await self._grants.find_one({"Code.Hash": Binary(self.hashed(code)), "Issuer": issuer}))

    async def by_token(self, issuer: str, token: str) -> Grant | None:
        """The grant of that access or refresh token, in force or not."""
        return _from_bson(await self._grants.find_one({"Tokens.Hash": Binary(self.hashed(token)), "Issuer": issuer}))

    async def redeem(self, grant: Grant, tokens: Iterable[Token], now: datetime) -> bool:
        """Use the code up and add ``tokens``; False if it was used, expired or revoked by then."""
        added = [_token_to_bson(token) for token in tokens]
        done = await self._grants.update_one(
            {"_id": grant.id, "RevokedAt": None, "Code.UsedAt": None, "Code.ExpiresAt": {"$gt": now}},
            {"$set": {"Code.UsedAt": now, "Tokens": added, "PurgeAt": _purge_at(added)}},
        )
        return bool(done.modified_count)

    async def refresh(
        self, grant: Grant, presented: Token, tokens: Iterable[Token], now: datetime, *, replaced_since: datetime | None
    ) -> bool:
        """Add ``tokens`` on the strength of a refresh token; False if it is no longer good.

        It is good while nothing replaced it; if ``replaced_since`` is given, also while nothing replaced it
        before that. A refresh token among ``tokens`` replaces all others. Expired tokens are cleared away.
        """
        added = [_token_to_bson(token) for token in tokens]
        is_good = {
            "Hash": Binary(presented.hash),
            "Kind": "refresh",
            "ExpiresAt": {"$gt": now},
            "$or": [{"SupersededAt": None}, *([{"SupersededAt": {"$gt": replaced_since}}] if replaced_since else [])],
        }
        alive = {"$filter": {"input": "$Tokens", "cond": {"$gt": ["$$this.ExpiresAt", now]}}}
        kept: Any = {"$slice": [alive, -_TOKENS_MAX]}
        if any(token["Kind"] == "refresh" for token in added):
            kept = _superseded(kept, now)
        done = await self._grants.update_one(
            {"_id": grant.id, "RevokedAt": None, "Tokens": {"$elemMatch": is_good}},
            [
                {"$set": {"Tokens": {"$concatArrays": [kept, {"$literal": added}]}}},
                {"$set": {"PurgeAt": {"$max": ["$PurgeAt", _purge_at(added)]}}},
            ],
        )
        return bool(done.modified_count)

    async def revoke(self, grant: Grant, now: datetime) -> None:
        """Kill the whole family."""
        await self._grants.update_one({"_id": grant.id, "RevokedAt": None}, _revocation(now))

    async def revoke_token(self, grant: Grant, token: Token) -> None:
        """Take one access token out of the family."""
        await self._grants.update_one({"_id": grant.id}, {"$pull": {"Tokens": {"Hash": Binary(token.hash)}}})

    async def revoke_reference(self, issuer: str, reference: str, now: datetime) -> None:
        """Kill all families granted on the strength of ``reference``."""
        await self._grants.update_many({"Issuer": issuer, "Reference": reference, "RevokedAt": None}, _revocation(now))

    async def last_used(self, issuer: str, references: Iterable[str]) -> Mapping[str, datetime]:
        """When tokens were last asked for on the strength of each reference."""
        stages = [
            {"$match": {"Issuer": issuer, "Reference": {"$in": list(references)}}},
            {"$group": {"_id": "$Reference", "At": {"$max": {"$max": "$Tokens.IssuedAt"}}}},
        ]
        cursor = await self._grants.aggregate(stages)
        return {row["_id"]: row["At"] async for row in cursor if row["At"]}

    async def sweep(self, now: datetime) -> int:
        """Delete what ended long enough ago; how many grants that were."""
        return (await self._grants.delete_many({"PurgeAt": {"$lte": now}})).deleted_count


class Marks:
    """Things that may happen once: a client assertion used, a pushed request carried out."""

    SPEC: Final = CollectionSpec("marks", indexes=(IndexModel("ExpiresAt", name="expiry"),))

    def __init__(self, database: AsyncDatabase[Stored], keyed_hash: KeyedHash, name: str = SPEC.name) -> None:
        self._marks = database[name]
        self._keyed_hash = keyed_hash

    async def mark(self, purpose: str, *parts: str, until: datetime) -> bool:
        """True for the first caller with these words, False for every other one."""
        try:
            digest = self._keyed_hash.digest(purpose, *parts)
            await self._marks.insert_one({"_id": Binary(digest), "ExpiresAt": until})
        except DuplicateKeyError:
            return False
        return True

    async def sweep(self, now: datetime) -> int:
        """Delete the marks that nobody can ask for again."""
        return (await self._marks.delete_many({"ExpiresAt": {"$lte": now}})).deleted_count


def _revocation(now: datetime) -> Stored:
    return {"$set": {"RevokedAt": now, "PurgeAt": now + timedelta(days=30)}}


def _superseded(tokens: Any, now: datetime) -> Stored:
    replaced = {"$mergeObjects": ["$$this", {"SupersededAt": {"$ifNull": ["$$this.SupersededAt", now]}}]}
    is_refresh = {"$eq": ["$$this.Kind", "refresh"]}
    return {"$map": {"input": tokens, "in": {"$cond": [is_refresh, replaced, "$$this"]}}}


def _purge_at(tokens: list[Stored]) -> datetime:
    latest: datetime = max(token["ExpiresAt"] for token in tokens)
    return latest + _KEPT_AFTER


def _to_bson(grant: Grant) -> Stored:
    tokens = [_token_to_bson(token) for token in grant.tokens]
    stored: Stored = {
        "_id": grant.id,
        "Issuer": grant.issuer,
        "ClientId": grant.client_id,
        "Subject": grant.subject,
        "Reference": grant.reference,
        "Scope": grant.scope,
        "Tokens": tokens,
        "RevokedAt": grant.revoked_at,
    }
    if grant.code:
        stored["Code"] = {
            "Hash": Binary(grant.code.hash),
            "ExpiresAt": grant.code.expires_at,
            "RedirectUri": grant.code.redirect_uri,
            "Challenge": grant.code.challenge,
            "UsedAt": grant.code.used_at,
        }
    return stored | {"PurgeAt": grant.code.expires_at + _KEPT_AFTER if grant.code else _purge_at(tokens)}


def _token_to_bson(token: Token) -> Stored:
    return {
        "Hash": Binary(token.hash),
        "Kind": token.kind,
        "Scope": token.scope,
        "IssuedAt": token.issued_at,
        "ExpiresAt": token.expires_at,
        "SupersededAt": token.superseded_at,
    }


def _from_bson(stored: Stored | None) -> Grant | None:
    if stored is None:
        return None
    return Grant(
        id=stored["_id"],
        issuer=stored["Issuer"],
        client_id=stored["ClientId"],
        subject=stored["Subject"],
        reference=stored["Reference"],
        scope=stored["Scope"],
        code=_code_from_bson(stored["Code"]) if "Code" in stored else None,
        tokens=tuple(_token_from_bson(token) for token in stored["Tokens"]),
        revoked_at=stored["RevokedAt"],
    )


def _code_from_bson(stored: Stored) -> Code:
    return Code(
        hash=stored["Hash"],
        expires_at=stored["ExpiresAt"],
        redirect_uri=stored["RedirectUri"],
        challenge=stored["Challenge"],
        used_at=stored["UsedAt"],
    )


def _token_from_bson(stored: Stored) -> Token:
    return Token(
        hash=stored["Hash"],
        kind=stored["Kind"],
        scope=stored["Scope"],
        issued_at=stored["IssuedAt"],
        expires_at=stored["ExpiresAt"],
        superseded_at=stored["SupersededAt"],
    )
