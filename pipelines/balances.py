"""What there is on the accounts: per currency, by institution and by account type."""

from collections.abc import Sequence

from pipelines.items import account_items
from pipelines.stages import Stage, left_out, rows, used, when


def balances(
    *,
    include_closed: bool = False,
    currency: str | None = None,
    institution: str | None = None,
    accounts: Sequence[str] | None = None,
) -> list[Stage]:
    """Over `external_accounts`: one document ``{totals, by_institution, by_type, used, left_out}``.

    An overdrawn account lowers the total; ``in_credit`` and ``overdrawn`` show both sides of it. Every
    field it reads is in the index `owner_balances`, so no document is fetched.
    """
    total = {"total": "$amount"}
    sides = {
        "in_credit": when({"$gt": ["$amount", 0]}, "$amount"),
        "overdrawn": when({"$lt": ["$amount", 0]}, "$amount"),
    }
    counts = {"accounts": 1}
    return [
        *account_items(include_closed=include_closed, currency=currency, institution=institution, accounts=accounts),
        {
            "$facet": {
                "totals": rows(amounts=total | sides, counts=counts),
                "by_institution": rows("bank", amounts=total, counts=counts),
                "by_type": rows("type", amounts=total, counts=counts),
                "used": used(),
                "left_out": left_out(),
            }
        },
    ]
