"""`openfinance world …`: the emulated banks' customers, built, shown, aged and taken down."""

import asyncio
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from backend.emulator.world.advancing import Advanced, TimeGoingOn
from backend.emulator.world.building import Built
from backend.emulator.world.building import build as build_world
from backend.emulator.world.clock import WorldClock
from backend.emulator.world.opening import open_world
from backend.emulator.world.opening import reset as reset_world
from backend.emulator.world.reading import DATA, World, read_world
from backend.emulator.world.showing import Holding, holdings
from backend.kernel.errors import InvalidInput
from backend.kernel.settings import Settings

_STEP: Final = re.compile(r"([1-9][0-9]{0,3})(h|d|w)\Z")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

_Rows = Annotated[Path, typer.Option("--rows", help="The folder in which the world is written down.", exists=True)]

commands = typer.Typer(help="The emulated banks' customers: built, shown, aged, taken down.", no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True)


@commands.command()
def build(rows: _Rows = DATA) -> None:
    """Build banks, customers and two years of their lives; nothing happens if the world stands."""
    world = read_world(rows)
    started = time.monotonic()
    built = asyncio.run(_build(world))
    if not built:
        _console.print("The world stands already")
        return
    table = Table("persona", "accounts", "booked", "pending", title="The world")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in built:
        table.add_row(each.persona, f"{each.accounts}", f"{each.booked:,}", f"{each.pending}")
    _console.print(table)
    entries = sum(each.booked for each in built)
    took = time.monotonic() - started
    _console.print(
        f"{len(world.banks)} banks, {len(built)} personas, {entries:,} entries in {took:.1f} s; "
        f"it is {world.starts:%Y-%m-%d %H:%M} UTC there"
    )


@commands.command()
def show(rows: _Rows = DATA) -> None:
    """Show banks, customers and their accounts with balances, and the products with what is outstanding."""
    _console.print(asyncio.run(_show(read_world(rows))))


@commands.command()
def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete the world and its ledger, with everything that was ever booked there."""
    if not yes:
        typer.confirm("Delete all emulated customers, accounts and entries?", abort=True)
    asyncio.run(reset_world(Settings()))
    _console.print("The world is gone; `openfinance world build` makes it anew")


@commands.command()
def clock(
    advance: Annotated[str | None, typer.Option(help="Let time go on: 12h, 30d or 4w.")] = None,
    rows: _Rows = DATA,
) -> None:
    """Tell what time it is in the world; with --advance, let time go on and everything happen that falls due."""
    step = parse_step(advance) if advance else None
    done = asyncio.run(_clock(read_world(rows), step))
    if done.booked or done.held or done.declined:
        _console.print(f"{done.booked:,} entries booked, {done.held:,} holds placed, {done.declined:,} declined")
    _console.print(f"It is {done.now:%Y-%m-%d %H:%M} UTC in the world")


def parse_step(text: str) -> timedelta:
    """``30d`` as thirty days, ``12h`` as hours, ``4w`` as weeks; InvalidInput for all else."""
    found = _STEP.match(text)
    if not found:
        raise InvalidInput("--advance takes a number and h, d or w, such as 30d")
    return int(found[1]) * _UNITS[found[2]]


async def _build(world: World) -> list[Built]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    done: list[Built] = []
    async with open_world(Settings()) as opened:
        with Progress(*columns, console=_console, transient=True) as progress:
            task = progress.add_task("Building the world")
            making = build_world(world, opened.platform.ledger, opened.database)
            async for built in making:
                done.append(built)
                progress.update(task, description=f"{built.persona}: {built.booked:,} entries")
    return done


async def _show(world: World) -> Table:
    async with open_world(Settings()) as opened:
        now = await WorldClock(opened.database).now()
        table = Table("bank", "persona", "account", "number", title=f"The world on {now:%Y-%m-%d %H:%M} UTC")
        table.add_column("balance", justify="right")
        table.add_column("held", justify="right")
        table.add_column("", justify="left")
        bank = None
        async for holding in holdings(world, opened.platform.ledger, opened.database):
            if bank not in (None, holding.bank):
                table.add_section()
            table.add_row("" if holding.bank == bank else holding.bank, *_cells(holding))
            bank = holding.bank
    return table


def _cells(holding: Holding) -> tuple[str, ...]:
    amount = f"{holding.amount:,.2f}"
    shown = f"[dim]owes[/] {amount}" if holding.is_product else amount
    held = f"{holding.held:,.2f}" if holding.held else ""
    return holding.persona, holding.name, holding.number, shown, held, holding.currency


async def _clock(world: World, step: timedelta | None) -> Advanced:
    async with open_world(Settings()) as opened:
        if step is None:
            return Advanced(await WorldClock(opened.database).now())
        platform = opened.platform
        going_on = TimeGoingOn(world, platform.client, platform.database, opened.database)
        return await going_on.advance(step)
