"""`openfinance`: every command, and the one place where an error becomes a sentence and an exit code."""

import re
import sys
from typing import Final

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from backend.cli import audit, db, ledger, quarantine, users, world
from backend.cli.demo import demo
from backend.cli.doctor import doctor
from backend.cli.importing import import_paths
from backend.cli.insights import insights
from backend.cli.serve import openapi, serve
from backend.cli.world_fault import fault
from backend.cli.world_serve import serve as serve_world
from backend.kernel.errors import Misconfigured, OpenFinanceError
from backend.kernel.log import configure
from backend.kernel.settings import Settings

# Exit codes: 0 done, 1 done but something was set aside, 2 not done.
UNUSABLE: Final = 2
_SUBJECT: Final = re.compile(r"^(Input|String|Value)\b")

commands = typer.Typer(
    help="Connect to any bank, keep every payload, serve one truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
commands.add_typer(db.app, name="db")
commands.add_typer(users.app, name="users")
commands.add_typer(audit.app, name="audit")
commands.add_typer(quarantine.app, name="quarantine")
world.commands.command("serve")(serve_world)
world.commands.command("fault")(fault)
commands.add_typer(world.commands, name="world")
commands.add_typer(ledger.commands, name="ledger")
commands.command("import")(import_paths)
commands.command()(insights)
commands.command()(serve)
commands.command()(openapi)
commands.command()(demo)
commands.command()(doctor)


def app() -> None:
    """Run a command; what goes wrong in a way we know is one sentence on standard error and exit code 2."""
    try:
        configure(_settings().log_level)
        commands()
    except OpenFinanceError as error:
        # As Text, because a sentence may hold a path, which is not markup.
        sentence = Text.assemble(("✗", "bold red"), f" {error}")
        Console(stderr=True).print(sentence, highlight=False, soft_wrap=True)
        sys.exit(UNUSABLE)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        raise Misconfigured("; ".join(_wrong(each["loc"], each["msg"]) for each in error.errors())) from None


def _wrong(place: tuple[int | str, ...], says: str) -> str:
    """Which variable is wrong and what it takes, without its value, which may be a secret."""
    field = str(place[0])
    means = (Settings.model_fields[field].description or "").rstrip(".")
    return f"{_SUBJECT.sub(field.upper(), says)} ({means})"
