"""Pieces of answers: amounts with their currency, rows of sums, what was used and what was left out."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from bson.decimal128 import Decimal128
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from backend.kernel.money import CURRENCY_CODES, minor_units, render_amount

Kind = Literal["account", "product"]
Reason = Literal[
    "closed",
    "no balance",
    "no amount",
    "the amount is a credit limit",
    "not a debt",
    "overdrawn",
    "no interest rate",
    "the amount is not positive",
    "no property value",
    "no opening date",
    "no term",
]


def _read(value: Any) -> Any:
    return value.to_decimal() if isinstance(value, Decimal128) else value


# Exact like an Amount on the way in, but a sum may be longer than any amount that is let in.
Figure = Annotated[
    Decimal,
    BeforeValidator(_read),
    PlainSerializer(render_amount, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["33672.10"]}),
]


class Piece(BaseModel):
    """A piece of an answer; answers are facts of one moment and do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Money(Piece):
    """An amount of one currency; as text it is written for people: ``29,797.00 USD``."""

    amount: Figure
    currency: str

    def __str__(self) -> str:
        return f"{self.grouped} {self.currency}"

    @property
    def grouped(self) -> str:
        """The amount in groups of three digits, with at least the decimals its currency has."""
        usual = minor_units(self.currency) if self.currency in CURRENCY_CODES else 0
        _, _, decimals = render_amount(self.amount).partition(".")
        return f"{self.amount:,.{max(usual or 0, len(decimals))}f}"


class Used(Piece):
    """An account or product that the figures are made of."""

    kind: Kind
    id: str
    bank: str
    type: str
    amount: Money


class UsedProduct(Used):
    """``amount_kind`` tells what the bank's amount is; null when the bank does not say."""

    amount_kind: str | None


class RatedProduct(UsedProduct):
    """A product with its own rate (percent a year) and loan-to-value (a fraction), where they are known."""

    rate: Figure | None
    loan_to_value: Figure | None


class NarratedItem(Used):
    """An account or debt with its bank's narrative, whatever the bank calls the field."""

    of: Literal["balance", "debt"]
    narrative: str | None
    is_green: bool


class LeftOut(Piece):
    """What could not be used for ``figure``, and why; ``total`` means for none of the figures."""

    kind: Kind
    id: str
    bank: str
    figure: Literal["total", "average_rate", "loan_to_value", "ends"]
    reason: Reason


class AtBank(Piece):
    """A row about one bank."""

    bank: str


class OfType(Piece):
    """A row about one type of account or product."""

    type: str


class AccountSums(Piece):
    """Accounts of one currency, overdrawn ones included with their sign."""

    total: Money
    accounts: int


class BalanceTotal(AccountSums):
    """A currency's total and its two sides: total = in_credit + overdrawn."""

    in_credit: Money
    overdrawn: Money


class BankBalance(AccountSums, AtBank):
    """The accounts of one currency at one bank."""


class TypeBalance(AccountSums, OfType):
    """The accounts of one currency and type."""


class DebtTotal(Piece):
    """Debts of one currency; owed is positive."""

    total: Money
    products: int


class BankDebt(DebtTotal, AtBank):
    """The debts of one currency at one bank."""


class TypeDebt(DebtTotal, OfType):
    """The debts of one currency and product type."""


class Position(Piece):
    """Balance less debt of one currency, and how many accounts and products are in it."""

    balance: Money
    debt: Money
    net: Money
    accounts: int
    products: int


class BankPosition(Position, AtBank):
    """The position of one currency at one bank."""


class ProductsOfType(Piece):
    """The products of one currency and type.

    ``average_rate`` (percent a year) is weighted by amount over the ``rated`` products, which together
    amount to ``rated_total``; ``loan_to_value`` is valued_total / property_value over the ``valued`` ones.
    """

    type: str
    total: Money
    products: int
    average_rate: Figure | None
    rated: int
    rated_total: Money
    loan_to_value: Figure | None
    valued: int
    valued_total: Money
    property_value: Money


class ProductsAtBank(Piece):
    """The products of one currency and type at one bank."""

    bank: str
    type: str
    total: Money
    products: int


class End(Piece):
    """When a product ends: its opening date and its term, in days of the UTC calendar."""

    id: str
    bank: str
    type: str
    amount: Money
    opened: date
    months: int
    ends_on: date


class Share(Piece):
    """How much of the balance or debt of one currency is green; ``share`` is a fraction, null of nothing."""

    of: Literal["balance", "debt"]
    total: Money
    green: Money
    share: Figure | None = Field(description="green / total, rounded to 4 decimals")
    items: int
    green_items: int


class BankShare(Share, AtBank):
    """The same at one bank."""
