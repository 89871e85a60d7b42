"""OP's transactions: of accounts, of cards, and those of the corporate API."""

from collections.abc import Mapping
from typing import Final

from backend.banks.contract import AccountReference, Bank, Place, Record, Understood
from backend.banks.dialects.op_finland.ways import OpWays
from backend.banks.fields import Fields
from backend.banks.rules.direction import Indicator
from backend.banks.rules.movements import Days, Movement, Parties, Party
from backend.banks.rules.movements import transaction as movement
from backend.banks.rules.numbers import Number, account_at, reference
from backend.banks.ways import DateWays
from backend.documents.account import Scheme
from backend.documents.transaction import (
    BankTransactionCode,
    Exchange,
    References,
    Remittance,
    StructuredReference,
    TransactionStatus,
)

_STATUSES: Final[Mapping[str | None, TransactionStatus]] = {None: "BOOK", "booked": "BOOK", "pending": "PDNG"}
_INDICATORS: Final[Mapping[str, Indicator]] = {"credit": "CRDT", "debit": "DBIT"}
_SCHEMES: Final[Mapping[str, Scheme]] = {"IBAN": "IBAN", "BBAN": "BBAN"}


def transaction(record: Record, bank: Bank, place: Place) -> Understood:
    """A transaction of the account asked for; of a card it has a description and a posting date, and no id."""
    read = Fields(record, strict=False)
    ways = bank.ways_of(OpWays)
    written = read.written("amount", "currency")
    status = _status(read)
    ids = _references(read)
    section = "pending" if status == "PDNG" else "booked"
    found = Movement(
        status=status,
        account=account_at(place, written.currency, _own(read)),
        written=written,
        rule=ways.direction.rule(section, is_card="postingDate" in record),
        days=_days(read, bank, ways.dates),
        parties=Parties(_party(read, "recipient", "creditor"), _party(read, "payer", "debtor")),
        indicator=_indicator(read),
        provider_id=ids.transaction_id,
        rest={
            "references": ids,
            "remittance": _remittance(read),
            "bank_transaction_code": _code(read),
            "fx": _exchange(read),
            "balance_after": read.rate("accountBalance") if "accountBalance" in read else read.rate("balanceAfter"),
        },
    )
    return Understood((movement(read, found, bank, place),), tuple(read.notes))


def _status(read: Fields) -> TransactionStatus:
    raw = read.text("status")
    status = _STATUSES.get(raw.lower() if raw else None)
    if status is None:
        raise read.bad("status", "UNKNOWN_STATUS", "is neither booked nor pending")
    return status


def _own(read: Fields) -> AccountReference | None:
    provider_id = read.text("accountId")
    return reference([], provider_id) if provider_id else None


def _references(read: Fields) -> References:
    return References(
        transaction_id=read.text("transactionId") or read.text("objectId"),
        entry_reference=read.text("archiveId"),
        end_to_end_id=read.text("endToEndId"),
    )


def _days(read: Fields, bank: Bank, ways: DateWays) -> Days:
    posting = read.day("postingDate", bank.zone, ways)
    return Days(
        booking=read.day("bookingDate", bank.zone, ways) or posting,
        value=read.day("valueDate", bank.zone, ways),
        made=read.day("paymentDate", bank.zone, ways),
    )


def _indicator(read: Fields) -> Indicator | None:
    raw = read.text("creditDebitIndicator")
    found = _INDICATORS.get(raw.lower()) if raw else None
    if raw and found is None:
        read.note("UNKNOWN_INDICATOR", "creditDebitIndicator", "Neither credit nor debit")
    return found


def _party(read: Fields, name: str, corporate: str) -> Party:
    """A side as an object, or spread over fields of the corporate API."""
    told = read.object(name)
    if told is None:
        written = read.text(f"{corporate}Account")
        return Party(read.text(f"{corporate}Name"), [Number.of("IBAN", written)] if written else [])
    identifier = told.text("identifier")
    scheme = _SCHEMES.get((told.text("identifierSchema") or "").upper(), "Other")
    return Party(told.text("name"), [Number.of(scheme, identifier)] if identifier else [])


def _remittance(read: Fields) -> Remittance | None:
    """What was written, and the Finnish reference number."""
    texts = [text for name in ("message", "description") if (text := read.text(name))]
    number = read.text("reference")
    if not texts and not number:
        return None
    return Remittance(unstructured=texts, structured=[StructuredReference(reference=number)] if number else None)


def _code(read: Fields) -> BankTransactionCode | None:
    iso = read.text("isoTransactionCode")
    proprietary = read.text("proprietaryTransactionDescription") or read.text("transactionTypeDescription")
    return BankTransactionCode(iso=iso, proprietary=proprietary) if iso or proprietary else None


def _exchange(read: Fields) -> Exchange | None:
    """The amount before it was exchanged, where it is another currency."""
    amount, currency = read.rate("originalAmount"), read.text("originalCurrency")
    if amount is None or currency is None or currency == read.text("currency"):
        return None
    return Exchange(source_amount=abs(amount), source_currency=currency, target_currency=read.text("currency"))
