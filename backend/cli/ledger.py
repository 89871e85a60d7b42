"""`openfinance ledger …`: the emulated banks' books, served, proved and mended."""

import asyncio
from typing import Annotated, Final

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from backend.emulator.ledger.api import create_ledger_app
from backend.emulator.ledger.callers import SignedOwner, owner_token
from backend.emulator.ledger.journal import Stored
from backend.emulator.ledger.opening import open_platform
from backend.emulator.ledger.outbox import dead_letters as load_dead_letters
from backend.emulator.ledger.outbox import replay as replay_letter
from backend.emulator.ledger.platform import SERVICES
from backend.emulator.ledger.verify import Report
from backend.emulator.ledger.verify import verify as verify_books
from backend.kernel.errors import InvalidInput
from backend.kernel.ids import KeyedHash
from backend.kernel.keys import load_keys
from backend.kernel.settings import Settings

FAULTY: Final = 1
_FAULTS_SHOWN: Final = 20

commands = typer.Typer(help="The emulated banks' books: served, proved and mended.", no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True)


@commands.command()
def verify() -> None:
    """Prove the books: hashes, debits = credits, balances, holds, no message lost. Exit code 1 names what is wrong."""
    report = asyncio.run(_verify())
    _console.print(
        f"{report.transactions:,} transactions on {report.accounts:,} accounts, {report.holds:,} holds; "
        f"{sum(report.waiting.values()):,} messages on their way, {report.dead_letters:,} set aside"
    )
    for fault in report.faults[:_FAULTS_SHOWN]:
        _console.print(f"[bold red]✗[/] {fault}")
    if len(report.faults) > _FAULTS_SHOWN:
        _console.print(f"… and {len(report.faults) - _FAULTS_SHOWN:,} more")
    if report.is_clean:
        _console.print("[bold green]✓[/] the books are right")
    raise typer.Exit(0 if report.is_clean else FAULTY)


@commands.command()
def serve(
    service: Annotated[
        list[str] | None, typer.Option(help=f"Only this service (may be repeated): {', '.join(SERVICES)}.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8010,
    bank: Annotated[str, typer.Option(help="The bank of accounts opened here.")] = "leafy-bank",
) -> None:
    """Serve the platform's API and carry its messages, until interrupted."""
    if service and not set(service) <= set(SERVICES):
        raise InvalidInput(f"--service is one of {', '.join(SERVICES)}")
    asyncio.run(_serve(tuple(service or SERVICES), host, port, bank))


@commands.command()
def token(owner: Annotated[str, typer.Argument(help="Whose requests they will be.")]) -> None:
    """Print a bearer token for the served API. It is a secret."""
    typer.echo(owner_token(_hashes(Settings()), owner))


@commands.command("dead-letters")
def dead_letters() -> None:
    """List the messages that no try could deliver, and why."""
    letters = asyncio.run(_dead_letters())
    table = Table("letter", "consumer", "type", "reason", "set aside")
    for letter in letters:
        parked_at = f"{letter['parked_at']:%Y-%m-%d %H:%M:%S}"
        table.add_row(letter["_id"], letter["consumer"], letter["message"]["type"], letter["reason"], parked_at)
    _console.print(table if letters else "No message was set aside")


@commands.command()
def replay(letter: Annotated[str, typer.Argument(help="As `openfinance ledger dead-letters` shows it.")]) -> None:
    """Put a dead letter back on its way; the service must be running to receive it."""
    asyncio.run(_replay(letter))
    _console.print("It is on its way again")


async def _verify() -> Report:
    async with open_platform(Settings()) as platform:
        return await verify_books(platform.client, platform.database)


async def _serve(services: tuple[str, ...], host: str, port: int, bank: str) -> None:
    settings = Settings()
    async with open_platform(settings) as platform:
        app = create_ledger_app(platform, SignedOwner(_hashes(settings)), bank=bank, services=services)
        config = uvicorn.Config(
            app, host=host, port=port, log_level="warning", server_header=False, proxy_headers=False
        )
        _console.print(f"{', '.join(services)} on http://{host}:{port}")
        await uvicorn.Server(config).serve()


async def _dead_letters() -> list[Stored]:
    async with open_platform(Settings()) as platform:
        return await load_dead_letters(platform.database)


async def _replay(letter: str) -> None:
    async with open_platform(Settings()) as platform:
        await replay_letter(platform.client, platform.database, letter)


def _hashes(settings: Settings) -> KeyedHash:
    return KeyedHash(load_keys(settings).hash)
