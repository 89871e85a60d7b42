"""`openfinance db …`: the embedded MongoDB, and any MongoDB made ready for the application."""

import asyncio
import secrets
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from backend.documents.database import COLLECTIONS
from backend.kernel.errors import Misconfigured
from backend.kernel.mongo.client import check_server, connect, uri_for
from backend.kernel.mongo.embedded import APPLICATION, EmbeddedMongo
from backend.kernel.mongo.private import write_private
from backend.kernel.mongo.provision import Report, provision
from backend.kernel.settings import Settings

app = typer.Typer(help="The embedded MongoDB, and any MongoDB made ready.", no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True, markup=False)


@app.command()
def start() -> None:
    """Start the embedded MongoDB; nothing happens if it runs."""
    server = _embedded(_settings_without_uri())
    server.start()
    _console.print(f"MongoDB runs on 127.0.0.1:{server.port}")


@app.command()
def stop() -> None:
    """Stop the embedded MongoDB cleanly; nothing happens if it does not run."""
    _embedded(Settings()).stop()
    _console.print("MongoDB is stopped")


@app.command()
def status() -> None:
    """What the embedded MongoDB is doing."""
    found = _embedded(Settings()).status()
    if found.running:
        _console.print(f"MongoDB {found.version} runs on 127.0.0.1:{found.port}, process {found.pid}")
    else:
        _console.print("MongoDB is stopped")
    _console.print(f"Data: {found.data}")


@app.command()
def uri(*, admin: Annotated[bool, typer.Option("--admin", help="The administrator's instead.")] = False) -> None:
    """Print the connection string of the application. It holds a password."""
    settings = Settings()
    if settings.mongodb_uri:
        prepared = settings.openfinance_home / "application.uri"
        own = settings.mongodb_uri.get_secret_value()
        typer.echo(own if admin or not prepared.exists() else prepared.read_text())
    else:
        credentials = _embedded(settings).start()
        typer.echo(credentials.admin_uri if admin else credentials.application_uri(settings.openfinance_db_name))


@app.command()
def setup() -> None:
    """Make the database ready: collections, validators, indexes and the application's user. Drops nothing."""
    settings = Settings()
    if settings.mongodb_uri:
        _print(asyncio.run(_set_up_own(settings, settings.mongodb_uri.get_secret_value())))
        _console.print(f"The application's MONGODB_URI is in {settings.openfinance_home / 'application.uri'}")
    else:
        credentials = _embedded(settings).start()
        database = settings.openfinance_db_name
        _print(asyncio.run(_set_up(credentials.admin_uri, database, credentials.application_password)))


async def _set_up_own(settings: Settings, admin_uri: str) -> Report:
    database = settings.openfinance_db_name
    file = settings.openfinance_home / "application.uri"
    password = _password_in(file) or secrets.token_urlsafe(32)
    report = await _set_up(admin_uri, database, password)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(file, uri_for(admin_uri, user=APPLICATION, password=password, database=database))
    return report


def _password_in(file: Path) -> str | None:
    """The password of an earlier set-up: a new one would lock out the applications that run with it."""
    return urlsplit(file.read_text()).password if file.exists() else None


async def _set_up(admin_uri: str, database: str, password: str) -> Report:
    async with connect(admin_uri, app_name="openfinance-setup") as client:
        await check_server(client)
        return await provision(client, database, COLLECTIONS, user=APPLICATION, password=password)


def _print(report: Report) -> None:
    for outcome, what in (("created", report.created), ("altered", report.altered)):
        for each in what:
            _console.print(f"{outcome:<8} {each}")
    _console.print(f"{len(report.unchanged)} were as they should be")
    for index in report.undeclared_indexes:
        _console.print(f"index {index} is declared nowhere; drop it by hand if nobody needs it")


def _embedded(settings: Settings) -> EmbeddedMongo:
    return EmbeddedMongo(settings.openfinance_home, settings.embedded_mongodb_port)


def _settings_without_uri() -> Settings:
    settings = Settings()
    if settings.mongodb_uri:
        raise Misconfigured("MONGODB_URI names your own server; unset it to start the embedded one")
    return settings
