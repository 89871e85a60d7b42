"""`openfinance world serve`: all emulated banks, with their pages, tokens and APIs, at one port."""

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated, Final

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from backend.emulator.app import open_world_server
from backend.emulator.world.reading import DATA, World, read_world
from backend.kernel.settings import Settings

_HOST: Final = "127.0.0.1"
_console = Console(highlight=False, soft_wrap=True)


def serve(
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on, at this machine only; WORLD_PORT by default.", min=1, max=65535),
    ] = None,
    rows: Annotated[
        Path, typer.Option("--rows", help="The folder in which the world is written down.", exists=True)
    ] = DATA,
) -> None:
    """Serve all emulated banks until Ctrl-C; the world has to be built before."""
    settings = Settings()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(settings, read_world(rows), port or settings.world_port))


async def _serve(settings: Settings, world: World, port: int) -> None:
    async with open_world_server(settings, world, port=port) as server:
        table = Table("bank", "address", "speaks", title="The emulated banks")
        for bank in world.banks.values():
            table.add_row(bank.name, f"http://{bank.host}:{port}", bank.dialect)
        _console.print(table)
        config = uvicorn.Config(
            server, host=_HOST, port=port, log_level="warning", server_header=False, proxy_headers=False
        )
        await uvicorn.Server(config).serve()
