"""The catalogue: every question that can be asked, with its pipeline, its parameters and its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backend.insights.parameters import Asked, AskedOfAccounts, AskedOfBoth, AskedOfProducts
from backend.insights.shapes import (
    Answer,
    BalancesAnswer,
    DebtAnswer,
    GreenAnswer,
    PositionAnswer,
    ProductsAnswer,
)
from pipelines import fields
from pipelines.balances import balances
from pipelines.debt import debt
from pipelines.green import green
from pipelines.position import position
from pipelines.products import products
from pipelines.stages import Stage


@dataclass(frozen=True, slots=True)
class Insight:
    """One question. ``pipeline`` takes what ``asked`` holds, runs on ``collection``, gives one document."""

    name: str
    question: str
    collection: str
    pipeline: Callable[..., list[Stage]]
    asked: type[Asked]
    answer: type[Answer]

    def stages(self, asked: Asked) -> list[Stage]:
        """The pipeline for these parameters, for whoever owns the documents."""
        return self.pipeline(**dict(asked))


CATALOGUE: Final[tuple[Insight, ...]] = (
    Insight(
        "balances",
        "How much is on the accounts, at which banks and on what kinds of account?",
        fields.ACCOUNTS,
        balances,
        AskedOfAccounts,
        BalancesAnswer,
    ),
    Insight(
        "debt",
        "How much is owed, to which banks and on what kinds of product?",
        fields.PRODUCTS,
        debt,
        AskedOfProducts,
        DebtAnswer,
    ),
    Insight(
        "position",
        "What remains of the balances when all debts are taken off, in total and at each bank?",
        fields.ACCOUNTS,
        position,
        AskedOfBoth,
        PositionAnswer,
    ),
    Insight(
        "products",
        "Which products are there, at what rates, against what property, and what ends when?",
        fields.PRODUCTS,
        products,
        AskedOfProducts,
        ProductsAnswer,
    ),
    Insight(
        "green",
        "How much of the money and of the debt stands under a green narrative?",
        fields.ACCOUNTS,
        green,
        AskedOfBoth,
        GreenAnswer,
    ),
)
