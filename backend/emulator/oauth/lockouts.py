"""Wrong passwords and codes, counted: five, and the door stays shut for a while, each time for longer."""

from datetime import datetime, timedelta
from typing import Any, Final

from bson.binary import Binary
from pymongo import IndexModel, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from backend.kernel.ids import KeyedHash
from backend.kernel.mongo.provision import CollectionSpec

Stored = dict[str, Any]

LOCKOUTS: Final = CollectionSpec("lockouts", indexes=(IndexModel("LockedUntil", name="over"),))
# Regulation (EU) 2018/389, article 4(3)(b): no more than five consecutive failures.
FAILURES_MAX: Final = 5
FIRST_LOCK: Final = timedelta(minutes=5)
_ROUNDS_MAX: Final = 8
_FORGOTTEN_AFTER: Final = timedelta(days=1)


class Lockouts:
    """The failures of everybody, known or not: a name that nobody has is shut out like any other."""

    def __init__(self, database: AsyncDatabase[Stored], keyed_hash: KeyedHash) -> None:
        self._lockouts = database[LOCKOUTS.name]
        self._keyed_hash = keyed_hash

    async def take(self, *who: str, now: datetime) -> int | None:
        """Count a try as failed before it is made; how many are left after it, or None if the door is shut.

        Taken before the check, so that many guesses at once get no more than five.
        """
        try:
            return await self._take(self._id(who), now)
        except DuplicateKeyError:  # two first tries at once; the second finds the first one's record
            return await self._take(self._id(who), now)

    async def clear(self, *who: str) -> None:
        """The try was right: begin anew."""
        await self._lockouts.delete_one({"_id": self._id(who)})

    async def sweep(self, now: datetime) -> int:
        """Forget the failures of those who stayed away for a day."""
        return (await self._lockouts.delete_many({"LockedUntil": {"$lte": now - _FORGOTTEN_AFTER}})).deleted_count

    async def _take(self, key: Binary, now: datetime) -> int | None:
        until = {"$ifNull": ["$LockedUntil", now]}
        is_over = {"$and": [{"$gte": ["$Failures", FAILURES_MAX]}, {"$lte": [until, now]}]}
        failures = {"$cond": [is_over, 0, {"$ifNull": ["$Failures", 0]}]}
        rounds = {"$add": [{"$ifNull": ["$Rounds", 0]}, {"$cond": [is_over, 1, 0]}]}
        is_shut = {"$gte": ["$Failures", FAILURES_MAX]}
        stages: list[Stored] = [
            {"$set": {"Failures": failures, "Rounds": {"$min": [rounds, _ROUNDS_MAX]}}},
            {"$set": {"LetIn": {"$not": [is_shut]}, "Failures": {"$add": ["$Failures", {"$cond": [is_shut, 0, 1]}]}}},
            {"$set": {"LockedUntil": {"$cond": ["$LetIn", _lock_end(now), "$LockedUntil"]}}},
        ]
        counted: Any = await self._lockouts.find_one_and_update(
            {"_id": key}, stages, upsert=True, return_document=ReturnDocument.AFTER
        )
        return FAILURES_MAX - int(counted["Failures"]) if counted["LetIn"] else None

    def _id(self, who: tuple[str, ...]) -> Binary:
        return Binary(self._keyed_hash.digest("oauth-lockout", *who))


def _lock_end(now: datetime) -> Stored:
    """Five minutes after the last failure that was let in, doubled with each round."""
    milliseconds = int(FIRST_LOCK.total_seconds() * 1000)
    return {"$add": [now, {"$multiply": [milliseconds, {"$pow": [2, "$Rounds"]}]}]}
