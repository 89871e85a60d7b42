"""Small named pieces that every pipeline is made of: filters, reasons, sums per currency, shares."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Stage = dict[str, Any]
Expression = Any

# Shares, ratios and average rates are rounded (half to even) to this many decimals; sums never are.
RATIO_PLACES: Final = 4
ZERO: Final[Expression] = {"$toDecimal": 0}


def chosen(field: str, value: str | Sequence[str] | None) -> list[Stage]:
    """Only documents whose ``field`` is ``value`` or one of several; all of them when it is None."""
    if value is None:
        return []
    return [{"$match": {field: value if isinstance(value, str) else {"$in": list(value)}}}]


def is_missing(value: Expression) -> Expression:
    """Whether ``value`` is null or absent; zero is neither."""
    return {"$lte": [value, None]}


def exact(field: str) -> Expression:
    """The number in ``field`` as Decimal128, whatever kind of number it was stored as; null stays null."""
    return {"$toDecimal": f"${field}"}


def first_reason(*cases: tuple[Expression, str]) -> Expression:
    """Why an item cannot be used: the reason of the first case that holds, or null."""
    branches = [{"case": case, "then": reason} for case, reason in cases]
    return {"$switch": {"branches": branches, "default": None}}


def when(condition: Expression, value: Expression) -> Expression:
    """``value`` where ``condition`` holds, else an exact zero: for sums over some of the items."""
    return {"$cond": [condition, value, ZERO]}


def ratio(part: Expression, whole: Expression) -> Expression:
    """``part / whole`` rounded to RATIO_PLACES; null when ``whole`` is not positive."""
    rounded = {"$round": [{"$divide": [part, whole]}, RATIO_PLACES]}
    return {"$cond": [{"$gt": [whole, 0]}, rounded, None]}


def money(amount: Expression) -> Expression:
    """An amount of the item's own currency, as a pair."""
    return {"amount": amount, "currency": "$currency"}


def usable() -> Stage:
    """Only items that nothing speaks against."""
    return {"$match": {"reason": None}}


def sums(*keys: str, amounts: Mapping[str, Expression], counts: Mapping[str, Expression] | None = None) -> list[Stage]:
    """One row per currency (and per each of ``keys``) with sums of the usable items, ordered by the keys.

    ``currency`` is part of every group, so amounts of two currencies never meet.
    """
    by = (*keys, "currency")
    added = {name: {"$sum": value} for name, value in {**amounts, **(counts or {})}.items()}
    return [
        usable(),
        {"$group": {"_id": {key: f"${key}" for key in by}, **added}},
        {"$sort": {"_id": 1}},
        {"$set": {key: f"$_id.{key}" for key in by}},
    ]


def rows(
    *keys: str,
    amounts: Mapping[str, Expression],
    counts: Mapping[str, Expression] | None = None,
    derived: Mapping[str, Expression] | None = None,
) -> list[Stage]:
    """``sums`` as they are shown: keys, amounts as pairs, counts, and what is ``derived`` from them."""
    shown = {
        **dict.fromkeys(keys, 1),
        **{name: money(f"${name}") for name in amounts},
        **dict.fromkeys(counts or {}, 1),
        **(derived or {}),
    }
    return [*sums(*keys, amounts=amounts, counts=counts), {"$project": {"_id": 0, **shown}}]


def used(**more: Expression) -> list[Stage]:
    """The items the sums are made of, each with its amount (and ``more``), ordered by bank, type and id."""
    shown = {"kind": 1, "id": 1, "bank": 1, "type": 1, "amount": money("$amount"), **more}
    return [usable(), {"$sort": {"bank": 1, "type": 1, "id": 1}}, {"$project": {"_id": 0, **shown}}]


def left_out(**figures: Expression) -> list[Stage]:
    """The items that could not be used, and why.

    ``figures`` names what else an item may be missing from and gives the reason of each: an item counted
    in the total may still be left out of an average.
    """
    gaps = [
        {"figure": "total", "reason": "$reason"},
        *(
            {"figure": figure, "reason": {"$cond": [is_missing("$reason"), reason, None]}}
            for figure, reason in figures.items()
        ),
    ]
    return [
        {"$set": {"gap": {"$filter": {"input": gaps, "cond": {"$not": [is_missing("$$this.reason")]}}}}},
        {"$unwind": "$gap"},
        {"$sort": {"bank": 1, "kind": 1, "id": 1, "gap.figure": 1}},
        {
            "$project": {
                "_id": 0,
                "kind": 1,
                "id": 1,
                "bank": 1,
                "figure": "$gap.figure",
                "reason": "$gap.reason",
            }
        },
    ]
