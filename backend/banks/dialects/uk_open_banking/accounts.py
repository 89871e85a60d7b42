"""UK accounts and balances."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal

from backend.banks.contract import Bank, MappedAccount, MappedBalance, Place, Record, Understood, UnderstoodBalance
from backend.banks.dialects.uk_open_banking.ways import UkWays
from backend.banks.dialects.uk_open_banking.words import (
    ACCOUNT_STATUSES,
    ACCOUNT_TYPES,
    BALANCES,
    indicator,
    number,
)
from backend.banks.fields import Fields
from backend.banks.rules.direction import Stated, signed
from backend.banks.rules.numbers import account_at, identifiers, key_of, known_by, reference
from backend.documents.account import Account, AccountDates, AccountStatus, AccountType, Balance, Subtype

_USAGES: Final[Mapping[str, Literal["Personal", "Business"]]] = {"Personal": "Personal", "Business": "Business"}
# Which credit lines are a limit; the others are what is left of one, or a favour for some days.
_LIMITS: Final = frozenset({"Pre-Agreed", "Credit"})


def account(record: Record, bank: Bank, _place: Place) -> Understood:
    """An account. Its numbers are there with ReadAccountsDetail only; without, the bank's own id is its key."""
    read = Fields(record, strict=False)
    currency, provider_id = read.currency("Currency"), read.required_text("AccountId")
    held = read.objects("Account")
    numbers = [found for each in held if (found := number(each))]
    key = key_of(numbers, provider_id, currency)
    if key is None:
        raise read.bad("AccountId", "MISSING", "is missing, and so is every number")
    names = [name for each in held if (name := each.text("Name"))]
    raw_type = read.text("AccountSubType") or read.text("AccountTypeCode")
    usage = read.text("AccountType") or read.text("AccountCategory")
    model = Account(
        account_bank=bank.name,
        account_status=_status(read),
        account_type=_type(read, raw_type),
        account_subtype=_subtype(read, raw_type),
        account_currency=currency,
        account_date=_dates(read, bank),
        **known_by(key),
        account_usage=_USAGES.get(usage, "Unknown") if usage else None,
        account_name=read.text("Nickname"),
        account_owner_name=names[0] if names else None,
        account_description=read.text("Description"),
        identifiers=identifiers(numbers),
        extra=read.rest(),
    )
    return Understood((MappedAccount(model, key, provider_id=provider_id),), tuple(read.notes))


def balance(record: Record, bank: Bank, place: Place) -> UnderstoodBalance:
    """A balance; a debit is money owed and negative."""
    read = Fields(record, strict=False)
    ways, provider_id = bank.ways_of(UkWays), read.text("AccountId")
    written = read.required_object("Amount").written("Amount", "Currency")
    stated = Stated(written.amount, written.currency, written.pointer, indicator(read))
    amount, _ = signed(ways.direction.booked, stated)
    raw = read.text("Type")
    kind = BALANCES.get(raw or "")
    if kind is None:
        read.note("UNKNOWN_BALANCE_TYPE", "Type", "Not a type we know; kept in TypeRaw and not counted")
    at = read.day("DateTime", bank.zone, ways.dates)
    limit, is_included = _credit(read, written.currency)
    model = Balance(
        type=kind or "OTHR",
        type_raw=raw,
        amount=amount,
        currency=written.currency,
        credit_limit_included=is_included,
        as_of_utc=at.at if at else None,
        as_of_local=at.local if at else None,
    )
    key = account_at(place, written.currency, reference([], provider_id))
    mapped = MappedBalance(model, key, limit, provider_id, read.rest())
    return UnderstoodBalance((mapped,), tuple(read.notes))


def _credit(read: Fields, currency: str) -> tuple[Decimal | None, bool | None]:
    """What is granted in the balance when anything is, else beside it; and which of both it is."""
    included: list[Decimal] = []
    beside: list[Decimal] = []
    flags: list[bool] = []
    for line in read.objects("CreditLine"):
        flag, kind = line.flag("Included"), line.text("Type")
        inner = line.object("Amount")
        flags += [flag] if flag is not None else []
        if inner is None:
            continue
        granted = inner.written("Amount", "Currency")
        if granted.currency == currency and (flag or kind in _LIMITS):
            (included if flag else beside).append(granted.amount)
    amounts = included or beside
    return sum(amounts, Decimal(0)) if amounts else None, any(flags) if flags else None


def _type(read: Fields, raw: str | None) -> AccountType:
    if raw is None or raw not in ACCOUNT_TYPES:
        name = "AccountSubType" if "AccountSubType" in read else "AccountTypeCode"
        read.note("UNKNOWN_TYPE", name, "Not a type we know; kept in AccountSubtype")
        return "Other"
    return ACCOUNT_TYPES[raw]


def _subtype(read: Fields, raw: str | None) -> Subtype | None:
    """Version 4 has ISO codes, version 3 words."""
    return Subtype(iso=None if "AccountSubType" in read else raw, raw=raw) if raw else None


def _status(read: Fields) -> AccountStatus:
    raw = read.text("Status")
    if raw not in ACCOUNT_STATUSES:
        read.note("UNKNOWN_STATUS", "Status", "Not a status we know")
        return "Unknown"
    return ACCOUNT_STATUSES[raw]


def _dates(read: Fields, bank: Bank) -> AccountDates:
    ways = bank.ways_of(UkWays).dates
    opened = read.day("OpeningDate", bank.zone, ways)
    return AccountDates(opening_date=opened.at if opened else None, opening_date_local=opened.local if opened else None)
