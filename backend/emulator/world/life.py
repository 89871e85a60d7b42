"""A persona's life, month by month: the same months, the same entries, however often and in what steps one asks."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.emulator.world.entry import Entry, entry_id
from backend.emulator.world.everyday import Purchases, cash_entries, drift
from backend.emulator.world.loans import Repayment
from backend.emulator.world.making import Maker
from backend.emulator.world.months import first_day, month_of
from backend.emulator.world.reading import World
from backend.emulator.world.recurring import settlement, stream_entries, transfer_entries
from backend.emulator.world.rows import Account, Persona

# What begins in one month may be settled in the next.
_SPILL_MONTHS: Final = 1


class Life:
    """All that happens on a persona's accounts, but for interest: that depends on what is on them."""

    def __init__(self, world: World, persona: Persona) -> None:
        self.world = world
        self.persona = persona
        self.maker = Maker(world, persona)
        self.first_month = month_of(world.starts.date()) - world.history_months
        self._repayments = [Repayment(self.maker, product) for product in persona.products]
        self._opened = {account.id: self.opening_of(account) for account in persona.accounts}
        self._months: dict[int, list[Entry]] = {}
        self._card_months: dict[tuple[str, int], list[Entry]] = {}

    def opening_of(self, account: Account) -> datetime:
        """When the account is opened, or when its history begins."""
        return self.maker.moment(account, max(account.opened, first_day(self.first_month)), 0, 5)

    def between(self, since: datetime, until: datetime) -> list[Entry]:
        """Entries that begin or are settled after ``since`` and not after ``until``, in the order they are settled."""
        first = max(month_of(since.date()) - _SPILL_MONTHS, self.first_month)
        months = range(first, month_of(until.date()) + 1)
        found = [
            entry
            for month in months
            for entry in self.month(month)
            if entry.initiated_at <= until and entry.settled_at > since
        ]
        return sorted(found, key=lambda entry: (entry.settled_at, entry.id))

    def month(self, month: int) -> list[Entry]:
        """What the month brings."""
        if month not in self._months:
            self._months[month] = self._lived(month)
        return self._months[month]

    def _lived(self, month: int) -> list[Entry]:
        entries = self._fixed(month)
        flows: dict[str, Decimal] = defaultdict(Decimal)
        for entry in entries:
            for moved, amount in entry.movements():
                flows[moved] += amount
        for row in self.persona.everyday:
            account = self.persona.by_key[row.account]
            if account.kind == "card":
                continue
            budget = row.budget
            if budget == "rest":
                kept = drift(self.maker, row, month + 1) - drift(self.maker, row, month)
                budget = flows[account.id] - kept
            entries += self._open(Purchases(self.maker, row, month, budget).entries())
        for account in self.persona.accounts:
            if account.kind == "card":
                entries += self._on_card(account, month)
        return list(_told_apart(entries))

    def _fixed(self, month: int) -> list[Entry]:
        """All but purchases of the day, which have to make do with the rest."""
        persona, maker = self.persona, self.maker
        cards = {account.key for account in persona.accounts if account.kind == "card"}
        entries = [
            entry
            for stream in persona.streams
            if stream.account not in cards
            for entry in stream_entries(maker, stream, month)
        ]
        entries += [entry for transfer in persona.transfers for entry in transfer_entries(maker, transfer, month)]
        entries += [entry for repayment in self._repayments if (entry := repayment.entry(month))]
        entries += [entry for row in persona.everyday for entry in cash_entries(maker, row, month)]
        for card in persona.accounts:
            owed = self._owed(card, month) if card.paid_from else Decimal(0)
            if owed > 0:
                entries.append(settlement(maker, card, month, owed))
        return self._open(entries)

    def _on_card(self, card: Account, month: int) -> list[Entry]:
        """What is paid with a card that has an account of its own."""
        known = (card.key, month)
        if known not in self._card_months:
            entries = [
                entry
                for stream in self.persona.streams
                if stream.account == card.key
                for entry in stream_entries(self.maker, stream, month)
            ]
            for row in self.persona.everyday:
                if row.account == card.key and row.budget != "rest":
                    entries += Purchases(self.maker, row, month, row.budget).entries()
            self._card_months[known] = self._open(entries)
        return self._card_months[known]

    def _owed(self, card: Account, month: int) -> Decimal:
        """What was booked on the card in the month before ``month``."""
        zone = self.world.bank_of(card).tz
        last = month - 1
        booked = [entry for each in (last - 1, last) if each >= self.first_month for entry in self._on_card(card, each)]
        return -sum(
            (
                entry.amount
                for entry in booked
                if entry.booked_at and month_of(entry.booked_at.astimezone(zone).date()) == last
            ),
            Decimal(0),
        )

    def _open(self, entries: list[Entry]) -> list[Entry]:
        """Those whose accounts are open by then; a transfer needs both of its own."""
        involved: dict[str, set[str]] = defaultdict(set)
        for entry in entries:
            involved[entry.label.transfer or entry.id] |= {entry.account, entry.counter or entry.account}
        return [
            entry
            for entry in entries
            if all(self._opened[account] < entry.initiated_at for account in involved[entry.label.transfer or entry.id])
        ]


def _told_apart(entries: list[Entry]) -> Iterator[Entry]:
    """``entries``; those that look the same on one day are labelled as the twins, not duplicates, that they are."""
    alike = Counter(_looks(entry) for entry in entries)
    for entry in entries:
        looks = _looks(entry)
        if alike[looks] > 1:
            twin = entry_id("twin", *looks).removeprefix("txn_")
            yield entry.replaced(label=replace(entry.label, twin=twin))
        else:
            yield entry


def _looks(entry: Entry) -> tuple[object, ...]:
    """All that tells an entry apart, but for its own reference."""
    days = (entry.details.get("transaction_date"), entry.booked_at and entry.details["booking_date"])
    return entry.account, entry.description, entry.amount, *days


def life(persona: Persona, world: World, since: datetime, until: datetime) -> list[Entry]:
    """Entries settled after ``since`` and not after ``until``, or begun then and still pending; by date."""
    return Life(world, persona).between(since, until)
