"""What products there are: by type, at what average rate, against what property, and what ends when."""

from collections.abc import Sequence
from typing import Final

from pipelines import fields
from pipelines.items import product_items
from pipelines.stages import (
    Expression,
    Stage,
    exact,
    first_reason,
    is_missing,
    left_out,
    money,
    ratio,
    rows,
    usable,
    used,
    when,
)

NO_RATE: Final = "no interest rate"
NOTHING_OWED: Final = "the amount is not positive"
NO_PROPERTY_VALUE: Final = "no property value"
NO_OPENING_DATE: Final = "no opening date"
NO_TERM: Final = "no term"

# Longer than any contract; beyond it the dates of the calendar run out.
LONGEST_TERM_MONTHS: Final = 1200
LAST_YEAR: Final = 9000


def products(
    *,
    include_closed: bool = False,
    currency: str | None = None,
    institution: str | None = None,
    products: Sequence[str] | None = None,
) -> list[Stage]:
    """Over `external_products`: one document ``{by_type, by_institution, ends, used, left_out}``.

    Average rates are weighted by amount, in percent a year; loan-to-value is a fraction. Each is rounded
    to RATIO_PLACES and made of the products that have what it needs; the others are in ``left_out``
    under the figure's name.
    """
    return [
        *product_items(
            include_closed=include_closed,
            currency=currency,
            institution=institution,
            products=products,
            only_debts=False,
            also=_terms(),
        ),
        {"$set": _reasons()},
        {"$set": {"ends": _end()}},
        {
            "$facet": {
                "by_type": _by_type(),
                "by_institution": rows("bank", "type", amounts={"total": "$amount"}, counts={"products": 1}),
                "ends": _ends(),
                "used": used(amount_kind=1, rate=1, loan_to_value=ratio("$amount", "$property_value")),
                "left_out": left_out(average_rate="$rate_reason", loan_to_value="$value_reason", ends="$end_reason"),
            }
        },
    ]


def _terms() -> dict[str, Expression]:
    unit = {"$cond": [{"$eq": [f"${fields.TERM_UNIT}", "YEAR"]}, 12, 1]}
    months = {
        "$ifNull": [
            {"$multiply": [f"${fields.TERM_COUNT}", unit]},
            f"${fields.REPAYMENT_MONTHS}",
            {"$multiply": [f"${fields.AMORTIZATION_YEARS}", 12]},
        ]
    }
    return {
        "rate": {"$ifNull": [exact(fields.PRODUCT_RATE), None]},
        "property_value": exact(fields.PROPERTY_VALUE),
        "opened": f"${fields.PRODUCT_OPENED}",
        "months": months,
    }


def _reasons() -> dict[str, Expression]:
    has_value = {"$gt": ["$property_value", 0]}
    mortgage_without = {"$and": [{"$eq": ["$type", "Mortgage"]}, {"$not": [has_value]}]}
    no_term = {"$or": [{"$lte": ["$months", 0]}, {"$gt": ["$months", LONGEST_TERM_MONTHS]}]}
    no_opening = {"$or": [is_missing("$opened"), {"$gt": [{"$year": "$opened"}, LAST_YEAR]}]}
    return {
        "rate_reason": first_reason((is_missing("$rate"), NO_RATE), ({"$lte": ["$amount", 0]}, NOTHING_OWED)),
        "has_value": has_value,
        "value_reason": first_reason((mortgage_without, NO_PROPERTY_VALUE)),
        "end_reason": first_reason((no_opening, NO_OPENING_DATE), (no_term, NO_TERM)),
    }


def _end() -> Expression:
    end = {"$dateAdd": {"startDate": "$opened", "unit": "month", "amount": {"$toLong": "$months"}}}
    return {"$cond": [is_missing("$end_reason"), end, None]}


def _by_type() -> list[Stage]:
    rated = is_missing("$rate_reason")
    stages = rows(
        "type",
        amounts={
            "total": "$amount",
            "rated_total": when(rated, "$amount"),
            "valued_total": when("$has_value", "$amount"),
            "property_value": when("$has_value", "$property_value"),
        },
        counts={
            "products": 1,
            "rated": {"$cond": [rated, 1, 0]},
            "valued": {"$cond": ["$has_value", 1, 0]},
            "weighted": when(rated, {"$multiply": ["$amount", "$rate"]}),
        },
        derived={
            "average_rate": ratio("$weighted", "$rated_total"),
            "loan_to_value": ratio("$valued_total", "$property_value"),
        },
    )
    return [*stages, {"$unset": "weighted"}]


def _ends() -> list[Stage]:
    day = {"format": "%Y-%m-%d"}
    shown = {
        "id": 1,
        "bank": 1,
        "type": 1,
        "amount": money("$amount"),
        "opened": {"$dateToString": {"date": "$opened", **day}},
        "months": {"$toInt": "$months"},
        "ends_on": {"$dateToString": {"date": "$ends", **day}},
    }
    return [
        usable(),
        {"$match": {"end_reason": None}},
        {"$sort": {"ends": 1, "id": 1}},
        {"$project": {"_id": 0, **shown}},
    ]
