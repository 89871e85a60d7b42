"""Berlin Group transactions of accounts and of card accounts."""

import re
from typing import Any, Final

from backend.banks.contract import Bank, Place, Record, Understood
from backend.banks.dialects.berlin_group.ways import BerlinWays
from backend.banks.dialects.berlin_group.words import numbers
from backend.banks.fields import Fields
from backend.banks.rules.movements import Days, Movement, Parties, Party
from backend.banks.rules.movements import transaction as movement
from backend.banks.rules.numbers import account_at
from backend.banks.ways import DateWays
from backend.documents.transaction import (
    BankTransactionCode,
    Exchange,
    References,
    Remittance,
    StructuredReference,
    TransactionStatus,
)

_STATUSES: Final[dict[str, TransactionStatus]] = {"booked": "BOOK", "pending": "PDNG", "information": "INFO"}
_MCC: Final = re.compile(r"[0-9]{4}\Z")


def transaction(record: Record, bank: Bank, place: Place) -> Understood:
    """A transaction of the section it stood in; booked when the bank gave no sections."""
    read = Fields(record, strict=False)
    ways = bank.ways_of(BerlinWays)
    written = read.required_object("transactionAmount").written("amount", "currency")
    is_card = place.is_card or "cardTransactionId" in record or "maskedPAN" in record
    section = place.section or "booked"
    ids = _references(read)
    found = Movement(
        status=_STATUSES[section],
        account=account_at(place, written.currency),
        written=written,
        rule=ways.direction.rule(section, is_card=is_card),
        days=_days(read, bank, ways.dates),
        parties=Parties(_party(read, "creditor"), _party(read, "debtor")),
        provider_id=ids.transaction_id,
        rest={
            "references": ids,
            "remittance": _remittance(read),
            "bank_transaction_code": _code(read),
            "mcc": _mcc(read),
            "fx": _exchange(read, bank, ways.dates),
            "balance_after": _balance_after(read),
        },
    )
    if "entryDetails" in record:
        read.note("BATCH", "entryDetails", "One booking of several payments; kept whole and counted once", "INFO")
    return Understood((movement(read, found, bank, place),), tuple(read.notes))


def _references(read: Fields) -> References:
    return References(
        transaction_id=read.text("transactionId") or read.text("cardTransactionId"),
        entry_reference=read.text("entryReference"),
        end_to_end_id=read.text("endToEndId"),
        mandate_id=read.text("mandateId"),
        creditor_id=read.text("creditorId"),
        check_id=read.text("checkId"),
    )


def _days(read: Fields, bank: Bank, ways: DateWays) -> Days:
    return Days(
        booking=read.day("bookingDate", bank.zone, ways),
        value=read.day("valueDate", bank.zone, ways),
        made=read.day("transactionDate", bank.zone, ways),
    )


def _party(read: Fields, role: str) -> Party:
    return Party(read.text(f"{role}Name"), numbers(read.object(f"{role}Account")))


def _remittance(read: Fields) -> Remittance | None:
    """Texts once each: banks repeat the single one in the list, and the details of a card where others write."""
    names = ("remittanceInformationUnstructured", "remittanceInformationUnstructuredArray", "transactionDetails")
    texts = list(dict.fromkeys(text for name in names for text in read.texts(name)))
    structured: list[StructuredReference] = []
    for name in ("remittanceInformationStructured", "remittanceInformationStructuredArray"):
        structured += [each for each in _structured(read, name) if each not in structured]
    if not texts and not structured:
        return None
    return Remittance(unstructured=texts, structured=structured or None)


def _structured(read: Fields, name: str) -> list[StructuredReference]:
    """A structured reference: an object since 1.3.4, a text before."""
    if not read.holds_objects(name):
        return [StructuredReference(reference=text) for text in read.texts(name)]
    pairs = [(each.text("reference"), each.text("referenceType")) for each in read.objects(name)]
    return [StructuredReference(reference=reference, type=kind) for reference, kind in pairs if reference]


def _code(read: Fields) -> BankTransactionCode | None:
    iso, proprietary = read.text("bankTransactionCode"), read.text("proprietaryBankTransactionCode")
    return BankTransactionCode(iso=iso, proprietary=proprietary) if iso or proprietary else None


def _mcc(read: Fields) -> str | None:
    found = read.text("merchantCategoryCode")
    if found and not _MCC.match(found):
        read.keep("merchantCategoryCode")
        read.note("NOT_AN_MCC", "merchantCategoryCode", "Not a merchant category code of four digits")
        return None
    return found


def _exchange(read: Fields, bank: Bank, ways: DateWays) -> Exchange | None:
    steps, original = read.objects("currencyExchange"), read.object("originalAmount")
    told: dict[str, Any] = {}
    if steps:
        first = steps[0]
        quoted = first.day("quotationDate", bank.zone, ways)
        told = {
            "source_currency": first.text("sourceCurrency"),
            "target_currency": first.text("targetCurrency"),
            "unit_currency": first.text("unitCurrency"),
            "rate": first.rate("exchangeRate"),
            "quoted_local": quoted.local if quoted else None,
        }
    if original:
        amount = original.rate("amount")
        told |= {"source_amount": abs(amount) if amount is not None else None}
        told["source_currency"] = original.text("currency") or told.get("source_currency")
    return Exchange(**told) if any(value is not None for value in told.values()) else None


def _balance_after(read: Fields) -> Any:
    after = read.object("balanceAfterTransaction")
    inner = after.object("balanceAmount") if after else None
    if after is None or inner is None:
        return None
    after.text("balanceType")
    inner.text("currency")
    return inner.rate("amount")
