"""Records that cannot be used: set aside with place and reason, never in the way of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from backend.banks.contract import Rejected
from backend.documents.quarantine import Quarantined
from backend.documents.store import Store
from backend.ingest.raw import insert_new

# Owner of what nobody can be told to own; its data key seals those bytes all the same.
NOBODY = ObjectId("000000000000000000000000")


@dataclass(frozen=True, slots=True)
class SetAside:
    """One rejected record: where its bytes are kept, and where a person would look for it."""

    rejected: Rejected
    owner: ObjectId
    kind: str
    raw_id: bytes
    raw_path: str
    origin: str
    place: str


async def set_aside(store: Store, records: Sequence[SetAside], *, seen_at: datetime) -> None:
    """Write down what was rejected; the same record rejected for the same reason is written once."""
    if records:
        await insert_new(store, Quarantined.Settings.name, [_document(store, record, seen_at) for record in records])


def _document(store: Store, record: SetAside, seen_at: datetime) -> dict[str, object]:
    rejected = record.rejected
    digest = store.keyed_hash.digest("quarantine", record.raw_id, record.raw_path, rejected.code, rejected.pointer)
    return {
        "_id": (digest),
        "UserId": record.owner,
        "Kind": record.kind,
        "Code": rejected.code,
        "Reason": rejected.reason,
        "Pointer": rejected.pointer,
        "RawId": record.raw_id,
        "RawPath": record.raw_path,
        "Origin": record.origin,
        "Place": record.place,
        "FirstSeenAt": seen_at,
    }
