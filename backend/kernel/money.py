"""Money: exact amounts that know their currency, read strictly and never through a float.

Amounts are ``decimal.Decimal`` in Python, Decimal128 in MongoDB and text in JSON. Currencies are
ISO 4217 codes; amounts of different currencies are never added.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow
from typing import Annotated, Any, Self

from bson.decimal128 import Decimal128
from iso4217 import Currency
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from backend.kernel.errors import InvalidMoney

AMOUNT_PATTERN = r"^-?[0-9]{1,18}(\.[0-9]{1,18})?$"
_AMOUNT = re.compile(AMOUNT_PATTERN[:-1] + r"\Z")
_DIGITS = 34
# As many digits as Decimal128 has (IEEE 754-2008); what does not fit raises instead of being rounded.
_EXACT = Context(prec=_DIGITS, traps=[Inexact, InvalidOperation, Overflow])
_BIAS = 6176
CURRENCY_CODES = frozenset(currency.code for currency in Currency)


def parse_amount(text: str) -> Decimal:
    """The exact decimal that ``text`` writes, such as ``"7825.10"``; minus zero becomes zero.

    Raises InvalidMoney for anything but ASCII digits with at most one point, at most 18 digits on
    each side and 34 in all: no exponent, no grouping, no blanks, no full-width digits, no NaN.
    """
    if not _AMOUNT.match(text):
        raise InvalidMoney("An amount is written in ASCII digits with at most one point and 18 digits on each side")
    amount = _exactly(_EXACT.create_decimal, Decimal(text))
    return amount or amount.copy_abs()


def exact_amount(value: object) -> Decimal:
    """``value`` as an exact Decimal, from text, int, Decimal or Decimal128; InvalidMoney for all else.

    Floats are refused: by the time one arrives the cents are already lost.
    """
    if isinstance(value, str):
        return parse_amount(value)
    if isinstance(value, Decimal128):
        value = value.to_decimal()
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if isinstance(value, Decimal):
        return parse_amount(render_amount(value)) if value.is_finite() else parse_amount("not finite")
    raise InvalidMoney('An amount is text such as "7825.10", never a float or anything else')


def render_amount(amount: Decimal) -> str:
    """``amount`` in plain digits with the decimals it has, never with an exponent: ``"7825.10"``."""
    return format(amount, "f")


def to_bson(amount: Decimal) -> Decimal128:
    """``amount`` as MongoDB stores it; InvalidMoney when it has more than 34 significant digits.

    Composes the bits itself (IEEE 754-2008 section 3.5.2, binary encoding), which takes about half the
    driver's time: every row of every import comes by here.
    """
    whole, _, fraction = str(amount.copy_abs()).partition(".")
    digits = whole + fraction
    if len(digits) > _DIGITS or not digits.isdecimal():
        return Decimal128(_exactly(_EXACT.create_decimal, amount))
    bits = amount.is_signed() << 127 | _BIAS - len(fraction) << 113 | int(digits)
    return Decimal128.from_bid(bits.to_bytes(16, "little"))


def _exactly(operation: Callable[..., Decimal], *amounts: Decimal) -> Decimal:
    try:
        return operation(*amounts)
    except DecimalException as error:
        raise InvalidMoney("An amount has at most 34 significant digits") from error


def parse_currency(code: str) -> str:
    """``code`` if it is an ISO 4217 currency such as ``"EUR"``; InvalidMoney otherwise."""
    if code not in CURRENCY_CODES:
        raise InvalidMoney("A currency is an ISO 4217 code of three capitals, such as EUR")
    return code


def minor_units(code: str) -> int | None:
    """How many decimals the currency has (2 for EUR, 0 for JPY, 3 for BHD); None when ISO gives none."""
    return Currency(code).exponent


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount of one currency. Adding another currency raises InvalidMoney with both in it."""

    amount: Decimal
    currency: str

    @classmethod
    def of(cls, amount: str | int | Decimal | Decimal128, currency: str) -> Self:
        """Money read strictly: ``Money.of("7825.10", "USD")``."""
        return cls(exact_amount(amount), parse_currency(currency))

    def __add__(self, other: Self) -> Self:
        return type(self)(_exactly(_EXACT.add, self.amount, self._same(other).amount), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(_exactly(_EXACT.subtract, self.amount, self._same(other).amount), self.currency)

    def __neg__(self) -> Self:
        return type(self)(self.amount.copy_negate() if self.amount else self.amount, self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.amount < self._same(other).amount

    def __le__(self, other: Self) -> bool:
        return self.amount <= self._same(other).amount

    def __str__(self) -> str:
        return f"{render_amount(self.amount)} {self.currency}"

    def render(self) -> dict[str, str]:
        """The JSON form: ``{"amount": "7825.10", "currency": "USD"}``."""
        return {"amount": render_amount(self.amount), "currency": self.currency}

    def _same(self, other: Self) -> Self:
        if self.currency != other.currency:
            raise InvalidMoney(f"{self.currency} and {other.currency} cannot be put together")
        return other


def _read(value: Any) -> Decimal:
    try:
        return exact_amount(value)
    except InvalidMoney as error:
        raise ValueError(str(error)) from error


# The type of every amount field: strict on the way in, text on the way out to JSON, Decimal between.
Amount = Annotated[
    Decimal,
    BeforeValidator(_read),
    PlainSerializer(render_amount, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": AMOUNT_PATTERN, "examples": ["7825.10"]}),
]
