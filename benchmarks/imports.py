"""Imports: files of records through the whole intake, beside a bare `insert_many` of the same documents."""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from backend.banks.registry import Registry
from backend.documents.store import Store, Stored
from backend.ingest.intake import Counts
from backend.ingest.samples import SampleFile, import_file
from benchmarks import world
from benchmarks.gates import require_counts
from benchmarks.report import Row, Spread, held
from benchmarks.stage import Stage, cpu_seconds

FRESH: Final = "import, all new"
SAME: Final = "import again, all the same"
RAW: Final = "limit: insert_many of the same, w:majority"
COUNTED: Final = ("new", "changed", "same", "quarantined")
# People of one round are nobody's of another: a person's data key is made once, and that is part of the work.
_APART: Final = 10_000_000

Figures = dict[str, dict[str, list[float]]]


async def measure(stage: Stage, *, full: bool) -> list[Row]:
    """Rows per second. Raises GateFailed unless a second import finds nothing new and nothing changed."""
    rows, rounds = (100_000, 4) if full else (5_000, 3)
    figures: Figures = defaultdict(lambda: defaultdict(list))
    count = 0
    for number in range(rounds):
        people = world.people(rows, first=_APART * (number + 1))
        file = stage.home / "bench.external_accounts.ndjson"
        count = _write(file, people)
        await _round(stage, number, SampleFile(file, "accounts"), count, figures)
    title = f"Import of {count:,} accounts from a file, and the raw payloads, balances and keys that go with them"
    gate = held("a second import finds 0 new and 0 changed", f"{count:,} records, {rounds} times")
    return [gate, *(Row(title, name, _columns(figures, name)) for name in (FRESH, RAW, SAME))]


async def _round(stage: Stage, number: int, file: SampleFile, count: int, figures: Figures) -> None:
    nothing = dict.fromkeys(COUNTED, 0)
    async with stage.store(f"import_{number}") as store, stage.store(f"raw_{number}") as bare:
        for name, expected in ((FRESH, "new"), (SAME, "same")):
            await stage.calm()
            with Timed(stage, figures[name], count):
                report = await import_file(store, Registry(), file)
            require_counts(name, _counted(report.counts), nothing | {expected: count})
            if name == FRESH:
                documents = await store.collection("external_accounts").find().to_list()
                await stage.calm()
                with Timed(stage, figures[RAW], count):
                    await _insert(bare, documents)


async def _insert(store: Store, documents: Sequence[Stored]) -> None:
    for start in range(0, len(documents), world.BATCH):
        await store.collection("external_accounts").insert_many(documents[start : start + world.BATCH], ordered=False)


class Timed:
    """Notes how fast the block was, and what it cost us and mongod for each row."""

    def __init__(self, stage: Stage, into: dict[str, list[float]], rows: int) -> None:
        self._mongod = stage.mongod
        self._into = into
        self._rows = rows

    def __enter__(self) -> None:
        self._before = self._now()

    def __exit__(self, *_: object) -> None:
        wall, own, mongod = (now - then for now, then in zip(self._now(), self._before, strict=True))
        self._into["rows/s"].append(self._rows / wall)
        self._into["own µs"].append(own * 1e6 / self._rows)
        self._into["mongod µs"].append(mongod * 1e6 / self._rows)

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.process_time(), cpu_seconds(self._mongod)


def _write(file: Path, people: Sequence[world.Person]) -> int:
    records = [world.account_record(person, which) for person in people for which in range(person.accounts)]
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(record)}\n" for record in records)
    return len(records)


def _counted(counts: Counts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in COUNTED}


def _columns(figures: Figures, name: str) -> dict[str, Spread | str]:
    pairs = zip(figures[name]["rows/s"], figures[RAW]["rows/s"], strict=True)
    columns: dict[str, Any] = {column: Spread.of(values) for column, values in figures[name].items()}
    return columns | {"of the limit": Spread.of([100 * rate / limit for rate, limit in pairs], " %")}
