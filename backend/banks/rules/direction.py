"""Direction: the signed amount that a bank means, by the rule in its row; what contradicts itself is given up."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from backend.banks.contract import BadRecord
from backend.banks.ways import Direction
from backend.kernel.money import minor_units

Indicator = Literal["CRDT", "DBIT"]
Side = Literal["creditor", "debtor"]


@dataclass(frozen=True, slots=True)
class Stated:
    """What a record says of its amount: the number, the word beside it, and which side its account is on.

    ``own_sides`` are those of creditor and debtor that are the account itself; ``pointer`` is the amount's.
    """

    amount: Decimal
    currency: str
    pointer: str
    indicator: Indicator | None = None
    own_sides: frozenset[Side] = frozenset()


def signed(rule: Direction, stated: Stated) -> tuple[Decimal, Indicator]:
    """The amount, negative when it leaves the account, and its direction in a word.

    Raises BadRecord where the rule finds nothing to go by, or two things that disagree: never a guess.
    """
    amount = _RULES[rule](stated)
    if amount:
        return amount, "CRDT" if amount > 0 else "DBIT"
    return amount.copy_abs(), stated.indicator or "CRDT"


def _signed(stated: Stated) -> Decimal:
    return _agreeing(stated.amount, stated)


def _inverted(stated: Stated) -> Decimal:
    return _agreeing(-stated.amount, stated)


def _by_indicator(stated: Stated) -> Decimal:
    if stated.amount < 0:
        raise _unclear(stated, "has a sign although a word beside it tells the direction")
    return _turned(stated.amount, stated)


def _by_indicator_abs(stated: Stated) -> Decimal:
    if stated.amount < 0 and stated.indicator == "CRDT":
        raise _unclear(stated, "is negative, and the word beside it says credit")
    return _turned(abs(stated.amount), stated)


def _by_party(stated: Stated) -> Decimal:
    if stated.amount < 0:
        raise _unclear(stated, "has a sign although the parties tell the direction")
    if len(stated.own_sides) != 1:
        raise _unclear(stated, "has no direction: the account is on both sides or on none")
    return stated.amount if "creditor" in stated.own_sides else -stated.amount


def _in_minor_units(stated: Stated) -> Decimal:
    decimals = minor_units(stated.currency)
    if decimals is None or stated.amount != stated.amount.to_integral_value():
        raise _unclear(stated, "is not a whole number of the currency's smallest unit")
    return _by_indicator(Stated(stated.amount.scaleb(-decimals), stated.currency, stated.pointer, stated.indicator))


def _turned(amount: Decimal, stated: Stated) -> Decimal:
    if stated.indicator is None:
        raise _unclear(stated, "has no word beside it that tells the direction")
    return amount if stated.indicator == "CRDT" else -amount


def _agreeing(amount: Decimal, stated: Stated) -> Decimal:
    if amount and stated.indicator and (amount > 0) is not (stated.indicator == "CRDT"):
        raise _unclear(stated, "and the word beside it disagree about the direction")
    return amount


def _unclear(stated: Stated, what: str) -> BadRecord:
    return BadRecord("DIRECTION_UNCLEAR", f"The amount {what}", stated.pointer)


_RULES: Final[dict[Direction, Callable[[Stated], Decimal]]] = {
    Direction.SIGNED: _signed,
    Direction.INVERTED: _inverted,
    Direction.INDICATOR: _by_indicator,
    Direction.INDICATOR_ABS: _by_indicator_abs,
    Direction.BY_PARTY: _by_party,
    Direction.MINOR_UNITS: _in_minor_units,
}
