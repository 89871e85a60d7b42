"""Writing only what changed: compare by digest, insert the new, replace the changed, leave the same alone."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from backend.documents.store import Store, Stored
from backend.ingest.raw import DUPLICATE_KEY
from backend.kernel.errors import Conflict

Outcome = Literal["new", "changed", "same"]
# Another writer may win a document between our look and our write; then we look again.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document ready to be written, in clear, and the digest of its facts."""

    id: Any
    content: bytes
    document: Stored


@dataclass(frozen=True, slots=True)
class _Known:
    content: bytes
    revision: int
    created_at: Any


Finish = Callable[[Sequence[Stored]], Awaitable[None]]


async def upsert(
    store: Store, collection: str, candidates: Sequence[Candidate], *, finish: Finish, dry_run: bool = False
) -> list[Outcome]:
    """Write what differs from the store; what became of each candidate, in their order.

    ``finish`` seals the documents that are really going to be written, and may see one twice.
    Candidates of one id are taken in order, so the last one stands.
    """
    first_look: list[Outcome] | None = None
    for _ in range(_TRIES):
        known = await _known(store, collection, [candidate.id for candidate in candidates])
        outcomes, latest = _compare(known, candidates)
        first_look = first_look or outcomes
        if dry_run or await _write(store, collection, known, latest, finish):
            return first_look
    raise Conflict("Other writers kept changing the same documents; try again")


async def _known(store: Store, collection: str, ids: list[Any]) -> dict[Any, _Known]:
    cursor = store.collection(collection).find(
        {"_id": {"$in": ids}}, {"Source.Content": 1, "Revision": 1, "CreatedAt": 1}
    )
    return {
        found["_id"]: _Known(found["Source"]["Content"], found["Revision"], found["CreatedAt"])
        async for found in cursor
    }


def _compare(known: dict[Any, _Known], candidates: Sequence[Candidate]) -> tuple[list[Outcome], dict[Any, Candidate]]:
    contents = {key: seen.content for key, seen in known.items()}
    outcomes: list[Outcome] = []
    latest: dict[Any, Candidate] = {}
    for candidate in candidates:
        before = contents.get(candidate.id)
        if before == candidate.content:
            outcomes.append("same")
            continue
        outcomes.append("new" if before is None else "changed")
        contents[candidate.id] = candidate.content
        latest[candidate.id] = candidate
    return outcomes, latest


async def _write(
    store: Store, collection: str, known: dict[Any, _Known], latest: dict[Any, Candidate], finish: Finish
) -> bool:
    """True when every write found the store as we had seen it."""
    fresh = [candidate.document for key, candidate in latest.items() if key not in known]
    stale = [candidate for key, candidate in latest.items() if key in known and known[key].content != candidate.content]
    for candidate in stale:
        seen = known[candidate.id]
        candidate.document.update(CreatedAt=seen.created_at, Revision=seen.revision + 1)
    await finish([*fresh, *(candidate.document for candidate in stale)])
    inserted = await _insert(store, collection, fresh)
    replaced = await _replace(store, collection, known, stale)
    return inserted and replaced


async def _insert(store: Store, collection: str, documents: list[Stored]) -> bool:
    if not documents:
        return True
    try:
        await store.collection(collection).insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if any(problem["code"] != DUPLICATE_KEY for problem in error.details["writeErrors"]):
            raise
        return False
    return True


async def _replace(store: Store, collection: str, known: dict[Any, _Known], candidates: list[Candidate]) -> bool:
    if not candidates:
        return True
    result = await store.collection(collection).bulk_write(
        [
            ReplaceOne({"_id": candidate.id, "Revision": known[candidate.id].revision}, candidate.document)
            for candidate in candidates
        ],
        ordered=False,
    )
    return result.matched_count == len(candidates)
