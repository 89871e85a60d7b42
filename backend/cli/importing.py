"""`openfinance import`: files into the store, with progress, counts, and where the set-aside ones are."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from backend.banks.registry import Registry
from backend.bootstrap import open_store
from backend.ingest.intake import Counts
from backend.ingest.samples import KINDS, FileReport, SampleFile, find_files, import_file
from backend.kernel.errors import InvalidInput
from backend.kernel.settings import Settings

SOME_SET_ASIDE: Final = 1


def import_paths(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders: extended JSON arrays, or NDJSON.")],
    kind: Annotated[
        str | None, typer.Option(help=f"What the files hold, if their names do not tell: {', '.join(KINDS.values())}.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and map, but write nothing.")] = False,
) -> None:
    """Import sample data; a second import of the same files changes nothing.

    Exit code 0 when every record is in, 1 when some were set aside, 2 when the input cannot be used.
    """
    if kind is not None and kind not in KINDS.values():
        raise InvalidInput(f"--kind is one of {', '.join(dict.fromkeys(KINDS.values()))}")
    reports = asyncio.run(run_import(paths, kind=kind, dry_run=dry_run))
    total = show(Console(), reports, dry_run=dry_run)
    raise typer.Exit(SOME_SET_ASIDE if total.quarantined else 0)


async def run_import(paths: list[Path], *, kind: str | None = None, dry_run: bool = False) -> list[FileReport]:
    """Import all ``paths`` with a progress bar on standard error."""
    files = find_files(paths, kind=kind)
    banks = Registry()
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    async with open_store(Settings()) as store:
        with bar:
            tasks = {file: bar.add_task(file.path.name, total=file.size) for file in files}

            def progress(file: SampleFile, position: int) -> None:
                bar.update(tasks[file], completed=position)

            return [await import_file(store, banks, file, dry_run=dry_run, progress=progress) for file in files]


def show(console: Console, reports: list[FileReport], *, dry_run: bool = False) -> Counts:
    """Print what became of every file; the sum over all."""
    total = Counts()
    table = Table(title="Dry run: nothing was written" if dry_run else None, title_justify="left")
    table.add_column("file", overflow="fold")
    for name in ("read", "new", "changed", "same", "quarantined"):
        table.add_column(name, justify="right")
    for report in reports:
        total.add(report.counts)
        table.add_row(Text(report.file.path.name), *_figures(report.counts))
    if len(reports) > 1:
        table.add_section()
        table.add_row("all", *_figures(total))
    console.print(table)
    if total.quarantined:
        _show_problems(console, reports, total, dry_run=dry_run)
    return total


def _figures(counts: Counts) -> tuple[str, ...]:
    figures = (counts.read, counts.new, counts.changed, counts.same, counts.quarantined)
    return tuple(f"{figure:,}" for figure in figures)


def _show_problems(console: Console, reports: list[FileReport], total: Counts, *, dry_run: bool) -> None:
    console.print("Set aside:")
    for report in reports:
        for place, rejected in report.counts.problems:
            why = f"{rejected.code} at {said(rejected.pointer)} – {rejected.reason}"
            # A line each, however narrow the terminal: what one needs to find the record must not be cut off.
            console.print(Text(f"  {report.file.path.name}, {place}: {why}"), soft_wrap=True)
    shown = len(total.problems)
    if total.quarantined > shown:
        console.print(f"… and {total.quarantined - shown:,} more.")
    if not dry_run:
        console.print(
            "They are kept: see [bold]openfinance quarantine[/], and [bold]openfinance quarantine show ID[/] for "
            "the bytes of one.",
            soft_wrap=True,
        )


def said(pointer: str) -> str:
    """A JSON pointer for people."""
    return pointer or "the whole record"
