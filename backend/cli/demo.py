"""`openfinance demo`: the whole thing on this machine, from empty to unified accounts seen through the API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from operator import itemgetter
from typing import Annotated, Any, Final, Literal

import httpx2
import typer
import uvicorn
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from starlette.types import ASGIApp

from backend.api.protocol import SERVER_OPTIONS
from backend.banks.registry import DATA
from backend.bootstrap import api_app
from backend.cli.importing import run_import
from backend.cli.listening import require_free, url
from backend.emulator.app import open_world_server
from backend.emulator.world.building import build
from backend.emulator.world.opening import open_world
from backend.emulator.world.reading import World, read_world
from backend.ingest.intake import Counts
from backend.kernel.errors import Misconfigured
from backend.kernel.settings import Settings

SAMPLE: Final = DATA / "sample"
PEOPLE: Final = ("fridaklo", "gracehop", "adalove", "claumon")
_START_SECONDS: Final = 30


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after printing instead of running on.")] = False,
) -> None:
    """Start MongoDB, import data/sample, open the emulated banks, serve the API, show four people's accounts."""
    asyncio.run(_demo(Console(), once=once))


async def _demo(console: Console, *, once: bool) -> None:
    settings = Settings()
    for port, setting in ((settings.port, "PORT"), (settings.world_port, "WORLD_PORT")):
        require_free(settings.host, port, setting=setting)
    total = Counts()
    for report in await run_import([SAMPLE]):
        total.add(report.counts)
    console.print(
        f"[green]✓[/] MongoDB runs. data/sample: {total.read} records, {total.new} new, {total.changed} changed, "
        f"{total.same} the same, {total.quarantined} set aside.",
        soft_wrap=True,
    )
    async with AsyncExitStack() as stack:
        world = await _build_world(console)
        banks = await stack.enter_async_context(open_world_server(settings, world, port=settings.world_port))
        await stack.enter_async_context(_served(banks, settings.host, settings.world_port, lifespan="off"))
        streets = ", ".join(bank.name for bank in world.banks.values())
        console.print(f"[green]✓[/] {len(world.banks)} emulated banks are open: {streets}.", soft_wrap=True)
        # Access logs would stand between the tables.
        api = api_app(settings.model_copy(update={"log_level": "WARNING"}))
        base = await stack.enter_async_context(_served(api, settings.host, settings.port))
        console.print(f"[green]✓[/] The API answers at {base}\n")
        async with httpx2.AsyncClient(base_url=base) as client:
            await _show(console, client, _tokens())
        if not once:
            _say_where(console, base, world, settings.world_port)
            await asyncio.Event().wait()


async def _build_world(console: Console) -> World:
    world = read_world()
    with console.status("Building the emulated banks' customers and two years of their lives …"):
        async with open_world(Settings()) as opened:
            async for _ in build(world, opened.platform.ledger, opened.database):
                pass
    return world


@asynccontextmanager
async def _served(app: ASGIApp, host: str, port: int, *, lifespan: Literal["on", "off"] = "on") -> AsyncIterator[str]:
    """``app`` on its port, in this process, until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, lifespan=lifespan, **SERVER_OPTIONS))
    running = asyncio.create_task(server.serve())
    try:
        for _ in range(_START_SECONDS * 20):
            if server.started or running.done():
                break
            await asyncio.sleep(0.05)
        if not server.started:
            raise Misconfigured(f"Nothing started on port {port}; run `openfinance serve` to see why")
        yield url(host, port)
    finally:
        server.should_exit = True
        await running


def _tokens() -> dict[str, str]:
    """The demo tokens of the four people, which data/sample gives away on purpose."""
    path = SAMPLE / "open_finance.tokens.json"
    return {token["UserName"]: token["BearerToken"] for token in json.loads(path.read_text(encoding="utf-8"))}


async def _show(console: Console, client: httpx2.AsyncClient, tokens: dict[str, str]) -> None:
    accounts = _table("Unified accounts", "user", "bank", "account", "number", figures=("balance",))
    products = _table("Products", "user", "bank", "product", "contract", figures=("owed", "rate %"))
    totals = _table("Position", "user", figures=("total balance", "total debt", "net worth"))
    green = _table("Under a green narrative", "user", "of", figures=("green", "total", "share"))
    for person in PEOPLE:
        ask = _Asker(client, tokens[person])
        await _add_holdings(ask, person, accounts, products)
        for row in (await ask("/api/v1/insights/position"))["totals"]:
            totals.add_row(person, *(_money(**row[part]) for part in ("balance", "debt", "net")))
        for row in (await ask("/api/v1/insights/green"))["totals"]:
            green.add_row(person, row["of"], _money(**row["green"]), _money(**row["total"]), _percent(row["share"]))
        green.add_section()
    for table in (accounts, products, totals, green):
        console.print(table)


def _table(title: str, *texts: str, figures: tuple[str, ...]) -> Table:
    table = Table(*texts, title=title, title_justify="left", title_style="bold")
    for name in figures:
        table.add_column(name, justify="right")
    return table


class _Asker:
    """Asks the API as one person."""

    def __init__(self, client: httpx2.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def __call__(self, path: str) -> Any:
        answer = await self._client.get(path, headers=self._headers)
        answer.raise_for_status()
        return answer.json()


async def _add_holdings(ask: _Asker, person: str, accounts: Table, products: Table) -> None:
    by_bank = itemgetter("AccountBank", "AccountType", "AccountNumberMasked")
    for account in sorted((await ask("/api/v1/accounts"))["data"], key=by_bank):
        accounts.add_row(
            person,
            escape(account["AccountBank"]),
            account["AccountType"],
            escape(account["AccountNumberMasked"] or "–"),
            _money(account["AccountBalance"], account["AccountCurrency"]),
        )
    for product in (await ask("/api/v1/products"))["data"]:
        products.add_row(
            person,
            escape(product["ProductBank"]),
            product["ProductType"],
            escape(product["ContractNumber"] or "–"),
            _money(product["ProductAmount"], product["ProductCurrency"]),
            product["ProductInterestRate"] or "–",
        )
    accounts.add_section()
    products.add_section()


def _percent(share: str | None) -> str:
    return f"{Decimal(share):.2%}" if share is not None else "–"


def _money(amount: str | None, currency: str) -> str:
    return f"{Decimal(amount):,f} {currency}" if amount is not None else "not stated"


def _say_where(console: Console, base: str, world: World, world_port: int) -> None:
    green, frida = world.banks["green-bank"], world.personas["fridaklo"]
    console.print(
        f"""
Running until Ctrl-C:
  API      {base}/api/v1/accounts   (curl -H "Authorization: Bearer $TOKEN")
  OpenAPI  {base}/openapi.json
  Tokens   data/sample/open_finance.tokens.json holds one for each sample person
  Banks    http://{green.host}:{world_port} and others; {frida.user_name} logs in with "{frida.password}"
           openfinance world show | clock --advance 30d | fault --list""",
        highlight=False,
        soft_wrap=True,
    )
