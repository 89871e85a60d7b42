"""`openfinance doctor`: what this installation found, and what to do about what is not right."""

import asyncio
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.banks.registry import Registry
from backend.bootstrap import open_store
from backend.kernel.errors import OpenFinanceError
from backend.kernel.keys import load_keys
from backend.kernel.mongo.client import server_version
from backend.kernel.settings import Settings

NOT_WELL: Final = 1
# 6.0 is the floor of the features we use; its own support ended in July 2025, so it serves laptops and tests.
_SUPPORTED_MAJOR: Final = 7


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    found: str
    well: bool = True


def doctor() -> None:
    """Look at everything the installation needs. Exit code 1 when something is not right."""
    settings = Settings()
    findings = [
        Finding("Python", platform.python_version()),
        _try("keys", lambda: _keys(settings)),
        _try("banks", lambda: f"{len(Registry().banks())} rows in data/banks"),
        _try("MongoDB", lambda: asyncio.run(_database(settings))),
    ]
    table = Table("", "what", "found")
    for finding in findings:
        table.add_row("[green]✓[/]" if finding.well else "[bold red]✗[/]", finding.what, Text(finding.found))
    Console().print(table)
    raise typer.Exit(0 if all(finding.well for finding in findings) else NOT_WELL)


def _try(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, look())
    except OpenFinanceError as error:
        return Finding(what, str(error), well=False)


def _keys(settings: Settings) -> str:
    load_keys(settings)
    generated = [
        name for name, key in (("MASTER_KEY", settings.master_key), ("HASH_KEY", settings.hash_key)) if key is None
    ]
    if not generated:
        return "from the settings"
    return (
        f"{' and '.join(generated)} generated in {settings.openfinance_home}; back them up, without them data is lost"
    )


async def _database(settings: Settings) -> str:
    async with open_store(settings) as store:
        version = await server_version(store.client)
    where = "MONGODB_URI" if settings.mongodb_uri else f"embedded, 127.0.0.1:{settings.embedded_mongodb_port}"
    advice = "" if int(version.split(".")[0]) >= _SUPPORTED_MAJOR else "; for laptops and tests, not for production"
    return f"{version} ({where}), collections and indexes as declared{advice}"
