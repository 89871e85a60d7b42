"""UK transactions."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from backend.banks.contract import Bank, Place, Record, Understood
from backend.banks.dialects.uk_open_banking.ways import UkWays
from backend.banks.dialects.uk_open_banking.words import SECTIONS, STATUSES, indicator, iso_code, number
from backend.banks.fields import Fields
from backend.banks.rules.direction import Stated, signed
from backend.banks.rules.movements import Days, Movement, Parties, Party
from backend.banks.rules.movements import transaction as movement
from backend.banks.rules.numbers import account_at, reference
from backend.documents.transaction import BankTransactionCode, Exchange, References, Remittance, TransactionStatus

_MCC: Final = re.compile(r"[0-9]{4}\Z")
_BESIDE_MERCHANT: Final[Mapping[str, str]] = {"CRDT": "debtor", "DBIT": "creditor"}


def transaction(record: Record, bank: Bank, place: Place) -> Understood:
    """A transaction of the account it names."""
    read = Fields(record, strict=False)
    ways, provider_id = bank.ways_of(UkWays), read.text("AccountId")
    written = read.required_object("Amount").written("Amount", "Currency")
    status, ids, direction = _status(read), _references(read), indicator(read)
    merchant = read.object("MerchantDetails")
    found = Movement(
        status=status,
        account=account_at(place, written.currency, reference([], provider_id)),
        written=written,
        rule=ways.direction.rule(SECTIONS.get(status, "booked")),
        days=Days(
            booking=read.day("BookingDateTime", bank.zone, ways.dates),
            value=read.day("ValueDateTime", bank.zone, ways.dates),
        ),
        parties=_parties(read, merchant, _BESIDE_MERCHANT.get(direction or "")),
        indicator=direction,
        provider_id=ids.transaction_id,
        rest={
            "references": ids,
            "remittance": _remittance(read),
            "bank_transaction_code": _code(read),
            "mcc": _mcc(merchant),
            "fx": _exchange(read, bank, ways),
            "balance_after": _balance_after(read, ways),
        },
    )
    return Understood((movement(read, found, bank, place),), tuple(read.notes))


def _status(read: Fields) -> TransactionStatus:
    status = STATUSES.get(read.required_text("Status"))
    if status is None:
        raise read.bad("Status", "UNKNOWN_STATUS", "is not a status we know")
    return status


def _references(read: Fields) -> References:
    return References(transaction_id=read.text("TransactionId"), entry_reference=read.text("TransactionReference"))


def _parties(read: Fields, merchant: Fields | None, beside: str | None) -> Parties:
    """Both accounts; a merchant stands on the side that the customer does not."""
    name = merchant.text("MerchantName") if merchant else None
    creditor = _party(read.object("CreditorAccount"), name if beside == "creditor" else None)
    debtor = _party(read.object("DebtorAccount"), name if beside == "debtor" else None)
    return Parties(creditor, debtor)


def _party(account: Fields | None, merchant: str | None) -> Party:
    found = number(account)
    name = account.text("Name") if account else None
    return Party(name or merchant, [found] if found else [])


def _remittance(read: Fields) -> Remittance | None:
    written = read.text("TransactionInformation")
    return Remittance(unstructured=[written]) if written else None


def _code(read: Fields) -> BankTransactionCode | None:
    """ISO's code where version 3's words are known; others stay as they came."""
    standard, own = read.object("BankTransactionCode"), read.object("ProprietaryBankTransactionCode")
    iso = iso_code(standard.text("Code"), standard.text("SubCode")) if standard else None
    if standard and iso is None:
        read.keep("BankTransactionCode")
    proprietary = own.text("Code") if own else None
    return BankTransactionCode(iso=iso, proprietary=proprietary) if iso or proprietary else None


def _mcc(merchant: Fields | None) -> str | None:
    found = merchant.text("MerchantCategoryCode") if merchant else None
    if merchant and found and not _MCC.match(found):
        merchant.keep("MerchantCategoryCode")
        merchant.note("NOT_AN_MCC", "MerchantCategoryCode", "Not a merchant category code of four digits")
        return None
    return found


def _exchange(read: Fields, bank: Bank, ways: UkWays) -> Exchange | None:
    told = read.object("CurrencyExchange")
    if told is None:
        return None
    instructed = told.object("InstructedAmount")
    quoted = told.day("QuotationDate", bank.zone, ways.dates)
    amount = instructed.rate("Amount") if instructed else None
    source, named = told.text("SourceCurrency"), instructed.text("Currency") if instructed else None
    return Exchange(
        source_amount=abs(amount) if amount is not None else None,
        source_currency=source or named,
        target_currency=told.text("TargetCurrency"),
        unit_currency=told.text("UnitCurrency"),
        rate=told.rate("ExchangeRate"),
        quoted_local=quoted.local if quoted else None,
    )


def _balance_after(read: Fields, ways: UkWays) -> Decimal | None:
    after = read.object("Balance")
    inner = after.object("Amount") if after else None
    if after is None or inner is None:
        return None
    after.text("Type")
    written = inner.written("Amount", "Currency")
    stated = Stated(written.amount, written.currency, written.pointer, indicator(after))
    amount, _ = signed(ways.direction.booked, stated)
    return amount
