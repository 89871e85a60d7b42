"""Transactions: one movement on one account, and the `external_transactions` collection."""

from typing import Any, ClassVar, Literal

from beanie import Document
from bson.binary import Binary
from pydantic import Field, InstanceOf
from pymongo import IndexModel

from backend.documents.parts import Instant, Note, Owner, Part, Sealable, Source
from backend.documents.schema import AMOUNT_SCHEMA, schema, sealed
from backend.kernel.money import Amount

TransactionStatus = Literal["BOOK", "PDNG", "INFO", "FUTR", "RJCT", "CANC"]


class Counterparty(Part):
    """Who stands on the other side."""

    name: Sealable | None = Field(default=None, alias="Name")
    identifier: Sealable | None = Field(default=None, alias="Identifier")
    identifier_masked: str | None = Field(default=None, alias="IdentifierMasked")


class StructuredReference(Part):
    """A reference that machines read, and its kind where the bank says it."""

    reference: str = Field(alias="Reference")
    type: str | None = Field(default=None, alias="Type")


class Remittance(Part):
    """What the payer wrote."""

    unstructured: list[str] = Field(default_factory=list, alias="Unstructured")
    structured: list[StructuredReference] | None = Field(default=None, alias="Structured")


class References(Part):
    """Every id the bank gave, none trusted more than the bank's row says."""

    transaction_id: str | None = Field(default=None, alias="TransactionId")
    entry_reference: str | None = Field(default=None, alias="EntryReference")
    end_to_end_id: str | None = Field(default=None, alias="EndToEndId")
    mandate_id: str | None = Field(default=None, alias="MandateId")
    creditor_id: str | None = Field(default=None, alias="CreditorId")
    check_id: str | None = Field(default=None, alias="CheckId")


class BankTransactionCode(Part):
    """What kind of movement it is, in ISO 20022 terms and in the bank's own."""

    iso: str | None = Field(default=None, alias="Iso")
    proprietary: str | None = Field(default=None, alias="Proprietary")


class Exchange(Part):
    """The exchange of currencies behind an amount, as the bank states it."""

    source_amount: Amount | None = Field(default=None, alias="SourceAmount", description="Without sign")
    source_currency: str | None = Field(default=None, alias="SourceCurrency")
    target_currency: str | None = Field(default=None, alias="TargetCurrency")
    unit_currency: str | None = Field(default=None, alias="UnitCurrency", description="The one that costs Rate")
    rate: Amount | None = Field(default=None, alias="Rate")
    quoted_local: str | None = Field(default=None, alias="QuotedLocal")


class Transaction(Part):
    """A movement as a bank describes it, every value in clear; what a mapper returns."""

    status: TransactionStatus = Field(alias="Status")
    amount: Amount = Field(alias="Amount", description="Signed: negative leaves the customer's account")
    amount_text: str = Field(alias="AmountText", description="The amount as the bank wrote it")
    credit_debit: Literal["CRDT", "DBIT"] = Field(alias="CreditDebit")
    currency: str = Field(alias="Currency")
    booking_date_local: str | None = Field(default=None, alias="BookingDateLocal", pattern=r"^\d{4}-\d\d-\d\d$")
    booking_at_utc: Instant | None = Field(default=None, alias="BookingAtUtc")
    value_date_local: str | None = Field(default=None, alias="ValueDateLocal", pattern=r"^\d{4}-\d\d-\d\d$")
    value_at_utc: Instant | None = Field(default=None, alias="ValueAtUtc")
    transaction_date_local: str | None = Field(
        default=None, alias="TransactionDateLocal", pattern=r"^\d{4}-\d\d-\d\d$", description="When it was made"
    )
    transaction_at_utc: Instant | None = Field(default=None, alias="TransactionAtUtc")
    date_precision: Literal["DATE", "INSTANT", "DATE_AS_INSTANT"] = Field(alias="DatePrecision")
    order_date: str = Field(
        alias="OrderDate", pattern=r"^\d{4}-\d\d-\d\d$", description="The one date lists are sorted by"
    )
    year_month: str = Field(
        alias="YearMonth", pattern=r"^\d{4}-\d\d$", description="Month of OrderDate, stored for the insights"
    )
    counterparty: Counterparty | None = Field(default=None, alias="Counterparty")
    remittance: Remittance | None = Field(default=None, alias="Remittance")
    references: References = Field(default_factory=References, alias="References")
    bank_transaction_code: BankTransactionCode | None = Field(default=None, alias="BankTransactionCode")
    mcc: str | None = Field(default=None, alias="Mcc", pattern=r"^\d{4}$")
    fx: Exchange | None = Field(default=None, alias="Fx")
    balance_after: Amount | None = Field(default=None, alias="BalanceAfter")
    extra: dict[str, Any] | InstanceOf[Binary] | None = Field(default=None, alias="Extra")


class ExternalTransaction(Transaction, Document):
    """A transaction in the store: of one account, of one user, with its provenance."""

    id: bytes = Field(alias="_id")  # type: ignore[assignment]  # digest of account and key
    account_id: str = Field(alias="AccountId")
    account_bank: str = Field(alias="AccountBank")
    transaction_id: str = Field(alias="TransactionId", description="Ours, to show and to ask for")
    transaction_key: str = Field(alias="TransactionKey")
    occurrence: int = Field(default=0, alias="Occurrence")
    account_user: Owner = Field(alias="AccountUser")
    source: Source = Field(alias="Source")
    quality: list[Note] = Field(default_factory=list, alias="Quality")
    schema_version: int = Field(default=1, alias="SchemaVersion")
    created_at: Instant = Field(alias="CreatedAt")
    updated_at: Instant = Field(alias="UpdatedAt")
    revision: int = Field(default=1, alias="Revision")

    SEALED: ClassVar[tuple[str, ...]] = ("Counterparty.Name", "Counterparty.Identifier", "Extra")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "external_transactions"
        indexes: ClassVar = [
            # A user's transactions, newest first, by page: sorted by (OrderDate, _id) descending.
            IndexModel([("AccountUser.UserId", 1), ("OrderDate", -1), ("_id", -1)], name="owner_newest"),
            # The same for one account.
            IndexModel(
                [("AccountUser.UserId", 1), ("AccountId", 1), ("OrderDate", -1), ("_id", -1)],
                name="account_newest",
            ),
        ]
        validator: ClassVar = schema(
            required=["AccountId", "TransactionKey", "Status", "Amount", "Currency", "OrderDate", "AccountUser"],
            properties={
                "AccountId": {"bsonType": "string"},
                "Status": {"bsonType": "string"},
                "Amount": AMOUNT_SCHEMA,
                "Currency": {"bsonType": "string", "pattern": "^[A-Z]{3}$"},
                "OrderDate": {"bsonType": "string"},
                "Extra": sealed(),
                "Counterparty": {
                    "bsonType": "object",
                    "properties": {"Name": sealed(), "Identifier": sealed()},
                },
            },
            owner="AccountUser",
        )
