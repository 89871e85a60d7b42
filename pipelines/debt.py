"""What is owed on products: per currency, by institution and by product type."""

from collections.abc import Sequence

from pipelines.items import product_items
from pipelines.stages import Stage, left_out, rows, used


def debt(
    *,
    include_closed: bool = False,
    currency: str | None = None,
    institution: str | None = None,
    products: Sequence[str] | None = None,
) -> list[Stage]:
    """Over `external_products`: one document ``{totals, by_institution, by_type, used, left_out}``."""
    total = {"total": "$amount"}
    counts = {"products": 1}
    return [
        *product_items(
            include_closed=include_closed,
            currency=currency,
            institution=institution,
            products=products,
            only_debts=True,
        ),
        {
            "$facet": {
                "totals": rows(amounts=total, counts=counts),
                "by_institution": rows("bank", amounts=total, counts=counts),
                "by_type": rows("type", amounts=total, counts=counts),
                "used": used(amount_kind=1),
                "left_out": left_out(),
            }
        },
    ]
