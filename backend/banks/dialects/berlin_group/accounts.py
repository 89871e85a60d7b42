"""Berlin Group accounts, card accounts and balances."""

from decimal import Decimal
from typing import Final

from backend.banks.contract import Bank, MappedAccount, MappedBalance, Place, Record, Understood, UnderstoodBalance
from backend.banks.dialects.berlin_group.ways import BerlinWays
from backend.banks.dialects.berlin_group.words import ACCOUNT_TYPES, BALANCES, STATUSES, USAGES, numbers
from backend.banks.fields import Fields, WrittenAmount
from backend.banks.rules.balances import StatedBalance, settled
from backend.banks.rules.numbers import account_at, identifiers, key_of, known_by
from backend.banks.ways import Direction
from backend.documents.account import Account, AccountStatus, AccountType, Balance, Subtype

_UNKNOWN: Final[AccountStatus] = "Unknown"


def account(record: Record, bank: Bank, place: Place) -> Understood:
    """An account or card account, with the balances that stand in it."""
    read = Fields(record, strict=False)
    currency = read.currency("currency")
    known, provider_id = numbers(read), read.text("resourceId")
    key = key_of(known, provider_id, currency)
    if key is None:
        raise read.bad("resourceId", "MISSING", "is missing, and so is every number")
    is_card = place.is_card or key.scheme == "MaskedPan"
    raw_type = read.text("cashAccountType")
    is_inverted = _counts_debits(read, bank) if is_card else False
    # Read before rest(), which holds what nobody asked for.
    stated = _inside(read, bank, is_inverted=is_inverted)
    granted = read.object("creditLimit")
    usage = read.text("usage")
    model = Account(
        account_bank=bank.name,
        account_status=_status(read),
        account_type=_type(read, raw_type, is_card=is_card),
        account_subtype=Subtype(iso=raw_type, raw=raw_type) if raw_type else None,
        account_currency=currency,
        **known_by(key),
        account_credit_limit=abs(_money(granted).amount) if granted else None,
        account_usage=USAGES.get(usage, "Unknown") if usage else None,
        account_name=read.text("displayName") or read.text("name"),
        account_owner_name=read.text("ownerName"),
        account_product_name=read.text("product"),
        account_description=read.text("details"),
        identifiers=identifiers(known),
        extra=read.rest(),
    )
    if stated:
        model, notes = settled(model, stated)
        read.notes.extend(notes)
    return Understood((MappedAccount(model, key, provider_id=provider_id),), tuple(read.notes))


def balance(record: Record, bank: Bank, place: Place) -> UnderstoodBalance:
    """A balance from a list of its own; of a card, turned where the bank's row says that its amounts are."""
    read = Fields(record, strict=False)
    rule = bank.ways_of(BerlinWays).direction.rule("booked", is_card=place.is_card)
    is_inverted = place.is_card and rule is Direction.INVERTED
    stated = _balance(read, bank, is_inverted=is_inverted)
    key = account_at(place, stated.balance.currency)
    mapped = MappedBalance(stated.balance, key, stated.limit, place.account.provider_id, read.rest())
    return UnderstoodBalance((mapped,), tuple(read.notes))


def _inside(read: Fields, bank: Bank, *, is_inverted: bool) -> list[StatedBalance]:
    return [_balance(each, bank, is_inverted=is_inverted) for each in read.objects("balances")]


def _balance(read: Fields, bank: Bank, *, is_inverted: bool) -> StatedBalance:
    written = _money(read.required_object("balanceAmount"))
    raw = read.text("balanceType")
    kind = BALANCES.get(raw or "")
    if kind is None:
        read.note("UNKNOWN_BALANCE_TYPE", "balanceType", "Not a type we know; kept in TypeRaw and not counted")
    dates = bank.ways_of(BerlinWays).dates
    changed = read.day("lastChangeDateTime", bank.zone, dates)
    day = read.day("referenceDate", bank.zone, dates) or changed
    return StatedBalance(
        Balance(
            type=kind or "OTHR",
            type_raw=raw,
            amount=_turned(written.amount, is_inverted=is_inverted),
            currency=written.currency,
            credit_limit_included=read.flag("creditLimitIncluded"),
            as_of_utc=changed.at if changed else None,
            as_of_local=day.local if day else None,
        )
    )


def _money(read: Fields) -> WrittenAmount:
    return read.written("amount", "currency")


def _turned(amount: Decimal, *, is_inverted: bool) -> Decimal:
    return -amount if is_inverted and amount else amount


def _counts_debits(read: Fields, bank: Bank) -> bool:
    """Whether the card account's amounts are what is owed, positive; the bank's row should say the same."""
    is_so = read.flag("debitAccounting") or False
    if is_so is not (bank.ways_of(BerlinWays).direction.rule("booked", is_card=True) is Direction.INVERTED):
        read.note("DEBIT_ACCOUNTING", "debitAccounting", "The account counts another way than direction.card says")
    return is_so


def _type(read: Fields, raw: str | None, *, is_card: bool) -> AccountType:
    if is_card:
        return "CreditCard"
    if raw is None:
        read.note("TYPE_MISSING", "cashAccountType", "The bank does not say what kind of account it is", "INFO")
        return "Other"
    if raw not in ACCOUNT_TYPES:
        read.note("UNKNOWN_TYPE", "cashAccountType", "Not a type we know; kept in AccountSubtype")
    return ACCOUNT_TYPES.get(raw, "Other")


def _status(read: Fields) -> AccountStatus:
    raw = read.text("status")
    if raw not in STATUSES:
        read.note("UNKNOWN_STATUS", "status", "Not a status we know")
    return STATUSES.get(raw, _UNKNOWN)
