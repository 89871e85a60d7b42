"""The record of what was done: links appended to one hash chain per person, and chains checked."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bson import ObjectId
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from backend.documents.audit import GENESIS, link_hash
from backend.documents.store import Store, Stored
from backend.kernel import clock
from backend.kernel.errors import Unavailable
from backend.kernel.ids import KeyedHash

_TRIES: Final = 40
_PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done, before it becomes a link."""

    chain: ObjectId
    actor: str
    action: str
    object: str | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many links of a chain are right, and the number of the first that is not, None when all are."""

    links: int
    broken_at: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link of a chain: its number and its hash."""

    seq: int
    hash: bytes


_BEGINNING: Final = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Survey:
    """All chains as they were found.

    ``links`` counts those that are right, ``heads`` has the newest of these for each chain, ``broken`` the
    number of the first link that is wrong or missing for each chain that has one.
    """

    links: int
    heads: Mapping[ObjectId, Head]
    broken: Mapping[ObjectId, int]


class Audit:
    """Appends to and checks the chains. The unique index on (Chain, Seq) decides between two writers."""

    def __init__(self, store: Store) -> None:
        self._links = store.collection("audit")
        self._keyed_hash = store.keyed_hash

    async def append(self, event: Event) -> None:
        """``event`` as the newest link of its chain; Unavailable when others keep getting in before us."""
        for attempt in range(_TRIES):
            try:
                head = await self._head(event.chain)
                await self._links.insert_one(_link_after(head, event, self._keyed_hash))
            except DuplicateKeyError:
                await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS * (attempt + 1)))  # noqa: S311 - spreads retries
            else:
                return
        raise Unavailable("The record of events is too busy; repeat the call")

    async def verify_chain(self, user_id: ObjectId) -> Verdict:
        """Whether every link is as it was written and none is missing between the first and the newest."""
        survey = await self._survey({"Chain": user_id}, {})
        return Verdict(survey.links, survey.broken.get(user_id))

    async def verify_all(self, known: Mapping[ObjectId, Head]) -> Survey:
        """All chains, each link checked, and that none has lost or changed its link of ``known``."""
        return await self._survey({}, known)

    async def _survey(self, query: Stored, known: Mapping[ObjectId, Head]) -> Survey:
        walk = _Walk(self._keyed_hash, known)
        # What is not yet on a majority may be undone, and would be missed the next time.
        settled = self._links.with_options(read_concern=ReadConcern("majority"))
        async for link in settled.find(query, sort=[("Chain", 1), ("Seq", 1)]):
            walk.step(link)
        return walk.end()

    async def newest(self, user_id: ObjectId, *, before: int | None, limit: int) -> list[Stored]:
        """Links of ``user_id``'s chain, newest first, from below the number ``before``."""
        owned: dict[str, Any] = {"Chain": user_id} | ({"Seq": {"$lt": before}} if before else {})
        shown = {"Seq": 1, "At": 1, "Actor": 1, "Action": 1, "Object": 1, "Times": 1, "_id": 0}
        return await self._links.find(owned, shown, sort=[("Seq", -1)], limit=limit).to_list()

    async def _head(self, chain: ObjectId) -> Stored | None:
        return await self._links.find_one({"Chain": chain}, {"Seq": 1, "Hash": 1}, sort=[("Seq", -1)])


@dataclass(slots=True)
class _Walk:
    """Along the chains, one after the other; behind a chain's first bad link nothing of it is looked at."""

    keyed_hash: KeyedHash
    known: Mapping[ObjectId, Head]
    links: int = 0
    heads: dict[ObjectId, Head] = field(default_factory=dict)
    broken: dict[ObjectId, int] = field(default_factory=dict)

    def step(self, link: Stored) -> None:
        chain = link["Chain"]
        if chain in self.broken:
            return
        before = self.heads.get(chain, _BEGINNING)
        seq = before.seq + 1
        if self._hangs(link, before) and self._is_as_known(chain, Head(seq, link["Hash"])):
            self.heads[chain] = Head(seq, link["Hash"])
            self.links += 1
        else:
            self.broken[chain] = seq

    def end(self) -> Survey:
        for chain, head in self.known.items():
            reached = self.heads.get(chain, _BEGINNING).seq
            if reached < head.seq:
                self.broken.setdefault(chain, reached + 1)
        return Survey(self.links, self.heads, self.broken)

    def _hangs(self, link: Stored, before: Head) -> bool:
        said = (link.get("Seq"), link.get("Prev"), link.get("Hash"))
        return said == (before.seq + 1, before.hash, link_hash(link, self.keyed_hash))

    def _is_as_known(self, chain: ObjectId, here: Head) -> bool:
        known = self.known.get(chain)
        return known is None or known.seq != here.seq or known == here


def _link_after(head: Mapping[str, Any] | None, event: Event, keyed_hash: KeyedHash) -> Stored:
    link: Stored = {
        "Chain": event.chain,
        "Seq": head["Seq"] + 1 if head else 1,
        "Prev": bytes(head["Hash"]) if head else GENESIS,
        "At": clock.now(),
        "Actor": event.actor,
        "Action": event.action,
        "Times": event.times,
    }
    if event.object is not None:
        link["Object"] = event.object
    return link | {"Hash": link_hash(link, keyed_hash)}
