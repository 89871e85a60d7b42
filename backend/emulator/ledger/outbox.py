"""The outboxes and what becomes of their messages: delivered, tried again, or set aside as dead letters.

A message leaves its outbox when all its consumers have it. What no consumer could digest in three tries waits among
the dead letters, with the reason, until somebody replays it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession

from backend.emulator.ledger.journal import Database, Stored
from backend.emulator.ledger.schema import DEAD_LETTERS
from backend.emulator.ledger.transactions import in_transaction
from backend.kernel.clock import now
from backend.kernel.errors import NotFound

TRIES: Final = 3


class Outbox:
    """One outbox, as one of its consumers sees it."""

    def __init__(self, client: AsyncMongoClient[Stored], database: Database, name: str, consumer: str) -> None:
        self.name = name
        self.consumer = consumer
        self._client = client
        self._database = database
        self._records = database[name]

    async def waiting(self, limit: int) -> list[Stored]:
        """The oldest records this consumer has not got, in the order of their accounts' chains."""
        return await self._records.find({"pending": self.consumer}).sort("stamp", 1).limit(limit).to_list()

    async def delivered(self, ids: Iterable[str]) -> None:
        """The consumer has these; records that nobody waits for any more are taken out."""
        done = list(ids)
        if done:
            await self._records.update_many({"_id": {"$in": done}}, {"$pull": {"pending": self.consumer}})
            await self._records.delete_many({"_id": {"$in": done}, "pending": []})

    async def sweep(self) -> None:
        """Take out records that everybody has, which whoever was killed before it could do so left behind."""
        await self._records.delete_many({"pending": []})

    async def failed(self, record: Stored, reason: str) -> None:
        """One more try came to nothing; after the third the message is set aside."""
        tries = record.get("tries", {}).get(self.consumer, 0) + 1
        if tries < TRIES:
            await self._records.update_one({"_id": record["_id"]}, {"$set": {f"tries.{self.consumer}": tries}})
        else:
            await self._set_aside(record, reason)

    async def _set_aside(self, record: Stored, reason: str) -> None:
        letter = {
            "_id": f"{record['_id']}:{self.consumer}",
            "outbox": self.name,
            "consumer": self.consumer,
            "reason": reason,
            "parked_at": now(),
            "message": {name: value for name, value in record.items() if name not in {"pending", "tries"}},
        }

        async def act(session: AsyncClientSession) -> None:
            await self._database[DEAD_LETTERS].replace_one({"_id": letter["_id"]}, letter, upsert=True, session=session)
            ours = {"_id": record["_id"]}
            await self._records.update_one(ours, {"$pull": {"pending": self.consumer}}, session=session)
            await self._records.delete_one(ours | {"pending": []}, session=session)

        await in_transaction(self._client, act)


async def dead_letters(database: Database) -> list[Stored]:
    """What was set aside, oldest first."""
    return await database[DEAD_LETTERS].find().sort("parked_at", 1).to_list()


async def replay(client: AsyncMongoClient[Stored], database: Database, letter_id: str) -> None:
    """Give the message its three tries again; NotFound if there is no such dead letter."""

    async def act(session: AsyncClientSession) -> None:
        letter = await database[DEAD_LETTERS].find_one_and_delete({"_id": letter_id}, session=session)
        if not letter:
            raise NotFound("There is no such dead letter; `openfinance ledger dead-letters` lists them")
        await database[letter["outbox"]].update_one(
            {"_id": letter["message"]["_id"]},
            {
                "$setOnInsert": {name: value for name, value in letter["message"].items() if name != "_id"},
                "$addToSet": {"pending": letter["consumer"]},
                "$unset": {f"tries.{letter['consumer']}": ""},
            },
            upsert=True,
            session=session,
        )

    await in_transaction(client, act)


async def fresh(database: Database, inbox: str, records: Sequence[Stored], session: AsyncClientSession) -> list[Stored]:
    """Those of ``records`` that ``inbox`` has not seen, each once; it has seen them from now on."""
    ids = [record["_id"] for record in records]
    seen = {each["_id"] async for each in database[inbox].find({"_id": {"$in": ids}}, session=session)}
    unseen = {record["_id"]: record for record in records if record["_id"] not in seen}
    if unseen:
        await database[inbox].insert_many([{"_id": each} for each in unseen], session=session)
    return list(unseen.values())
