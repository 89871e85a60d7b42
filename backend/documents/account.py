"""Accounts: what banks say of them, and the `external_accounts` collection."""

from typing import Any, ClassVar, Literal

from beanie import Document
from bson.binary import Binary
from pydantic import Field, InstanceOf
from pymongo import IndexModel

from backend.documents.parts import Id, Instant, Note, Owner, Part, Sealable, Source
from backend.documents.schema import AMOUNT_SCHEMA, schema, sealed
from backend.kernel.money import Amount

AccountStatus = Literal["Active", "Blocked", "Closed", "Pending", "Unknown"]
AccountType = Literal[
    "Checking", "Savings", "CreditCard", "Loan", "Mortgage", "Deposit", "Investment", "Wallet", "Overdraft", "Other"
]
Scheme = Literal[
    "IBAN", "BBAN", "BIC", "SortCode", "BSB", "CompeBranch", "MaskedPan", "Msisdn", "AccountNumber", "Other"
]


class AccountDates(Part):
    """When the account began and ended; never guessed from when we fetched it."""

    opening_date: Instant | None = Field(default=None, alias="OpeningDate")
    closing_date: Instant | None = Field(default=None, alias="ClosingDate")
    opening_date_local: str | None = Field(default=None, alias="OpeningDateLocal")
    last_booking_date_local: str | None = Field(default=None, alias="LastBookingDateLocal")


class Identifier(Part):
    """A number by which the outside world knows the account."""

    scheme: Scheme = Field(alias="Scheme")
    value: Sealable = Field(alias="Value")
    masked: str = Field(alias="Masked", description="The last digits, for people: ••••5807")
    valid: bool | None = Field(default=None, alias="Valid", description="Check digits; null when there are none")


class Balance(Part):
    """One balance as the bank states it (ISO 20022 type, or the private codes of our tables)."""

    type: str = Field(alias="Type")
    type_raw: str | None = Field(default=None, alias="TypeRaw")
    amount: Amount = Field(alias="Amount")
    currency: str = Field(alias="Currency")
    credit_limit_included: bool | None = Field(default=None, alias="CreditLimitIncluded")
    as_of_utc: Instant | None = Field(default=None, alias="AsOfUtc")
    as_of_local: str | None = Field(default=None, alias="AsOfLocal")


class Subtype(Part):
    """The account type in finer words: the ISO code, and the bank's own."""

    iso: str | None = Field(default=None, alias="Iso")
    raw: str | None = Field(default=None, alias="Raw")


class Account(Part):
    """An account as a bank describes it, every value in clear; what a mapper returns."""

    KEPT_WHEN_MISSING: ClassVar[frozenset[str]] = frozenset({"AccountBalance"})

    account_bank: str = Field(alias="AccountBank")
    account_status: AccountStatus = Field(alias="AccountStatus")
    account_type: AccountType = Field(alias="AccountType")
    account_balance: Amount | None = Field(default=None, alias="AccountBalance")
    account_currency: str = Field(alias="AccountCurrency")
    account_date: AccountDates = Field(default_factory=AccountDates, alias="AccountDate")
    account_number: Sealable | None = Field(default=None, alias="AccountNumber")
    account_number_masked: str | None = Field(default=None, alias="AccountNumberMasked")
    account_identification_type: str | None = Field(default=None, alias="AccountIdentificationType")
    account_balance_type: str | None = Field(default=None, alias="AccountBalanceType")
    account_balance_as_of: Instant | None = Field(default=None, alias="AccountBalanceAsOf")
    account_available_balance: Amount | None = Field(default=None, alias="AccountAvailableBalance")
    account_credit_limit: Amount | None = Field(default=None, alias="AccountCreditLimit")
    account_credit_limit_included: bool | None = Field(default=None, alias="AccountCreditLimitIncluded")
    account_subtype: Subtype | None = Field(default=None, alias="AccountSubtype")
    account_usage: Literal["Personal", "Business", "Unknown"] | None = Field(default=None, alias="AccountUsage")
    account_name: str | None = Field(default=None, alias="AccountName")
    account_owner_name: Sealable | None = Field(default=None, alias="AccountOwnerName")
    account_product_name: str | None = Field(default=None, alias="AccountProductName")
    account_narrative: str | None = Field(default=None, alias="AccountNarrative")
    green_account_narrative: str | None = Field(default=None, alias="GreenAccountNarrative")
    mdb_account_narrative: str | None = Field(default=None, alias="MDBAccountNarrative")
    account_description: str | None = Field(default=None, alias="AccountDescription")
    identifiers: list[Identifier] = Field(default_factory=list, alias="Identifiers")
    balances: list[Balance] = Field(default_factory=list, alias="Balances")
    extra: dict[str, Any] | InstanceOf[Binary] | None = Field(
        default=None, alias="Extra", description="What the mapper did not understand, kept and sealed"
    )


class ExternalAccount(Account, Document):
    """An account in the store, owned by one user, with its provenance."""

    id: Id = Field(alias="_id")  # type: ignore[assignment]  # derived from identity, never made by the driver
    account_id: str = Field(alias="AccountId")
    account_group_key: bytes = Field(
        alias="AccountGroupKey", description="The same for every user who connected this account"
    )
    account_user: Owner = Field(alias="AccountUser")
    source: Source = Field(alias="Source")
    quality: list[Note] = Field(default_factory=list, alias="Quality")
    schema_version: int = Field(default=1, alias="SchemaVersion")
    created_at: Instant = Field(alias="CreatedAt")
    updated_at: Instant = Field(alias="UpdatedAt")
    revision: int = Field(default=1, alias="Revision")

    SEALED: ClassVar[tuple[str, ...]] = ("AccountNumber", "AccountOwnerName", "Extra", "Identifiers[].Value")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "external_accounts"
        indexes: ClassVar = [
            # The accounts of one user, by page: {"AccountUser.UserId": u, "_id": {"$gt": last}} sorted by _id.
            IndexModel([("AccountUser.UserId", 1), ("_id", 1)], name="owner"),
            # Every balance insight of one user, from the index alone.
            IndexModel(
                [
                    ("AccountUser.UserId", 1),
                    ("AccountBank", 1),
                    ("AccountType", 1),
                    ("AccountStatus", 1),
                    ("AccountCurrency", 1),
                    ("AccountBalance", 1),
                    ("AccountId", 1),
                ],
                name="owner_balances",
            ),
        ]
        validator: ClassVar = schema(
            required=["AccountId", "AccountBank", "AccountStatus", "AccountType", "AccountCurrency", "AccountUser"],
            properties={
                "AccountId": {"bsonType": "string"},
                "AccountBank": {"bsonType": "string"},
                "AccountStatus": {"bsonType": "string"},
                "AccountType": {"bsonType": "string"},
                "AccountBalance": AMOUNT_SCHEMA,
                "AccountCurrency": {"bsonType": "string", "pattern": "^[A-Z]{3}$"},
                "AccountNumber": sealed(),
                "AccountOwnerName": sealed(),
                "Extra": sealed(),
                "Identifiers": {"bsonType": "array", "items": {"properties": {"Value": sealed()}}},
            },
            owner="AccountUser",
        )
