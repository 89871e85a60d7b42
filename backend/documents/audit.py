"""Who did what: the `audit` collection, one hash chain per person, only ever added to.

No personal data in clear stands here, so erasing a person does not break a chain.
"""

import hashlib
from typing import Any, ClassVar

import rfc8785
from beanie import Document
from bson import ObjectId
from pydantic import Field
from pymongo import IndexModel

from backend.documents.parts import Id, Instant
from backend.documents.schema import schema

GENESIS = bytes(32)


class AuditEvent(Document):
    """One link: ``Hash`` is SHA-256 over the canonical JSON (RFC 8785) of all the rest, ``Prev`` included."""

    id: Id = Field(default_factory=ObjectId, alias="_id")  # type: ignore[assignment]
    chain: Id = Field(alias="Chain", description="The person it is about")
    seq: int = Field(alias="Seq", ge=1)
    prev: bytes = Field(alias="Prev")
    at: Instant = Field(alias="At")
    actor: str = Field(alias="Actor", description="user:<id>, token:<id>, command or system")
    action: str = Field(alias="Action", description="noun.verb, such as token.revoked")
    object: str | None = Field(default=None, alias="Object", description="What it was done to: an id, a route")
    times: int = Field(default=1, alias="Count", description="How often within the minute, for reads")
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


def link_hash(link: dict[str, Any]) -> bytes:
    """The hash that belongs to ``link`` (stored names, without ``_id`` and ``Hash``)."""
    canonical = {
        name: value if isinstance(value, int | str) else _text(value)
        for name, value in link.items()
        if name not in ("_id", "Hash") and value is not None
    }
    return hashlib.sha256(rfc8785.dumps(canonical)).digest()


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, ObjectId) else value.isoformat(timespec="milliseconds")
