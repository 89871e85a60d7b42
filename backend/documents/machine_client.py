"""Machine clients: programs that act for a person, and the assertions by which they proved themselves once."""

from typing import Any, ClassVar, Final, Literal

from beanie import Document
from pydantic import Field
from pymongo import IndexModel

from backend.documents.parts import Id, Instant
from backend.documents.schema import schema
from backend.documents.token import Scope

ClientProof = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]

# RFC 7518: the members of a JSON web key that only its owner may know.
PRIVATE_KEY_MEMBERS: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class MachineClient(Document):
    """A program of one person's. It has a secret, of which a keyed hash is kept, or public keys."""

    id: Id = Field(alias="_id", description="Shown as client_id")  # type: ignore[assignment]  # made when registered
    user_name: str = Field(alias="UserName")
    user_id: Id = Field(alias="UserId")
    label: str = Field(alias="Label", max_length=80)
    scopes: list[Scope] = Field(alias="Scopes", min_length=1)
    auth_method: ClientProof = Field(alias="AuthMethod")
    secret_hash: bytes | None = Field(default=None, alias="SecretHash", repr=False)
    jwks: dict[str, Any] | None = Field(default=None, alias="Jwks", description="Public keys (RFC 7517)")
    created_at: Instant = Field(alias="CreatedAt")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "machine_clients"
        indexes: ClassVar = [
            # A person's clients, by page: {"UserId": u, "_id": {"$gt": last}} sorted by _id.
            IndexModel([("UserId", 1), ("_id", 1)], name="owner"),
        ]
        validator: ClassVar = schema(
            required=["UserName", "UserId", "Label", "Scopes", "AuthMethod", "CreatedAt"],
            properties={
                "UserName": {"bsonType": "string"},
                "UserId": {"bsonType": "objectId"},
                "Scopes": {"bsonType": "array", "minItems": 1, "items": {"bsonType": "string"}},
                "AuthMethod": {"enum": ["client_secret_basic", "client_secret_post", "private_key_jwt"]},
                # A secret in clear is text; text is refused, and so are keys that sign.
                "SecretHash": {"bsonType": "binData"},
                "Jwks": {
                    "bsonType": "object",
                    "required": ["keys"],
                    "properties": {
                        "keys": {
                            "bsonType": "array",
                            "minItems": 1,
                            "items": {
                                "bsonType": "object",
                                "not": {"anyOf": [{"required": [member]} for member in PRIVATE_KEY_MEMBERS]},
                            },
                        }
                    },
                },
            },
        )


class UsedAssertion(Document):
    """A client assertion that was shown, so that it is not accepted again while it would still hold."""

    id: bytes = Field(alias="_id")  # type: ignore[assignment]  # keyed digest of issuer, client and jti
    expires_at: Instant = Field(alias="ExpiresAt")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "used_assertions"
        indexes: ClassVar = [
            # An hour later, because the server's clock is not ours.
            IndexModel([("ExpiresAt", 1)], name="expired", expireAfterSeconds=3600),
        ]
        validator: ClassVar = schema(
            required=["ExpiresAt"],
            properties={"_id": {"bsonType": "binData"}, "ExpiresAt": {"bsonType": "date"}},
        )
