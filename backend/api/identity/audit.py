"""The record of what was done: links appended to one hash chain per person, and chains checked."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from backend.documents.audit import GENESIS, link_hash
from backend.documents.store import Store, Stored
from backend.kernel import clock
from backend.kernel.errors import Unavailable

_TRIES: Final = 40
_PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done, before it becomes a link."""

    chain: ObjectId
    actor: str
    action: str
    object: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many links of a chain are right, and the number of the first that is not, None when all are."""

    links: int
    broken_at: int | None = None


class Audit:
    """Appends to and checks the chains. The unique index on (Chain, Seq) decides between two writers."""

    def __init__(self, store: Store) -> None:
        self._links = store.collection("audit")

    async def append(self, event: Event) -> None:
        """``event`` as the newest link of its chain; Unavailable when others keep getting in before us."""
        for attempt in range(_TRIES):
            try:
                await self._links.insert_one(_link_after(await self._head(event.chain), event))
            except DuplicateKeyError:
                await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS * (attempt + 1)))  # noqa: S311 - spreads retries
            else:
                return
        raise Unavailable("The record of events is too busy; repeat the call")

    async def verify_chain(self, user_id: ObjectId) -> Verdict:
        """Whether every link is as it was written and none is missing between the first and the newest."""
        prev, seq = GENESIS, 0
        async for link in self._links.find({"Chain": user_id}, sort=[("Seq", 1)]):
            seq += 1
            if link["Seq"] != seq or bytes(link["Prev"]) != prev or bytes(link["Hash"]) != link_hash(link):
                return Verdict(seq - 1, broken_at=seq)
            prev = bytes(link["Hash"])
        return Verdict(seq)

    async def newest(self, user_id: ObjectId, *, before: int | None, limit: int) -> list[Stored]:
        """Links of ``user_id``'s chain, newest first, from below the number ``before``."""
        owned: dict[str, Any] = {"Chain": user_id} | ({"Seq": {"$lt": before}} if before else {})
        shown = {"Seq": 1, "At": 1, "Actor": 1, "Action": 1, "Object": 1, "Count": 1, "_id": 0}
        return await self._links.find(owned, shown, sort=[("Seq", -1)], limit=limit).to_list()

    async def _head(self, chain: ObjectId) -> Stored | None:
        return await self._links.find_one({"Chain": chain}, {"Seq": 1, "Hash": 1}, sort=[("Seq", -1)])


def _link_after(head: Mapping[str, Any] | None, event: Event) -> Stored:
    link: Stored = {
        "Chain": event.chain,
        "Seq": head["Seq"] + 1 if head else 1,
        "Prev": bytes(head["Hash"]) if head else GENESIS,
        "At": clock.now(),
        "Actor": event.actor,
        "Action": event.action,
        "Count": event.count,
    }
    if event.object is not None:
        link["Object"] = event.object
    return link | {"Hash": link_hash(link)}
