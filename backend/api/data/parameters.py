"""Query parameters that several lists take, each checked for what it means."""

from datetime import date
from typing import Annotated, TypeAlias

from fastapi import Query
from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from backend.kernel.errors import InvalidMoney
from backend.kernel.money import CURRENCY_CODES, Amount, parse_currency


def _currency(code: str) -> str:
    try:
        return parse_currency(code)
    except InvalidMoney as error:
        raise ValueError(str(error)) from error


def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


_Code: TypeAlias = Annotated[
    str, AfterValidator(_currency), WithJsonSchema({"type": "string", "enum": sorted(CURRENCY_CODES)})
]
_Day: TypeAlias = Annotated[
    str,
    StringConstraints(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    AfterValidator(_day),
    WithJsonSchema({"type": "string", "format": "date"}),
]


Institution: TypeAlias = Annotated[
    str | None, Query(min_length=1, max_length=80, description="Name of the bank, as in /api/v1/institutions")
]
Currency: TypeAlias = Annotated[_Code | None, Query(description="ISO 4217 code")]
Day: TypeAlias = Annotated[_Day | None, Query(description="YYYY-MM-DD, inclusive")]
AmountBound: TypeAlias = Annotated[
    Amount | None, Query(description="Signed amount, inclusive, such as -12.50; of any currency")
]
