"""What every standard's transactions have in common: their dates, their parties, and the amount with its direction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.banks.contract import AccountKey, BadRecord, Bank, MappedTransaction, Place
from backend.banks.fields import Fields, WrittenAmount
from backend.banks.rules.dates import Day
from backend.banks.rules.direction import Indicator, Side, Stated, signed
from backend.banks.rules.identity import key_for
from backend.banks.rules.numbers import Number, best, masked
from backend.banks.ways import DateWays, Direction, Directions, TransactionWays
from backend.documents.transaction import Counterparty, Transaction, TransactionStatus


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a movement, as far as it is told."""

    name: str | None = None
    numbers: Sequence[Number] = ()

    def is_told(self) -> bool:
        """Whether anything is."""
        return bool(self.name or self.numbers)

    def is_account(self, account: AccountKey) -> bool:
        """Whether this side is that account."""
        return any((number.scheme, number.value) == (account.scheme, account.identifier) for number in self.numbers)


@dataclass(frozen=True, slots=True)
class Parties:
    """Who is paid and who pays."""

    creditor: Party = Party()
    debtor: Party = Party()

    def own_sides(self, account: AccountKey) -> frozenset[Side]:
        """Which sides are the account itself; both, in some banks' test data."""
        creditor: frozenset[Side] = frozenset({"creditor"}) if self.creditor.is_account(account) else frozenset()
        debtor: frozenset[Side] = frozenset({"debtor"}) if self.debtor.is_account(account) else frozenset()
        return creditor | debtor

    def other(self, account: AccountKey, indicator: Indicator) -> Counterparty | None:
        """The side that is not the account: who is paid, of money that goes."""
        first, second = (self.creditor, self.debtor) if indicator == "DBIT" else (self.debtor, self.creditor)
        party = next((each for each in (first, second) if each.is_told() and not each.is_account(account)), first)
        if not party.is_told():
            return None
        number = best(party.numbers)
        identifier = number.value if number else None
        return Counterparty(
            name=party.name, identifier=identifier, identifier_masked=masked(identifier) if identifier else None
        )

    def contradict(self, account: AccountKey, indicator: Indicator) -> bool:
        """Whether money comes though only another payee is told, or goes though only another payer is."""
        against, for_it = (self.creditor, self.debtor) if indicator == "CRDT" else (self.debtor, self.creditor)
        return against.is_told() and not against.is_account(account) and not for_it.is_told()


@dataclass(frozen=True, slots=True)
class Days:
    """When it was booked, when it counts for interest, and when it was made."""

    booking: Day | None = None
    value: Day | None = None
    made: Day | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """What a dialect read of a transaction; ``rest`` are the fields that no rule decides."""

    status: TransactionStatus
    account: AccountKey
    written: WrittenAmount
    rule: Direction
    days: Days
    parties: Parties = Parties()
    indicator: Indicator | None = None
    provider_id: str | None = None
    rest: dict[str, Any] = field(default_factory=dict)


def transaction(read: Fields, found: Movement, bank: Bank, place: Place) -> MappedTransaction:
    """The transaction with amount, dates, parties and key by the bank's rules; BadRecord when one cannot tell."""
    ways = bank.ways_of(TransactionWays)
    written, parties = found.written, found.parties
    sides = parties.own_sides(found.account)
    stated = Stated(written.amount, written.currency, written.pointer, found.indicator, sides)
    amount, indicator = signed(found.rule, stated)
    if found.indicator is None and not sides and parties.contradict(found.account, indicator):
        _doubt(read, written, ways.direction)
    model = Transaction(
        status=found.status,
        amount=amount,
        amount_text=written.text,
        credit_debit=indicator,
        currency=written.currency,
        counterparty=parties.other(found.account, indicator),
        **_dated(read, found, ways.dates, place),
        **found.rest,
        extra=read.rest(),
    )
    key, is_trusted = key_for(model, ways.identity)
    return MappedTransaction(model, found.account, key, provider_id=found.provider_id, is_trusted=is_trusted)


def _doubt(read: Fields, written: WrittenAmount, ways: Directions) -> None:
    """The sign says one thing and the parties another: which of both to believe is in the bank's row."""
    if ways.contradicted == "REFUSE":
        raise BadRecord("DIRECTION_UNCLEAR", "The amount has a sign that the parties contradict", written.pointer)
    read.note("DIRECTION_DOUBTFUL", "", "The sign says one thing and the parties another; the sign was taken")


def _dated(read: Fields, found: Movement, ways: DateWays, place: Place) -> dict[str, Any]:
    booking, value, made = found.days.booking, found.days.value, found.days.made
    if ways.swapped:
        booking, value = value, booking
    told = [day for day in (booking, value, made) if day]
    order = told[0].local if told else _first_seen(read, place)
    if found.status == "BOOK" and booking is None:
        read.note("BOOKING_DATE_MISSING", "", "The bank did not say when it was booked")
    return {
        "booking_date_local": booking.local if booking else None,
        "booking_at_utc": booking.at if booking else None,
        "value_date_local": value.local if value else None,
        "value_at_utc": value.at if value else None,
        "transaction_date_local": made.local if made else None,
        "transaction_at_utc": made.at if made else None,
        "date_precision": told[0].precision if told else "DATE",
        "order_date": order,
        "year_month": order[:7],
    }


def _first_seen(read: Fields, place: Place) -> str:
    if place.asked.seen_on is None:
        raise BadRecord("NO_DATE", "The record has no date, and when it was fetched is not known", "")
    read.note("DATE_FIRST_SEEN", "", "The bank gave no date; it stands under the day it was fetched", "INFO")
    return place.asked.seen_on.isoformat()
