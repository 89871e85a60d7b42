"""What UK Open Banking banks differ in."""

from typing import Literal

from pydantic import Field

from backend.banks.ways import DateWays, Direction, Directions, IdentityWays, TransactionWays

_Known = Literal[Direction.INDICATOR, Direction.INDICATOR_ABS]


class UkDirections(Directions):
    """An indicator tells; some banks write a sign beside it all the same."""

    booked: _Known = Direction.INDICATOR
    pending: _Known | None = None
    information: _Known | None = None
    card: _Known | None = None


class UkWays(TransactionWays):
    """``currency`` is that of products, which name none, of accounts we do not know."""

    direction: UkDirections = UkDirections()
    # Most banks write a day as midnight; opening dates came day first in the standard's own examples.
    dates: DateWays = DateWays(formats=("YYYY-MM-DD", "DD-MM-YYYY"), midnight="DATE")
    identity: IdentityWays = IdentityWays(booked=("transaction_id",))
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
