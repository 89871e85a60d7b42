"""Postings a second: the ledger's group commit beside one bare MongoDB transaction for each posting.

Both acknowledge by majority and journal. Ours writes the hash-chained journal, the balances and the outbox, and checks
funds; the bare one does the least that is right: guarded debit, credit, a journal and an outbox document, four
statements (three for a deposit, which has no account to debit). Rounds are interleaved. The books are proved before
anything is measured and after it.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import uvloop
from bson.decimal128 import Decimal128
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from rich.console import Console

from backend.emulator.ledger.errors import InsufficientFunds
from backend.emulator.ledger.platform import Platform
from backend.emulator.ledger.port import Ledger, NewAccount
from backend.emulator.ledger.schema import COLLECTIONS
from backend.emulator.ledger.verify import verify
from backend.kernel.clock import now
from backend.kernel.money import Money
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from benchmarks.report import GateFailed, Goal, Row, Spread, held, show
from benchmarks.stage import mongo

TABLE: Final = "Postings a second"
OURS: Final = "bench_ledger"
BARE: Final = "bench_bare_ledger"
CALLERS: Final = (1, 8, 32)
AMOUNT: Final = Money.of("0.01", "EUR")
RICH: Final = Money.of("1000000", "EUR")
SPREAD_GOAL, HOT_GOAL, P99_GOAL_MS = 3, 10, 50
_CENT: Final = Decimal128("0.01")
_MINUS_CENT: Final = Decimal128("-0.01")

# Posts once: the number of the posting tells which accounts.
Post = Callable[[int], Awaitable[Any]]


@dataclass(slots=True)
class Cell:
    """One way to post: what, over which accounts, by whom, with how many callers; and what came of it."""

    kind: str
    shape: str
    callers: int
    who: str
    post: Post
    rates: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def what(self) -> tuple[str, str, int]:
        """What two cells have in common that are compared."""
        return self.kind, self.shape, self.callers


async def measure(uri: str, *, full: bool) -> list[Row]:
    """The rows, from the mongod where ``uri`` is an administrator's; GateFailed if the books are not right."""
    rounds, seconds, accounts = (4, 3.0, 10_000) if full else (3, 0.2, 1_000)
    async with connect(uri) as client, _databases(client):
        platform = Platform(client, client[OURS])
        await _gate(platform)
        ids = await _open_accounts(platform.ledger, accounts)
        bare = Bare(client, ids)
        await bare.prepare()
        cells = [cell for callers in CALLERS for cell in _cells(platform.ledger, bare, ids, callers)]
        for number in range(rounds):
            for cell in cells if number % 2 else reversed(cells):
                await _round(cell, seconds)
        proved = await _proved(platform)
    return [*_rows(cells), held("ledger", proved)]


class Bare:
    """One transaction for each posting, as the driver's documentation writes it."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]], accounts: list[str]) -> None:
        self._client = client
        self._database = client[BARE]
        self._accounts = accounts

    async def prepare(self) -> None:
        """Balances, and the index by which a journal is read."""
        rich = Decimal128(RICH.amount)
        await self._database["balances"].insert_many([{"_id": each, "booked": rich} for each in self._accounts])
        await self._database["journal"].create_index("legs.account")
        await self._database.create_collection("outbox")

    async def deposit(self, credit: str) -> None:
        """Three statements."""
        await self._post([{"account": "SYSTEM_CASH", "amount": _MINUS_CENT}, {"account": credit, "amount": _CENT}])

    async def transfer(self, debit: str, credit: str) -> None:
        """Four statements."""
        await self._post([{"account": debit, "amount": _MINUS_CENT}, {"account": credit, "amount": _CENT}])

    async def _post(self, legs: list[dict[str, Any]]) -> None:
        database = self._database

        async def act(session: AsyncClientSession) -> None:
            debit, credit = (leg["account"] for leg in legs)
            if debit != "SYSTEM_CASH":
                covered = {"_id": debit, "booked": {"$gte": _CENT}}
                done = await database["balances"].update_one(
                    covered, {"$inc": {"booked": _MINUS_CENT}}, session=session
                )
                if not done.matched_count:
                    raise InsufficientFunds
            await database["balances"].update_one({"_id": credit}, {"$inc": {"booked": _CENT}}, session=session)
            posting = {"legs": legs, "currency": "EUR", "booked_at": now()}
            await database["journal"].insert_one(dict(posting), session=session)
            await database["outbox"].insert_one({"type": "TRANSFER_EVENT", "data": posting}, session=session)

        async with self._client.start_session() as session:
            await session.with_transaction(act)


def _cells(ledger: Ledger, bare: Bare, ids: list[str], callers: int) -> list[Cell]:
    def spread(number: int) -> tuple[str, str]:
        # Steps coprime to the number of accounts visit them all.
        return ids[number * 37 % len(ids)], ids[(number * 37 + 501) % len(ids)]

    def hot(number: int) -> tuple[str, str]:
        return ids[0], ids[1 + number * 37 % (len(ids) - 1)]

    def deposits(pick: Callable[[int], tuple[str, str]]) -> dict[str, Post]:
        return {
            "ours": lambda number: ledger.deposit(pick(number)[0], AMOUNT),
            "bare": lambda number: bare.deposit(pick(number)[0]),
        }

    def transfers(pick: Callable[[int], tuple[str, str]]) -> dict[str, Post]:
        return {
            "ours": lambda number: ledger.transfer(debit=pick(number)[0], credit=pick(number)[1], amount=AMOUNT),
            "bare": lambda number: bare.transfer(*pick(number)),
        }

    return [
        Cell(kind, shape, callers, who, post)
        for kind, ways in (("deposit", deposits), ("transfer", transfers))
        for shape, pick in (("spread", spread), ("hot", hot))
        for who, post in ways(pick).items()
    ]


async def _round(cell: Cell, seconds: float) -> None:
    """Let the callers post for so long; a call that began in time is counted, and the time it took as well."""
    began = time.perf_counter()
    count = 0

    async def caller() -> None:
        nonlocal count
        while (start := time.perf_counter()) - began < seconds:
            count += 1
            await cell.post(count)
            cell.latencies_ms.append((time.perf_counter() - start) * 1000)

    await asyncio.gather(*(caller() for _ in range(cell.callers)))
    cell.rates.append(count / (time.perf_counter() - began))


def _rows(cells: list[Cell]) -> list[Row]:
    by_what: dict[tuple[str, str, int], dict[str, Cell]] = {}
    for cell in sorted(cells, key=lambda cell: (cell.kind, cell.shape, cell.callers)):
        by_what.setdefault(cell.what, {})[cell.who] = cell
    return [_row(pair["ours"], pair["bare"]) for pair in by_what.values()]


def _row(ours: Cell, bare: Cell) -> Row:
    name = f"{ours.kind}, {ours.shape}, {ours.callers} {'caller' if ours.callers == 1 else 'callers'}"
    rate, bare_rate = Spread.of(ours.rates, "/s"), Spread.of(bare.rates, "/s")
    times = rate.median / bare_rate.median
    p99 = _percentile(ours.latencies_ms, 0.99)
    figures = {
        "group commit": rate,
        "p50": Spread.of([_percentile(ours.latencies_ms, 0.5)], " ms"),
        "p99": Spread.of([p99], " ms"),
        "bare transaction": bare_rate,
        "its p99": Spread.of([_percentile(bare.latencies_ms, 0.99)], " ms"),
        "times": Spread.of([times], "x"),
    }
    if ours.callers != CALLERS[-1]:
        return Row(TABLE, name, figures)
    wanted = HOT_GOAL if ours.shape == "hot" else SPREAD_GOAL
    goals = (
        Goal(f"{name}, as many times the bare transaction", times, wanted),
        Goal(f"{name}, p99 in ms", p99, P99_GOAL_MS, at_most=True),
    )
    return Row(TABLE, name, figures, goals)


def _percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


async def _gate(platform: Platform) -> None:
    """With funds for half of them, exactly half of many parallel withdrawals succeed."""
    account = (await _open_accounts(platform.ledger, 1, Money.of("1000", "EUR")))[0]
    ten = Money.of("10", "EUR")
    calls = (platform.ledger.withdraw(account, ten) for _ in range(200))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    done = sum(not isinstance(outcome, BaseException) for outcome in outcomes)
    left = (await platform.ledger.balance(account)).booked
    if done != 100 or left:
        raise GateFailed(f"Of 200 withdrawals of 10 from 1000, {done} succeeded and {left} is left")
    await _proved(platform)


async def _proved(platform: Platform) -> str:
    report = await verify(platform.client, platform.database)
    if not report.is_clean:
        raise GateFailed(str(report.faults[0]))
    return f"{report.transactions:,} transactions on {report.accounts:,} accounts proved from their journal"


async def _open_accounts(ledger: Ledger, count: int, balance: Money = RICH) -> list[str]:
    wanted = [NewAccount(owner=f"o{number}", bank="bench", name="Bench", currency="EUR") for number in range(count)]
    opened: list[str] = []
    for start in range(0, count, 100):
        page = await asyncio.gather(*(ledger.open_account(each) for each in wanted[start : start + 100]))
        opened += [account["_id"] for account in page]
    await asyncio.gather(*(ledger.deposit(account, balance) for account in opened))
    return opened


@asynccontextmanager
async def _databases(admin: AsyncMongoClient[dict[str, Any]]) -> AsyncIterator[None]:
    """Both databases, new; gone afterwards."""
    for name in (OURS, BARE):
        await admin.drop_database(name)
    await provision(admin, OURS, COLLECTIONS, user=APPLICATION, password="of no use")  # noqa: S106 - nobody logs in
    yield
    for name in (OURS, BARE):
        await admin.drop_database(name)


def main() -> int:
    """Measure on a mongod of our own and print; 1 if the books were not right."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    parser.add_argument("--full", action="store_true", help="10 000 accounts and longer rounds")
    full = parser.parse_args().full
    console = Console()
    console.width = max(console.width, 160)
    try:
        with mongo(cache_gb=1.0, patience_seconds=10.0) as stage:
            show(console, uvloop.run(measure(stage.credentials.admin_uri, full=full)))
    except GateFailed as failed:
        console.print(f"[bold red]✗ The books were not right, so the figures mean nothing:[/] {failed}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
