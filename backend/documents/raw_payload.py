"""Payloads as received: the `raw_payloads` collection, from which everything can be mapped again."""

from typing import ClassVar

from beanie import Document
from bson.binary import Binary
from pydantic import Field, InstanceOf
from pymongo import IndexModel

from backend.documents.parts import Id, Instant
from backend.documents.schema import schema, sealed


class RawPayload(Document):
    """One payload of one owner: bytes compressed with gzip, then sealed, under a keyed digest of both."""

    id: bytes = Field(alias="_id")  # type: ignore[assignment]  # keyed digest of owner and bytes
    user_id: Id = Field(alias="UserId")
    body: InstanceOf[Binary] = Field(alias="Body")
    size: int = Field(alias="Size", description="Bytes before compression")
    content_type: str = Field(alias="ContentType")
    kind: str = Field(alias="Kind", description="accounts, products, transactions, …")
    origin: str = Field(alias="Origin", description="File name, or URL without its query")
    received_at: Instant = Field(alias="ReceivedAt")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "raw_payloads"
        indexes: ClassVar = [
            # All that was received for one user: for mapping again, for export and for erasure.
            IndexModel([("UserId", 1), ("ReceivedAt", 1)], name="owner"),
        ]
        validator: ClassVar = schema(
            required=["UserId", "Body", "Size", "Kind", "ReceivedAt"],
            properties={"UserId": {"bsonType": "objectId"}, "Body": sealed()},
        )
