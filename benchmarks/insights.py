"""Insights: every question about one person, asked of the same people among ever more others."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from statistics import median
from typing import Any, Final

from backend.documents.store import Store, Stored
from backend.insights.catalogue import CATALOGUE, Insight
from backend.insights.run import Insights
from backend.kernel.mongo.client import connect
from benchmarks import world
from benchmarks.gates import require_index, require_totals
from benchmarks.report import Goal, Row, Spread, held
from benchmarks.stage import Stage
from benchmarks.world import Person
from pipelines.ownership import owned

SMALL: Final = (10_000, 100_000)
FULL: Final = (*SMALL, 1_000_000)
ASKED_ABOUT: Final = 40
CHECKED: Final = 20
FLAT: Final = 1.3

Totals = dict[Any, Decimal]


async def measure(stage: Stage, *, full: bool) -> list[Row]:
    """Milliseconds per question and size. Raises GateFailed for a wrong sum and for a collection scan."""
    sizes, rounds = (FULL, 4) if full else (SMALL, 3)
    people = world.people(sizes[0])[:ASKED_ABOUT]
    async with AsyncExitStack() as opened:
        stores = {size: await opened.enter_async_context(stage.store(f"accounts_{size}")) for size in sizes}
        for size, store in stores.items():
            await world.load(store, world.people(size), tokens=0)
            await require_exact_sums(store, people[:CHECKED])
            await _require_indexes(stage, store, people[0])
        await stage.settle()
        times = [await _round(stage, stores, people) for _ in range(rounds)]
    checked = f"{len(SUMS)} insights at {len(sizes)} sizes"
    return [
        held("totals are the exact sums of the documents", f"{checked}, {CHECKED} people each"),
        held("every part of every plan reads by an index", checked),
        *(_row(insight.name, sizes, times) for insight in CATALOGUE),
    ]


async def require_exact_sums(store: Store, people: Sequence[Person]) -> None:
    """GateFailed unless every insight's totals are what the people's documents add up to, to the cent."""
    insights = Insights(store.database)
    for person in people:
        accounts = await store.collection("external_accounts").find({"AccountUser.UserId": person.id}).to_list()
        products = await store.collection("external_products").find({"ProductCustomer.UserId": person.id}).to_list()
        for name, (found, exact) in SUMS.items():
            answer = await insights.answer(name, user_id=person.id, parameters={})
            require_totals(name, found(answer), exact(accounts, products))


async def _require_indexes(stage: Stage, store: Store, person: Person) -> None:
    async with connect(stage.credentials.admin_uri) as admin:
        for insight in CATALOGUE:
            database = admin[store.database.name]
            explained = await database.command("explain", _command(insight, person), verbosity="queryPlanner")
            require_index(insight.name, explained)


def _command(insight: Insight, person: Person) -> dict[str, Any]:
    stages = owned(insight.collection, insight.stages(insight.asked()), person.id)
    return {"aggregate": insight.collection, "pipeline": stages, "cursor": {}}


async def _round(stage: Stage, stores: Mapping[int, Store], people: Sequence[Person]) -> dict[tuple[str, int], float]:
    """The median milliseconds of every question at every size; sizes take turns person by person."""
    await stage.calm()
    insights = {size: Insights(store.database) for size, store in stores.items()}
    times: dict[tuple[str, int], list[float]] = defaultdict(list)
    for insight in CATALOGUE:
        for person in people:
            for size, asked in insights.items():
                began = time.perf_counter()
                await asked.answer(insight.name, user_id=person.id, parameters={})
                times[insight.name, size].append((time.perf_counter() - began) * 1000)
    return {key: median(values) for key, values in times.items()}


def _row(name: str, sizes: Sequence[int], times: Sequence[Mapping[tuple[str, int], float]]) -> Row:
    first, last = sizes[0], sizes[-1]
    growth = Spread.of([each[name, last] / each[name, first] for each in times], " times")
    columns: dict[str, Spread | str] = {
        f"ms at {size:,}": Spread.of([each[name, size] for each in times]) for size in sizes
    }
    goal = Goal(f"{name}: time at {last:,} accounts to that at {first:,}", growth.median, FLAT, at_most=True)
    title = f"One person's insights, {ASKED_ABOUT} people with 10 to 50 accounts, among ever more others"
    return Row(title, name, columns | {"growth": growth}, (goal,))


def _added(figures: Sequence[tuple[Any, Decimal]]) -> Totals:
    totals: Totals = {}
    for key, amount in figures:
        totals[key] = totals.get(key, Decimal(0)) + amount
    return totals


def _amounts(documents: Sequence[Stored], prefix: str, amount: str) -> list[tuple[Stored, str, Decimal]]:
    """Document, currency and exact amount of all that are not closed and have one."""
    return [
        (document, document[f"{prefix}Currency"], document[amount].to_decimal())
        for document in documents
        if document[f"{prefix}Status"] != "Closed" and document[amount] is not None
    ]


def _balances(accounts: Sequence[Stored], _products: Sequence[Stored]) -> Totals:
    return _added([(currency, amount) for _, currency, amount in _amounts(accounts, "Account", "AccountBalance")])


def _debt(_accounts: Sequence[Stored], products: Sequence[Stored]) -> Totals:
    return _added([(currency, amount) for _, currency, amount in _amounts(products, "Product", "ProductAmount")])


def _position(accounts: Sequence[Stored], products: Sequence[Stored]) -> Totals:
    balances, debts = _balances(accounts, products), _debt(accounts, products)
    return {key: balances.get(key, Decimal(0)) - debts.get(key, Decimal(0)) for key in balances.keys() | debts.keys()}


def _products(_accounts: Sequence[Stored], products: Sequence[Stored]) -> Totals:
    owed = _amounts(products, "Product", "ProductAmount")
    return _added([((document["ProductType"], currency), amount) for document, currency, amount in owed])


def _green(accounts: Sequence[Stored], products: Sequence[Stored]) -> Totals:
    held = [each for each in _amounts(accounts, "Account", "AccountBalance") if each[2] >= 0]
    owed = _amounts(products, "Product", "ProductAmount")
    narrated = [("balance", "GreenAccountNarrative", each) for each in held]
    narrated += [("debt", "GreenProductNarrative", each) for each in owed]
    return _added(
        [
            ((of, currency), amount if spelling in document else Decimal(0))
            for of, spelling, (document, currency, amount) in narrated
        ]
    )


# By insight: the totals that its answer gives, and the same from the documents by plain addition.
SUMS: Final[dict[str, tuple[Callable[[Any], Totals], Callable[[Sequence[Stored], Sequence[Stored]], Totals]]]] = {
    "balances": (lambda answer: {row.total.currency: row.total.amount for row in answer.totals}, _balances),
    "debt": (lambda answer: {row.total.currency: row.total.amount for row in answer.totals}, _debt),
    "position": (lambda answer: {row.net.currency: row.net.amount for row in answer.totals}, _position),
    "products": (
        lambda answer: {(row.type, row.total.currency): row.total.amount for row in answer.by_type},
        _products,
    ),
    "green": (lambda answer: {(row.of, row.green.currency): row.green.amount for row in answer.totals}, _green),
}
