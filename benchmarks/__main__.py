"""`python -m benchmarks`: gates first, then figures; ends with 1 only when an answer was wrong."""

import argparse
import platform
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil
import uvloop
from rich.console import Console

from benchmarks import banks, imports, insights, reads
from benchmarks.report import GateFailed, Row, show, write_json
from benchmarks.stage import CALM_CORES, PortTaken, Stage, busy_cores, mongo

SECTIONS: Final = ("reads", "import", "insights", "ledger", "banks")
LEDGER: Final = "benchmarks.ledger"
WIDTH: Final = 160
GATE_FAILED: Final = 1
NOT_RUN: Final = 2


def main() -> int:
    """The exit code: 0 measured, 1 a gate failed, 2 nothing could be measured."""
    options = _options()
    console = Console()
    if not console.is_terminal:  # into a file there is room for the tables
        console.width = WIDTH
    try:
        with mongo(cache_gb=4.0 if options.full else 1.0, patience_seconds=500.0 if options.full else 10.0) as stage:
            uvloop.run(_run(console, stage, options))
    except GateFailed as failed:
        console.print(f"[bold red]✗ A gate failed; no figure of this run means anything:[/] {failed}", highlight=False)
        return GATE_FAILED
    except PortTaken as taken:
        console.print(f"[bold red]✗[/] {taken}", highlight=False)
        return NOT_RUN
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="a million accounts, longer rounds; takes many minutes")
    parser.add_argument("--only", choices=SECTIONS, help="measure this alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    return parser.parse_args()


async def _run(console: Console, stage: Stage, options: argparse.Namespace) -> None:
    rows: list[Row] = []
    seconds: dict[str, float] = {}
    others = await busy_cores(0.5)
    console.print(f"{_machine()}; {others:.2f} cores busy with other work when we began.", highlight=False)
    if others > CALM_CORES:
        console.print("[yellow]Expect noise:[/] requests/s and p99 suffer from other work; run again when it is quiet.")
    for section in SECTIONS:
        if options.only in (None, section):
            began = time.monotonic()
            found = await _section(section, stage, full=options.full)
            seconds[section] = time.monotonic() - began
            show(console, found)
            rows += found
    took = ", ".join(f"{section} {spent:.0f}" for section, spent in seconds.items())
    console.print(f"Every gate held. Seconds: {took}.", highlight=False)
    console.print("Medians of interleaved rounds (lowest–highest); ratios of one run count, absolute figures do not.")
    if options.json:
        write_json(options.json, rows, machine=_machine(), full=options.full, other_cores_at_start=others)


async def _section(section: str, stage: Stage, *, full: bool) -> list[Row]:
    measured = {"reads": reads.measure, "import": imports.measure, "insights": insights.measure, "banks": banks.measure}
    if section in measured:
        return await measured[section](stage, full=full)
    if find_spec(LEDGER) is None:
        return []
    rows: list[Row] = await import_module(LEDGER).measure(stage.credentials.admin_uri, full=full)
    return rows


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"Python {platform.python_version()}, {psutil.cpu_count()} cores, {memory:.0f} GiB"


if __name__ == "__main__":
    sys.exit(main())
