"""Accounts and products brought to one form, the item, which all insights add up.

An item is ``{kind, id, bank, type, currency, amount, reason}``; ``reason`` says why its amount cannot be
used, or is null. Amounts are Decimal128 from here on.
"""

from collections.abc import Sequence
from typing import Final

from pipelines import fields
from pipelines.stages import Expression, Stage, chosen, exact, first_reason, is_missing

CLOSED: Final = "closed"
NO_BALANCE: Final = "no balance"
NO_AMOUNT: Final = "no amount"
CREDIT_LIMIT: Final = "the amount is a credit limit"
NOT_A_DEBT: Final = "not a debt"

DEBTS: Final = (
    "Loan",
    "Mortgage",
    "StudentLoan",
    "AutoLoan",
    "Lease",
    "LineOfCredit",
    "CreditCard",
    "Overdraft",
)


def account_items(
    *,
    include_closed: bool,
    currency: str | None,
    institution: str | None,
    accounts: Sequence[str] | None,
    also: dict[str, Expression] | None = None,
) -> list[Stage]:
    """Accounts as items; an overdrawn one has a negative amount. ``also`` adds fields to each item."""
    amount = exact(fields.ACCOUNT_BALANCE)
    return [
        *chosen(fields.ACCOUNT_BANK, institution),
        *chosen(fields.ACCOUNT_CURRENCY, currency),
        *chosen(fields.ACCOUNT_ID, accounts),
        {
            "$project": {
                "_id": 0,
                "kind": {"$literal": "account"},
                "id": f"${fields.ACCOUNT_ID}",
                "bank": f"${fields.ACCOUNT_BANK}",
                "type": f"${fields.ACCOUNT_TYPE}",
                "currency": f"${fields.ACCOUNT_CURRENCY}",
                "amount": amount,
                "reason": first_reason(
                    *_closed(fields.ACCOUNT_STATUS, include_closed=include_closed),
                    (is_missing(f"${fields.ACCOUNT_BALANCE}"), NO_BALANCE),
                ),
                **(also or {}),
            }
        },
    ]


def product_items(
    *,
    include_closed: bool,
    currency: str | None,
    institution: str | None,
    products: Sequence[str] | None,
    only_debts: bool,
    also: dict[str, Expression] | None = None,
) -> list[Stage]:
    """Products as items: the outstanding amount where the bank gives one, else ProductAmount.

    ``amount_kind`` says which of the two it is. A credit limit is no amount of anybody's. With
    ``only_debts`` deposits and investments are items with a reason.
    """
    outstanding = f"${fields.PRODUCT_OUTSTANDING}"
    amount = {"$ifNull": [exact(fields.PRODUCT_OUTSTANDING), exact(fields.PRODUCT_AMOUNT)]}
    kind = {"$cond": [is_missing(outstanding), f"${fields.PRODUCT_AMOUNT_KIND}", "OUTSTANDING"]}
    no_debt = {
        "$or": [
            {"$not": [{"$in": [f"${fields.PRODUCT_TYPE}", list(DEBTS)]}]},
            {"$eq": [kind, "DEPOSIT"]},
        ]
    }
    return [
        *chosen(fields.PRODUCT_BANK, institution),
        *chosen(fields.PRODUCT_CURRENCY, currency),
        *chosen(fields.PRODUCT_ID, products),
        {
            "$project": {
                "_id": 0,
                "kind": {"$literal": "product"},
                "id": f"${fields.PRODUCT_ID}",
                "bank": f"${fields.PRODUCT_BANK}",
                "type": f"${fields.PRODUCT_TYPE}",
                "currency": f"${fields.PRODUCT_CURRENCY}",
                "amount": amount,
                "amount_kind": {"$ifNull": [kind, None]},
                "reason": first_reason(
                    *([(no_debt, NOT_A_DEBT)] if only_debts else []),
                    *_closed(fields.PRODUCT_STATUS, include_closed=include_closed),
                    (is_missing(amount), NO_AMOUNT),
                    ({"$eq": [kind, "LIMIT"]}, CREDIT_LIMIT),
                ),
                **(also or {}),
            }
        },
    ]


def _closed(status: str, *, include_closed: bool) -> list[tuple[Expression, str]]:
    return [] if include_closed else [({"$eq": [f"${status}", "Closed"]}, CLOSED)]
