"""What can be asked of the ledger: money moved, money held, a hold ended. Checked as far as one can without it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Final, Literal
from uuid import uuid4

from backend.emulator.ledger.schema import SYSTEM_CASH
from backend.kernel.errors import InvalidInput, InvalidMoney
from backend.kernel.money import minor_units, parse_currency

Kind = Literal["deposit", "withdrawal", "transfer"]
_LONGEST_TEXT: Final = 500
# Far below what Decimal's 28 digits can add up exactly.
_TOO_MUCH: Final = Decimal(10) ** 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One amount from ``debit`` to ``credit``; either may be SYSTEM_CASH, the world outside.

    ``at`` is when it is booked; unless ``is_dated``, it gives way to the latest entry of the accounts.
    ``message`` is what asked for it, ``hold`` what it settles. ``is_repeat`` says that ``id`` may be known already.
    """

    id: str
    debit: str
    credit: str
    amount: Decimal
    currency: str
    at: datetime
    description: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    operation: str | None = None
    message: str | None = None
    hold: str | None = None
    is_dated: bool = False
    is_repeat: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", checked_amount(self.amount, self.currency))
        if self.debit == self.credit:
            raise InvalidInput("Money moves between two accounts; these are one and the same")
        check_texts(self.description, self.details)

    @property
    def kind(self) -> Kind:
        """What a customer would call it."""
        if self.debit == SYSTEM_CASH:
            return "deposit"
        return "withdrawal" if self.credit == SYSTEM_CASH else "transfer"

    @property
    def accounts(self) -> tuple[str, ...]:
        """The customers' accounts it touches."""
        return tuple(account for account in (self.debit, self.credit) if account != SYSTEM_CASH)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlacing:
    """Money set aside on an account until it is posted, released or ``expires_at``."""

    id: str
    account: str
    amount: Decimal
    currency: str
    at: datetime
    expires_at: datetime
    description: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", checked_amount(self.amount, self.currency))
        if self.expires_at <= self.at:
            raise InvalidInput("A hold expires after it is placed")
        check_texts(self.description, self.details)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The account it touches."""
        return (self.account,)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnding:
    """A hold given up: ``released`` by somebody, or ``expired``."""

    id: str
    hold: str
    account: str
    state: Literal["released", "expired"]
    at: datetime

    @property
    def accounts(self) -> tuple[str, ...]:
        """The account it touches."""
        return (self.account,)


Command = Posting | HoldPlacing | HoldEnding


def new_id(prefix: str) -> str:
    """A fresh id: ``acc_``, ``txn_`` or ``hold_`` and 32 hexadecimal digits."""
    return f"{prefix}_{uuid4().hex}"


def transaction_id(operation: str) -> str:
    """The id that the operation's transaction will have."""
    return f"txn_{operation.replace('-', '')}"


def checked_amount(amount: Decimal, currency: str) -> Decimal:
    """``amount`` with all decimals its currency has; InvalidMoney if it is not positive or has more of them."""
    if not (amount.is_finite() and 0 < amount < _TOO_MUCH):
        raise InvalidMoney("An amount that moves is greater than zero and less than a thousand million million")
    return on_own_scale(amount, currency)


def zero(currency: str) -> Decimal:
    """Nothing, with the decimals of ``currency``: 0.00 for EUR."""
    return _step(currency) * 0


def on_own_scale(amount: Decimal, currency: str) -> Decimal:
    """``amount`` with exactly the decimals of ``currency``; InvalidMoney if it has others than zeros beyond them."""
    step = _step(currency)
    if amount % step:
        raise InvalidMoney("The amount has more decimals than its currency")
    return amount.quantize(step)


@cache
def _step(currency: str) -> Decimal:
    """The smallest amount of ``currency``: 0.01 for EUR, 1 for JPY."""
    decimals = minor_units(parse_currency(currency))
    if decimals is None:
        raise InvalidMoney("Accounts are kept in currencies that have a smallest unit")
    return Decimal(1).scaleb(-decimals)


def check_texts(description: str, details: Mapping[str, str]) -> None:
    """InvalidInput if a text is too long or cannot be written as UTF-8, or a key is not a plain ASCII word."""
    for text in (description, *details.values()):
        if len(text) > _LONGEST_TEXT or "\0" in text:
            raise InvalidInput(f"A text has at most {_LONGEST_TEXT} characters, and no NUL")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput("A lone surrogate is not a character") from error
    if not all(name.isascii() and name.isidentifier() for name in details):
        raise InvalidInput("The names of details are ASCII words")
