"""Leafy transactions: one movement between two accounts becomes one transaction for each side."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.banks.contract import AccountKey, Bank, MappedTransaction, Place, Record, Understood
from backend.banks.dialects.leafy.parties import NUMBER, owner_in
from backend.banks.dialects.leafy.ways import LeafyWays
from backend.banks.fields import Fields
from backend.banks.rules.numbers import masked
from backend.documents.parts import Owner
from backend.documents.transaction import (
    BankTransactionCode,
    Counterparty,
    References,
    Remittance,
    Transaction,
    TransactionStatus,
)
from backend.kernel.money import render_amount

# The timeline: Initiated, then Completed (both balances have changed), then Notified.
_STATUS: Final[Mapping[str, TransactionStatus]] = {"Initiated": "PDNG", "Completed": "BOOK", "Notified": "BOOK"}
_NOTHING_WRITTEN: Final = "N/A"


@dataclass(frozen=True, slots=True)
class _Side:
    number: str
    name: str | None
    owner: Owner | None


def transaction(record: Record, bank: Bank, _place: Place) -> Understood:
    """A movement: money out for the sender, money in for the receiver."""
    read = Fields(record)
    amount = read.required_amount("TransactionAmount")
    if amount <= 0:
        raise read.bad("TransactionAmount", "NOT_POSITIVE", "is not above zero; direction is in the sides")
    provider_id = read.required_text("_id")
    sides = read.required_object("TransactionReferenceData")
    sender, receiver = _side(sides, "TransactionSender"), _side(sides, "TransactionReceiver")
    shared = _shared(read, record, bank, provider_id) | {"amount_text": render_amount(amount), "extra": read.rest()}

    def seen_by(own: _Side, other: _Side, signed: Decimal) -> MappedTransaction:
        counterparty = Counterparty(name=other.name, identifier=other.number, identifier_masked=masked(other.number))
        model = Transaction(
            amount=signed, credit_debit="CRDT" if signed > 0 else "DBIT", counterparty=counterparty, **shared
        )
        account = AccountKey(NUMBER, own.number, model.currency)
        return MappedTransaction(model, account, f"id:{provider_id}", own.owner, provider_id)

    both = (seen_by(sender, receiver, -amount), seen_by(receiver, sender, amount))
    return Understood(both, tuple(read.notes))


def _shared(read: Fields, record: Record, bank: Bank, provider_id: str) -> dict[str, object]:
    """What is the same for both sides."""
    status = _STATUS.get(read.required_text("TransactionStatus"))
    if status is None:
        raise read.bad("TransactionStatus", "UNKNOWN_STATUS", "is none of Initiated, Completed, Notified")
    moved_at = _moved_at(read, bank)
    local = moved_at.astimezone(bank.zone).date().isoformat()
    written = read.text("TransactionDescription")
    details = read.required_object("TransactionDetails")
    return {
        "status": status,
        "currency": _currency(read, record, bank),
        "booking_date_local": local if status == "BOOK" else None,
        "booking_at_utc": moved_at if status == "BOOK" else None,
        "transaction_at_utc": moved_at,
        "date_precision": "INSTANT",
        "order_date": local,
        "year_month": local[:7],
        "remittance": Remittance(unstructured=[written]) if written and written != _NOTHING_WRITTEN else None,
        "references": References(transaction_id=provider_id),
        "bank_transaction_code": BankTransactionCode(proprietary=details.required_text("TransactionType")),
    }


def _side(sides: Fields, name: str) -> _Side:
    read = sides.required_object(name)
    owner = owner_in(read)
    return _Side(read.required_text(NUMBER), owner.user_name if owner else read.text("UserName"), owner)


def _currency(read: Fields, record: Record, bank: Bank) -> str:
    """The record's, or the one the bank's row says all its accounts are kept in."""
    usual = bank.ways_of(LeafyWays).currency
    if "TransactionCurrency" not in record and usual:
        return usual
    return read.currency("TransactionCurrency")


def _moved_at(read: Fields, bank: Bank) -> datetime:
    """When it was completed, else when it was initiated."""
    by_type = {
        step.required_text("TransactionDateType"): step.instant("TransactionDate", bank.zone)
        for step in read.objects("TransactionDates")
    }
    found = by_type.get("TransactionCompletedDate") or by_type.get("TransactionInitiatedDate")
    if found is None:
        raise read.bad("TransactionDates", "MISSING", "has neither a completed nor an initiated date")
    return found
