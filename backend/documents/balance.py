"""Balances as banks stated them over time: the `external_balances` collection, only ever added to."""

from typing import ClassVar

from beanie import Document
from pydantic import Field
from pymongo import IndexModel

from backend.documents.account import Balance
from backend.documents.parts import Instant, Owner, Source
from backend.documents.schema import AMOUNT_SCHEMA, schema


class ExternalBalance(Balance, Document):
    """One statement of one balance, kept although later ones differ."""

    id: bytes = Field(alias="_id")  # type: ignore[assignment]  # digest of account and content
    account_id: str = Field(alias="AccountId")
    account_user: Owner = Field(alias="AccountUser")
    source: Source = Field(alias="Source")
    stated_at: Instant = Field(alias="StatedAt", description="AsOfUtc, else when it was fetched")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "external_balances"
        indexes: ClassVar = [
            # The balances of one account, newest first, by page.
            IndexModel(
                [("AccountUser.UserId", 1), ("AccountId", 1), ("StatedAt", -1), ("_id", -1)],
                name="account_newest",
            ),
        ]
        validator: ClassVar = schema(
            required=["AccountId", "Type", "Amount", "Currency", "StatedAt"],
            properties={"AccountId": {"bsonType": "string"}, "Amount": AMOUNT_SCHEMA},
            owner="AccountUser",
        )
