"""What a renderer is told: accounts, balances, transactions, products and mandates, in no dialect."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from backend.emulator.world.rows import Bank

__all__ = ["Account", "Balance", "Bank", "Holding", "Mandate", "Page", "Party", "Product", "Transaction", "opaque"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of a customer. ``kind`` is checking, savings or card; ``card`` a masked number."""

    id: str
    owner: str
    name: str
    currency: str
    kind: str
    number: str
    holder: str
    user_name: str
    is_open: bool
    opened: date
    closed_at: datetime | None = None
    iban: str | None = None
    bic: str | None = None
    sort_code: str | None = None
    card: str | None = None
    interest_rate: str | None = None
    narrative: str | None = None
    object_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Money on an account: ``booked``, of which ``held`` is set aside; ``limit`` is how far below zero it may go."""

    booked: Decimal
    held: Decimal
    limit: Decimal
    currency: str
    at: datetime
    seq: int

    @property
    def available(self) -> Decimal:
        """What could be spent without going below zero."""
        return self.booked - self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An account together with what is on it."""

    account: Account
    balance: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """The other side of a movement. ``account`` is given when it is kept in the same books."""

    name: str
    number: str | None = None
    account: Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A movement as one account sees it: ``amount`` below zero left it. Without ``booked_at`` it is pending.

    ``hold`` is what was set aside for it before, or what it is as long as it is pending.
    """

    id: str
    account: str
    amount: Decimal
    currency: str
    initiated_at: datetime
    booked_at: datetime | None
    text: str
    party: Party
    balance: Decimal | None = None
    hold: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """32 hexadecimal digits that name it among all transactions of all accounts."""
        return opaque(self.account, self.id)

    def day(self, name: str, zone: ZoneInfo) -> str:
        """The date of that name as the bank writes it; where it wrote none, the day of the booking there."""
        written = self.facts.get(name)
        return written or (self.booked_at or self.initiated_at).astimezone(zone).date().isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of an account's booked transactions, oldest first; ``after`` is where the next page goes on, if any."""

    transactions: tuple[Transaction, ...]
    after: int | None
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A loan or mortgage. ``rate`` in percent a year; ``term`` in months for a loan, years for a mortgage."""

    id: str
    owner: str
    user_name: str
    number: str
    kind: str
    outstanding: Decimal
    currency: str
    rate: Decimal
    opened: date
    term: int
    is_open: bool
    collateral: str | None = None
    address: str | None = None
    value: Decimal | None = None
    narrative: str | None = None
    object_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """A standing order: ``amount`` on ``day`` of each of ``months``, until ``until``."""

    id: str
    account: str
    counterparty: str
    number: str | None
    amount: Decimal
    currency: str
    day: int
    months: tuple[int, ...]
    until: date | None
    text: str | None


def opaque(*words: str) -> str:
    """32 hexadecimal digits for ``words``, always the same ones."""
    return hashlib.blake2b("\x1f".join(words).encode(), digest_size=16).hexdigest()
