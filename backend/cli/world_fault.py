"""`openfinance world fault`: let an emulated bank misbehave, see what is set, and end it."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from backend.emulator.faults.kinds import kinds
from backend.emulator.faults.opening import open_faults
from backend.emulator.faults.packs import packs
from backend.emulator.faults.rules import LONGEST_SECONDS, Rule
from backend.emulator.world.reading import read_world
from backend.kernel.clock import now
from backend.kernel.errors import InvalidInput
from backend.kernel.settings import Settings

_console = Console(highlight=False, soft_wrap=True)


def fault(
    bank: Annotated[str | None, typer.Argument(help="Its id, such as green-bank.", show_default=False)] = None,
    *,
    kind: Annotated[str | None, typer.Option(help="A fault on the wire; see --list.")] = None,
    pack: Annotated[str | None, typer.Option(help="A way to misbehave in what is said; see --list.")] = None,
    call: Annotated[str, typer.Option(help="Which calls: `GET /v1/accounts/{account}/*`.")] = "/*",
    count: Annotated[int | None, typer.Option(min=1, help="End after so many times.")] = None,
    probability: Annotated[float, typer.Option(min=0, max=1, help="How likely each time, from 0 to 1.")] = 1,
    seed: Annotated[str, typer.Option(help="What chance is derived from.")] = "leafy-harbour",
    seconds: Annotated[
        float | None, typer.Option(min=0, max=LONGEST_SECONDS, help="How long, for kinds that take time or tell one.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="End after so long.")] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="End it: one kind or pack, or all; one bank's, or all.")
    ] = False,
    list_all: Annotated[bool, typer.Option("--list", help="All kinds and packs, and what is set where.")] = False,
) -> None:
    """Let a bank misbehave; without --kind or --pack, show what is set."""
    if kind and pack:
        raise InvalidInput("Give --kind or --pack, not both; the command may be repeated")
    if bank:
        _check_bank(bank)
    named = _checked(kind, pack)
    if clear:
        gone = asyncio.run(_clear(bank, named))
        _console.print(f"{gone} {'rule' if gone == 1 else 'rules'} cleared")
        return
    if named:
        if not bank:
            raise InvalidInput("Name the bank that is to misbehave, such as `openfinance world fault green-bank`")
        rule = _rule(
            bank=bank, fault=named, call=call, count=count, probability=probability, seed=seed, seconds=seconds,
            ends_at=now() + timedelta(minutes=minutes) if minutes is not None else None,
        )  # fmt: skip
        asyncio.run(_set(rule))
    rules = asyncio.run(_rules(bank))
    _console.print(Group(_kinds_table(), _packs_table(), _rules_table(rules)) if list_all else _rules_table(rules))


def _check_bank(bank: str) -> None:
    banks = read_world().banks
    if bank not in banks:
        raise InvalidInput(f"There is no bank of that name; there are {', '.join(sorted(banks))}")


def _checked(kind: str | None, pack: str | None) -> str | None:
    if kind and kind not in kinds():
        raise InvalidInput(f"There is no kind of that name; there are {', '.join(sorted(kinds()))}")
    if pack and pack not in packs():
        raise InvalidInput(f"There is no pack of that name; there are {', '.join(sorted(packs()))}")
    return kind or pack


def _rule(**facts: object) -> Rule:
    try:
        return Rule.model_validate(facts)
    except ValidationError as error:
        issue = error.errors()[0]
        raise InvalidInput(f"--{issue['loc'][0]}: {issue['msg']}") from error


def _kinds_table() -> Table:
    table = Table("kind", "what happens", title="On the wire (--kind)")
    for name, kind in sorted(kinds().items()):
        table.add_row(name, kind.says)
    return table


def _packs_table() -> Table:
    table = Table("pack", "what the bank does", title="In what is said (--pack)")
    for name, pack in packs().items():
        table.add_row(name, pack.says)
    return table


def _rules_table(rules: list[Rule]) -> Table | str:
    if not rules:
        return "No bank misbehaves"
    table = Table("bank", "fault", "calls", "chance", "ends", "fired", title="Set now")
    at = now()
    for rule in rules:
        chance = f"{rule.probability:.0%}" if rule.probability < 1 else "always"
        table.add_row(rule.bank, rule.fault, escape(rule.call), chance, _end(rule, at), f"{rule.fired}")
    return table


def _end(rule: Rule, at: datetime) -> str:
    if rule.is_over(at):
        return "over"
    ends = [f"after {rule.count}"] if rule.count else []
    ends += [f"at {rule.ends_at:%H:%M:%S} UTC"] if rule.ends_at else []
    return " or ".join(ends) or "when cleared"


async def _set(rule: Rule) -> None:
    async with open_faults(Settings()) as store:
        await store.put(rule)


async def _clear(bank: str | None, named: str | None) -> int:
    async with open_faults(Settings()) as store:
        return await store.clear(bank, named)


async def _rules(bank: str | None) -> list[Rule]:
    async with open_faults(Settings()) as store:
        return await store.all(bank)
