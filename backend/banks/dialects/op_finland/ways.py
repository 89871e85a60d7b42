"""What banks that speak like OP differ in."""

from typing import Literal

from pydantic import Field

from backend.banks.ways import DateWays, Direction, Directions, IdentityWays, TransactionWays
from backend.documents.account import AccountType

_Known = Literal[Direction.SIGNED, Direction.INDICATOR, Direction.INDICATOR_ABS]


class OpDirections(Directions):
    """Signed; with an indicator beside it where the bank sends one. Card transactions have none."""

    booked: _Known = Direction.SIGNED
    pending: _Known | None = None
    information: _Known | None = None
    card: Literal[Direction.SIGNED] | None = Direction.SIGNED


class OpWays(TransactionWays):
    """``cards``: whether a card is an account of its own, or shows again what its account shows.

    ``account_types`` are the kinds of account by the bank's names for them, since the API tells only those.
    """

    direction: OpDirections = OpDirections()
    # The corporate API writes some days in the Finnish way.
    dates: DateWays = DateWays(formats=("YYYY-MM-DD", "DD.MM.YYYY"))
    # The archive id comes again for recurring payments, so never alone.
    identity: IdentityWays = IdentityWays(booked=("entry_reference+amount+booking_date",))
    account_types: dict[str, AccountType] = Field(default_factory=dict)
    cards: Literal["ACCOUNTS", "MIRRORS"] = "MIRRORS"
