"""Bearer tokens of our own API: the `tokens` collection, which holds keyed hashes and never a token."""

from typing import ClassVar, Literal

from beanie import Document
from pydantic import Field
from pymongo import IndexModel

from backend.documents.parts import Id, Instant, Part
from backend.documents.schema import schema

# read: own data; write: change own settings and connections; manage: issue and revoke tokens; operate: operators.
Scope = Literal["read", "write", "manage", "operate"]


class TokenDates(Part):
    """When it was made and last used, to the minute."""

    creation_date: Instant = Field(alias="CreationDate")
    last_use_date: Instant | None = Field(default=None, alias="LastUseDate")


class Token(Document):
    """One credential of one user. ``BearerToken`` is the keyed hash under which it is found."""

    id: Id = Field(alias="_id")  # type: ignore[assignment]  # given by the importer, or made when issued
    user_name: str = Field(alias="UserName")
    user_id: Id = Field(alias="UserId")
    bearer_token: bytes = Field(alias="BearerToken", repr=False)
    kind: Literal["session", "personal", "imported", "client"] = Field(alias="Kind")
    client_id: Id | None = Field(default=None, alias="ClientId", description="The machine client it was issued to")
    label: str | None = Field(default=None, alias="Label", max_length=80)
    scopes: list[Scope] = Field(alias="Scopes")
    expires_at: Instant | None = Field(default=None, alias="ExpiresAt")
    revoked_at: Instant | None = Field(default=None, alias="RevokedAt")
    token_dates: TokenDates = Field(alias="TokenDates")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "tokens"
        indexes: ClassVar = [
            # Who is calling: {"BearerToken": keyed hash}, once per request at most.
            IndexModel([("BearerToken", 1)], name="bearer_token", unique=True),
            # A user's tokens, to list and to revoke.
            IndexModel([("UserId", 1), ("_id", 1)], name="owner"),
            # Expiry is checked when a token is used; this only clears the table, a month later.
            IndexModel([("ExpiresAt", 1)], name="expired", expireAfterSeconds=30 * 24 * 3600),
        ]
        validator: ClassVar = schema(
            required=["UserName", "UserId", "BearerToken", "Kind", "Scopes", "TokenDates"],
            properties={
                "UserName": {"bsonType": "string"},
                "UserId": {"bsonType": "objectId"},
                # A token in clear is text; text is refused.
                "BearerToken": {"bsonType": "binData"},
            },
        )
