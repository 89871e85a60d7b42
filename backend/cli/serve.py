"""`openfinance serve` runs the API; `openfinance openapi` writes down what it offers."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Final

import typer
import uvicorn
from rich.console import Console

from backend.api.protocol import SERVER_OPTIONS
from backend.bootstrap import api_app, open_services
from backend.cli.listening import require_free, url
from backend.kernel.settings import Settings

OPENAPI: Final = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
_console = Console(highlight=False, soft_wrap=True, markup=False)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; HOST by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; PORT by default.", min=1, max=65535)] = None,
    workers: Annotated[int, typer.Option(help="Processes that answer.", min=1, max=64)] = 1,
    behind_proxy: Annotated[
        str | None, typer.Option(help="Addresses of proxies whose X-Forwarded-For is believed, comma-separated.")
    ] = None,
) -> None:
    """Run the API until Ctrl-C."""
    settings = Settings()
    host, port = host or settings.host, port or settings.port
    require_free(host, port, setting="PORT")
    # Once before uvicorn, which tells of trouble by a traceback, and before workers start an embedded MongoDB each.
    asyncio.run(_try(settings))
    _console.print(f"The API listens on {url(host, port)}")
    uvicorn.run(
        "backend.bootstrap:api_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        forwarded_allow_ips=behind_proxy,
        **SERVER_OPTIONS | {"proxy_headers": behind_proxy is not None},
    )


async def _try(settings: Settings) -> None:
    async with open_services(settings):
        pass


def openapi(
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file is up to date.")] = False,
) -> None:
    """Write docs/openapi.json. Needs no server."""
    document = openapi_text()
    if not check:
        OPENAPI.parent.mkdir(exist_ok=True)
        OPENAPI.write_text(document, encoding="utf-8")
        _console.print(f"Wrote {OPENAPI}")
    elif not OPENAPI.exists() or OPENAPI.read_text(encoding="utf-8") != document:
        _console.print(f"{OPENAPI} is out of date; run `make golden` and read the difference")
        raise typer.Exit(1)


def openapi_text() -> str:
    """The OpenAPI document as it is kept: sorted and indented, with a newline at the end."""
    return json.dumps(api_app().openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
