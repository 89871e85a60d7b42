"""`$jsonSchema` in few words: what the server itself refuses, whoever writes."""

from typing import Any, Final

Schema = dict[str, Any]

# The seed says "number"; that admits its ints and doubles beside our Decimal128.
# Bounds are there because the server then refuses NaN and the infinities as well.
AMOUNT_SCHEMA: Final[Schema] = {"bsonType": ["number", "null"], "minimum": -1e19, "maximum": 1e19}
OWNER_SCHEMA: Final[Schema] = {
    "bsonType": "object",
    "required": ["UserName", "UserId"],
    "properties": {"UserName": {"bsonType": "string"}, "UserId": {"bsonType": "objectId"}},
}


def sealed() -> Schema:
    """Only ciphertext of our kind; text in clear, and bytes that merely look so, are refused."""
    return {"encrypt": {"bsonType": "object", "algorithm": "AEAD_AES_256_CBC_HMAC_SHA_512-Random"}}


def schema(*, required: list[str], properties: Schema, owner: str | None = None) -> Schema:
    """A collection's validator; ``owner`` names the field that says whose document it is."""
    owned = {owner: OWNER_SCHEMA} if owner else {}
    return {"$jsonSchema": {"bsonType": "object", "required": required, "properties": properties | owned}}
