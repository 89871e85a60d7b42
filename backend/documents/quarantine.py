"""Records that could not be used: the `quarantine` collection says which, where and why."""

from typing import ClassVar

from beanie import Document
from pydantic import Field
from pymongo import IndexModel

from backend.documents.parts import Id, Instant
from backend.documents.schema import schema


class Quarantined(Document):
    """One record set aside with the reason; its bytes are in the raw payload, nothing is copied here."""

    id: bytes = Field(alias="_id")  # type: ignore[assignment]  # digest of payload, path, reason
    user_id: Id = Field(alias="UserId", description="The owner, or the all-zero id when none could be read")
    kind: str = Field(alias="Kind")
    code: str = Field(alias="Code", description="Stable word for the reason, such as MISSING")
    reason: str = Field(alias="Reason")
    pointer: str = Field(alias="Pointer", description="JSON pointer into the record, to what is wrong")
    raw_id: bytes = Field(alias="RawId")
    raw_path: str = Field(alias="RawPath")
    origin: str = Field(alias="Origin")
    place: str = Field(alias="Place", description="For people: record 17, line 4")
    first_seen_at: Instant = Field(alias="FirstSeenAt")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "quarantine"
        indexes: ClassVar = [
            # What of one user's was set aside, newest first.
            IndexModel([("UserId", 1), ("FirstSeenAt", -1)], name="owner_newest"),
            # What was set aside, whosever it is, newest first, for the operator.
            IndexModel([("FirstSeenAt", -1), ("_id", 1)], name="newest"),
        ]
        validator: ClassVar = schema(
            required=["UserId", "Kind", "Code", "Reason", "Pointer", "RawId", "RawPath"],
            properties={"UserId": {"bsonType": "objectId"}, "Code": {"bsonType": "string"}},
        )
