"""Log-ins at the bank's own places: the bank app and the permissions page, each with a session of its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from bson.binary import Binary
from pymongo import IndexModel, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.oauth.journeys import IDLE_MAX
from backend.kernel.ids import KeyedHash, new_token
from backend.kernel.mongo.provision import CollectionSpec

Stored = dict[str, Any]
Place = Literal["app", "permissions"]

SESSIONS: Final = CollectionSpec("sessions", indexes=(IndexModel("LastActiveAt", name="idle"),))


@dataclass(frozen=True, slots=True)
class Session:
    """A customer who is logged in."""

    secret: str
    customer_id: str


class Sessions:
    """The sessions of all banks of a database; their secrets are kept as keyed hashes."""

    def __init__(self, database: AsyncDatabase[Stored], keyed_hash: KeyedHash) -> None:
        self._sessions = database[SESSIONS.name]
        self._keyed_hash = keyed_hash

    async def open(self, bank: str, place: Place, customer_id: str, now: datetime) -> str:
        """The secret of a new session."""
        secret = new_token()
        await self._sessions.insert_one(
            {"_id": self._id(bank, place, secret), "CustomerId": customer_id, "LastActiveAt": now}
        )
        return secret

    async def find(self, bank: str, place: Place, secret: str | None, now: datetime) -> Session | None:
        """The session, kept awake by this; None when there is none or it slept for five minutes."""
        if not secret:
            return None
        found = await self._sessions.find_one_and_update(
            {"_id": self._id(bank, place, secret), "LastActiveAt": {"$gt": now - IDLE_MAX}},
            {"$max": {"LastActiveAt": now}},
            return_document=ReturnDocument.AFTER,
        )
        return Session(secret, found["CustomerId"]) if found else None

    async def close(self, bank: str, place: Place, secret: str) -> None:
        """Log out."""
        await self._sessions.delete_one({"_id": self._id(bank, place, secret)})

    async def sweep(self, now: datetime) -> int:
        """Delete the sessions that fell asleep."""
        return (await self._sessions.delete_many({"LastActiveAt": {"$lte": now - IDLE_MAX}})).deleted_count

    def _id(self, bank: str, place: Place, secret: str) -> Binary:
        # Bank and place are in the hash, so a secret opens nothing elsewhere.
        return Binary(self._keyed_hash.token(f"{bank} {place} {secret}"))
