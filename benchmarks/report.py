"""What a benchmark tells: rows of figures, goals reached or not, and gates that must hold."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any, Self

from rich.console import Console
from rich.table import Table


class GateFailed(AssertionError):
    """Something measured does not answer rightly, so that its speed means nothing."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of the rounds, and the lowest and highest of them, in ``unit`` (which follows the number).

    A ``brief`` one is shown by its median alone; the other two are in the JSON.
    """

    median: float
    low: float
    high: float
    unit: str = ""
    brief: bool = False

    @classmethod
    def of(cls, values: Sequence[float], unit: str = "", *, brief: bool = False) -> Self:
        """The spread of at least one value."""
        return cls(median(values), min(values), max(values), unit, brief)

    def __str__(self) -> str:
        shown = _number(self.median)
        low, high = _number(self.low), _number(self.high)
        middle = f"{shown}{self.unit}"
        return middle if self.brief or low == high else f"{middle} ({low}–{high})"


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio we want to reach: at least ``wanted``, or with ``at_most`` no more than it."""

    sentence: str
    reached: float
    wanted: float
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the ratio is on the right side."""
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted

    def __str__(self) -> str:
        bound = "at most" if self.at_most else "at least"
        return f"{'✓' if self.is_met else '✗'} {self.sentence}: {self.reached:.2f} ({bound} {self.wanted:g})"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of ``table``: what was measured, its figures by column, and the goals that hang on it.

    Rows of one table stand together and have the same columns in the same order; a column may be missing.
    """

    table: str
    name: str
    figures: Mapping[str, Spread | str]
    goals: tuple[Goal, ...] = field(default=())


def held(gate: str, checked: str) -> Row:
    """The line that says of a gate that it held, and what was checked."""
    return Row("Gates that held", gate, {"checked": checked})


def show(console: Console, rows: Sequence[Row]) -> None:
    """Print the tables, and under each its goals; a goal that is missed is no failure."""
    for title, group in groupby(rows, key=lambda row: row.table):
        lines = list(group)
        columns = list(dict.fromkeys(column for row in lines for column in row.figures))
        table = Table(title=title, title_justify="left", title_style="bold")
        table.add_column("", no_wrap=True)
        for column in columns:
            table.add_column(column, justify="right")
        for row in lines:
            table.add_row(row.name, *(str(row.figures.get(column, "")) for column in columns))
        console.print(table)
        for goal in _goals(lines):
            console.print(f"  {goal}", style="green" if goal.is_met else "yellow", highlight=False)
        console.print()


def write_json(path: Path, rows: Sequence[Row], **facts: Any) -> None:
    """The same figures for machines, with the ``facts`` of the run."""
    goals = [asdict(goal) | {"is_met": goal.is_met} for goal in _goals(rows)]
    lines = [{name: value for name, value in asdict(row).items() if name != "goals"} for row in rows]
    path.write_text(json.dumps(facts | {"rows": lines, "goals": goals}, indent=2) + "\n", encoding="utf-8")


def _goals(rows: Sequence[Row]) -> Iterator[Goal]:
    return (goal for row in rows for goal in row.goals)


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
