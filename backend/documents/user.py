"""People: the `users` collection. Names and addresses are sealed; passwords exist only as argon2 hashes."""

import re
from typing import Any, ClassVar, Literal

from beanie import Document
from bson.binary import Binary
from pydantic import Field, InstanceOf
from pymongo import IndexModel
from pymongo.collation import Collation

from backend.documents.parts import Id, Instant, Part
from backend.documents.schema import schema, sealed

# Compares names as people do: capitals do not make another name.
ANY_CASE = Collation("en", strength=2)
USER_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{2,63}$"


def is_user_name(text: str) -> bool:
    """Whether ``text`` can be a user's name: 3 to 64 ASCII letters, digits, dots, dashes, underscores."""
    return re.fullmatch(USER_NAME_PATTERN[1:-1], text) is not None


class LogInState(Part):
    """Failed log-ins in a row, and until when further ones are refused."""

    failures: int = Field(default=0, alias="Failures")
    locked_until: Instant | None = Field(default=None, alias="LockedUntil")


class User(Document):
    """A person known to the store; one imported with sample data has no password and cannot log in."""

    id: Id = Field(alias="_id")  # type: ignore[assignment]  # given by the importer, or made at sign-up
    user_name: str = Field(alias="UserName", pattern=USER_NAME_PATTERN)
    user_email: InstanceOf[Binary] | None = Field(default=None, alias="UserEmail")
    user_email_hash: bytes | None = Field(default=None, alias="UserEmailHash")
    profile: InstanceOf[Binary] | None = Field(
        default=None, alias="Profile", description="The seed's profile (Name, UserAddress, JobTitle …), sealed whole"
    )
    password_hash: str | None = Field(default=None, alias="PasswordHash", repr=False)
    roles: list[Literal["operator"]] = Field(default_factory=list, alias="Roles")
    log_in: LogInState = Field(default_factory=LogInState, alias="LogIn")
    imported_content: bytes | None = Field(
        default=None, alias="ImportedContent", description="Keyed digest of the imported profile"
    )
    created_at: Instant = Field(alias="CreatedAt")
    schema_version: int = Field(default=1, alias="SchemaVersion")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "users"
        indexes: ClassVar = [
            # Log-in and compatibility look-ups by name; a name is one person's.
            IndexModel([("UserName", 1)], name="user_name", unique=True),
            # Nobody can be taken for somebody else by capitals alone.
            IndexModel([("UserName", 1)], name="user_name_any_case", unique=True, collation=ANY_CASE),
            # Log-in by e-mail, without the store knowing the e-mail.
            IndexModel(
                [("UserEmailHash", 1)],
                name="user_email",
                unique=True,
                partialFilterExpression={"UserEmailHash": {"$exists": True}},
            ),
        ]
        validator: ClassVar[dict[str, Any]] = schema(
            required=["UserName", "CreatedAt"],
            properties={
                "UserName": {"bsonType": "string", "pattern": USER_NAME_PATTERN},
                "UserEmail": sealed(),
                "UserEmailHash": {"bsonType": "binData"},
                "Profile": sealed(),
                "PasswordHash": {"bsonType": "string", "pattern": r"^\$argon2id\$"},
            },
        )
