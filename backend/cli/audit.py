"""`openfinance audit …`: whether the record of what was done is as it was written."""

import asyncio
from typing import Final

import typer
from rich.console import Console

from backend.api.identity.audit import Audit, Survey
from backend.api.identity.checkpoints import FILE_NAME, Checkpoint, Checkpoints, CheckpointsDamaged
from backend.bootstrap import open_store
from backend.kernel.settings import Settings

WRONG: Final = 1
_CHAINS_SHOWN: Final = 20

app = typer.Typer(no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True, markup=False)


@app.callback()
def audit() -> None:
    """The record of what was done: one chain of links for each person."""


@app.command()
def verify() -> None:
    """Check every link of every chain, and that none lost its end since the last time.

    What is right is written down, signed, in audit.checkpoints of OPENFINANCE_HOME; keep a copy of that file
    elsewhere. Exit code 1 when something is wrong, and then nothing is written down.
    """
    raise typer.Exit(asyncio.run(_verify(Settings())))


async def _verify(settings: Settings) -> int:
    async with open_store(settings) as store:
        settings.openfinance_home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Checkpoints.opened(settings.openfinance_home, store.keyed_hash) as checkpoints:
            try:
                known = checkpoints.read()
            except CheckpointsDamaged as damaged:
                _console.print(str(damaged))
                return WRONG
            survey = await Audit(store).verify_all(known.heads)
            if not survey.broken:
                checkpoints.append(survey, known)
    _show(survey, known.last)
    return WRONG if survey.broken else 0


def _show(survey: Survey, last: Checkpoint | None) -> None:
    for chain, seq in list(survey.broken.items())[:_CHAINS_SHOWN]:
        _console.print(f"Chain {chain}: link {seq} was changed or is missing")
    if len(survey.broken) > _CHAINS_SHOWN:
        _console.print(f"… and {len(survey.broken) - _CHAINS_SHOWN:,} more chains")
    compared = f"compared with the checkpoint of {last.at:%Y-%m-%d %H:%M} UTC" if last else "no checkpoint before"
    _console.print(f"{survey.links:,} links of {len(survey.heads):,} chains are as they were written; {compared}")
    if not survey.broken:
        _console.print(f"Written down in {FILE_NAME}")
