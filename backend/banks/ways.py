"""The ways of a bank within its dialect, as data: which rule tells direction, dates and identity.

Each dialect says which ways it knows; a row of data/banks that names another one stops the start-up.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Ways(BaseModel):
    """Nothing to choose; dialects add what their banks differ in."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Direction(StrEnum):
    """How a bank tells whether money comes or goes."""

    SIGNED = "SIGNED"  # a minus means out; an indicator beside it must agree
    INVERTED = "INVERTED"  # a minus means in
    INDICATOR = "INDICATOR"  # the amount has no sign, a word beside it tells
    INDICATOR_ABS = "INDICATOR_ABS"  # the word tells; a sign may stand there too, and must not contradict
    BY_PARTY = "BY_PARTY"  # neither: out where the account pays, in where it is paid
    MINOR_UNITS = "MINOR_UNITS"  # whole cents without sign, and a word beside them


class Directions(Ways):
    """The rule for each status; ``pending``, ``information`` and ``card`` are as ``booked`` unless said."""

    booked: Direction
    pending: Direction | None = None
    information: Direction | None = None
    card: Direction | None = None
    contradicted: Literal["NOTE", "REFUSE"] = Field(
        default="NOTE", description="What becomes of a record whose sign says one thing and whose parties another"
    )

    def rule(self, section: str, *, is_card: bool = False) -> Direction:
        """The rule for a record of that section."""
        if is_card and self.card:
            return self.card
        return {"pending": self.pending, "information": self.information}.get(section) or self.booked


class DateWays(Ways):
    """How days and instants are written."""

    formats: tuple[Literal["YYYY-MM-DD", "DD-MM-YYYY", "DD.MM.YYYY"], ...] = ("YYYY-MM-DD",)
    naive: Literal["BANK", "UTC"] = Field(default="BANK", description="Whose clock a time without offset shows")
    midnight: Literal["INSTANT", "DATE"] = Field(
        default="INSTANT", description="DATE: midnight as written stands for a day, not for an instant"
    )
    sentinels: tuple[str, ...] = Field(
        default=("0001-01-01", "9999-12-31"), description="Days that mean there is none, YYYY-MM-DD"
    )
    swapped: bool = Field(default=False, description="Booking date and value date stand in each other's place")


Reference = Literal["transaction_id", "entry_reference"]
Fact = Literal["transaction_id", "entry_reference", "amount", "booking_date", "value_date"]
_REFERENCES: Final = frozenset(get_args(Reference))
_FACTS: Final = frozenset(get_args(Fact))


def _check_rule(rule: str) -> str:
    facts = rule.split("+")
    if not _FACTS.issuperset(facts) or len(set(facts)) != len(facts):
        raise ValueError(f"a key is made of {', '.join(sorted(_FACTS))}, joined by +")
    if not _REFERENCES.intersection(facts):
        raise ValueError(f"a key holds one of {', '.join(sorted(_REFERENCES))}")
    return rule


KeyRule = Annotated[str, AfterValidator(_check_rule)]


class IdentityWays(Ways):
    """Which of the bank's ids are trusted to mean one transaction for ever, best first; none: the content decides."""

    booked: tuple[KeyRule, ...] = ()
    pending: tuple[KeyRule, ...] = ()
    not_ids: frozenset[str] = Field(
        default=frozenset({"0", "NOTPROVIDED", "N/A"}), description="Fillers that stand where an id should"
    )


class TransactionWays(Ways):
    """The ways that every standard with transactions has."""

    direction: Directions
    dates: DateWays = DateWays()
    identity: IdentityWays = IdentityWays()
