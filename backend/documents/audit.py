"""Who did what: the `audit` collection, one hash chain per person, only ever added to.

No personal data in clear stands here, so erasing a person does not break a chain.
"""

from datetime import datetime
from typing import Any, ClassVar, Final

import rfc8785
from beanie import Document
from bson import ObjectId
from pydantic import Field
from pymongo import IndexModel

from backend.documents.parts import Id, Instant
from backend.documents.schema import schema
from backend.kernel.ids import KeyedHash

GENESIS = bytes(32)
# RFC 8785 knows no larger integers; none of ours is.
_INT_MAX: Final = 2**53 - 1


class AuditEvent(Document):
    """One link: ``Hash`` is a keyed MAC over the canonical JSON (RFC 8785) of all the rest, ``Prev`` included."""

    id: Id = Field(default_factory=ObjectId, alias="_id")  # type: ignore[assignment]
    chain: Id = Field(alias="Chain", description="The person it is about")
    seq: int = Field(alias="Seq", ge=1)
    prev: bytes = Field(alias="Prev")
    at: Instant = Field(alias="At")
    actor: str = Field(alias="Actor", description="user:<id>, token:<id>, client:<id>, command or system")
    action: str = Field(alias="Action", description="noun.verb, such as token.revoked")
    object: str | None = Field(default=None, alias="Object", description="What it was done to: an id, a route")
    times: int = Field(default=1, alias="Times", description="How often within the minute, for reads")
    hash: bytes = Field(alias="Hash")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "audit"
        indexes: ClassVar = [
            # The head of a chain, and the chain in order; of two writers of one link, one wins.
            IndexModel([("Chain", 1), ("Seq", 1)], name="chain", unique=True),
        ]
        validator: ClassVar = schema(
            required=["Chain", "Seq", "Prev", "At", "Actor", "Action", "Hash"],
            properties={"Chain": {"bsonType": "objectId"}, "Hash": {"bsonType": "binData"}},
        )


def link_hash(link: dict[str, Any], keyed_hash: KeyedHash) -> bytes:
    """The hash that belongs to ``link`` (stored names, without ``_id`` and ``Hash``).

    Who may write to the database but has not the hash key cannot compute it for a link of their own.
    """
    canonical = {
        name: value if isinstance(value, str) or _is_small(value) else _text(value)
        for name, value in link.items()
        if name not in ("_id", "Hash") and value is not None
    }
    return keyed_hash.mac("audit-link", rfc8785.dumps(canonical))


def _is_small(value: Any) -> bool:
    return isinstance(value, int) and abs(value) <= _INT_MAX


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    # What is none of ours was put there by somebody else: it has some text, and the hash will not be right.
    return str(value)
