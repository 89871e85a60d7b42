"""How much of the money, and of the debt, stands under a green narrative: per currency and by institution."""

from collections.abc import Sequence
from typing import Final

from pipelines import fields
from pipelines.items import account_items, product_items
from pipelines.stages import Expression, Stage, is_missing, left_out, ratio, rows, used, when

OVERDRAWN: Final = "overdrawn"


def green(
    *,
    include_closed: bool = False,
    currency: str | None = None,
    institution: str | None = None,
    accounts: Sequence[str] | None = None,
    products: Sequence[str] | None = None,
) -> list[Stage]:
    """Over `external_accounts`, joined by `external_products`: ``{totals, by_institution, used, left_out}``.

    ``of`` is "balance" (accounts in credit: no part of a sum with negative terms is a share) or "debt".
    Every spelling of the banks' narratives is one ``narrative``; it is green when the bank wrote it in
    its Green…Narrative field. Shares are fractions rounded to RATIO_PLACES.
    """
    owed = product_items(
        include_closed=include_closed,
        currency=currency,
        institution=institution,
        products=products,
        only_debts=True,
        also={"of": {"$literal": "debt"}} | _narrative(fields.PRODUCT_NARRATIVES, fields.GREEN_PRODUCT_NARRATIVE),
    )
    overdrawn = {"$and": [is_missing("$reason"), {"$lt": ["$amount", 0]}, {"$eq": ["$of", "balance"]}]}
    amounts = {"total": "$amount", "green": when("$is_green", "$amount")}
    counts = {"items": 1, "green_items": {"$cond": ["$is_green", 1, 0]}}
    share = {"share": ratio("$green", "$total")}
    return [
        *account_items(
            include_closed=include_closed,
            currency=currency,
            institution=institution,
            accounts=accounts,
            also={"of": {"$literal": "balance"}}
            | _narrative(fields.ACCOUNT_NARRATIVES, fields.GREEN_ACCOUNT_NARRATIVE),
        ),
        {"$unionWith": {"coll": fields.PRODUCTS, "pipeline": owed}},
        {"$set": {"reason": {"$cond": [overdrawn, OVERDRAWN, "$reason"]}}},
        {
            "$facet": {
                "totals": rows("of", amounts=amounts, counts=counts, derived=share),
                "by_institution": rows("of", "bank", amounts=amounts, counts=counts, derived=share),
                "used": used(of=1, narrative=1, is_green=1),
                "left_out": left_out(),
            }
        },
    ]


def _narrative(spellings: Sequence[str], green_spelling: str) -> dict[str, Expression]:
    return {
        "narrative": {"$ifNull": [*(f"${spelling}" for spelling in spellings), None]},
        "is_green": {"$not": [is_missing(f"${green_spelling}")]},
    }
