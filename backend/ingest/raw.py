"""Payloads as received, kept before anything is made of them: compressed, sealed, under their digest."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.errors import BulkWriteError

from backend.documents.raw_payload import RawPayload
from backend.documents.store import Store

DUPLICATE_KEY = 11_000
# A payload repeats its field names in every record: level 1 already finds that, at a third of the cost of 9.
_COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes of one owner, as received."""

    owner: ObjectId
    body: bytes
    content_type: str
    kind: str
    origin: str


def payload_id(store: Store, payload: Payload) -> bytes:
    """The ``_id`` under which this payload is kept: the same bytes of the same owner are kept once."""
    return store.keyed_hash.digest("raw-payload", payload.owner.binary, payload.kind, payload.body)


async def keep(store: Store, payloads: Sequence[Payload], *, received_at: datetime) -> None:
    """Store what is not yet there. When this returns, the bytes are safe on a majority of servers."""
    by_id = {payload_id(store, payload): payload for payload in payloads}
    collection = store.collection(RawPayload.Settings.name)
    async for known in collection.find({"_id": {"$in": list(by_id)}}, {"_id": 1}):
        del by_id[known["_id"]]
    if not by_id:
        return
    await store.sealer.prepare(payload.owner for payload in by_id.values())
    documents = [await _document(store, raw_id, payload, received_at) for raw_id, payload in by_id.items()]
    await insert_new(store, RawPayload.Settings.name, documents)


async def insert_new(store: Store, collection: str, documents: list[dict[str, Any]]) -> int:
    """Insert those whose ``_id`` is not there yet; how many were. Equal ids mean equal content here."""
    try:
        result = await store.collection(collection).insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if any(problem["code"] != DUPLICATE_KEY for problem in error.details["writeErrors"]):
            raise
        return int(error.details["nInserted"])
    return len(result.inserted_ids)


async def read_payload(store: Store, raw_id: bytes) -> bytes:
    """The bytes as they were received. Raises SealBroken when they were erased."""
    found = await store.collection(RawPayload.Settings.name).find_one({"_id": raw_id})
    if found is None:
        raise KeyError(raw_id.hex())
    sealed: bytes = await store.sealer.open(found["UserId"], found["Body"])
    return gzip.decompress(sealed)


async def _document(store: Store, raw_id: bytes, payload: Payload, received_at: datetime) -> dict[str, Any]:
    compressed = gzip.compress(payload.body, _COMPRESSION, mtime=0)
    return {
        "_id": raw_id,
        "UserId": payload.owner,
        "Body": await store.sealer.seal(payload.owner, compressed),
        "Size": len(payload.body),
        "ContentType": payload.content_type,
        "Kind": payload.kind,
        "Origin": payload.origin,
        "ReceivedAt": received_at,
    }
