"""`openfinance insights`: a person's questions answered as tables."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import typer
from bson import ObjectId
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from backend.bootstrap import open_store
from backend.documents.store import Store
from backend.insights.catalogue import CATALOGUE
from backend.insights.run import Insights
from backend.insights.shapes import (
    Answer,
    BalancesAnswer,
    DebtAnswer,
    GreenAnswer,
    PositionAnswer,
    ProductsAnswer,
)
from backend.kernel.errors import NotFound
from backend.kernel.settings import Settings

_WIDEST: Final = 1000


def insights(
    name: Annotated[str | None, typer.Argument(help="Which insight; none lists them all.")] = None,
    *,
    user: Annotated[str, typer.Option("--user", help="Whose: a user name or id.")] = "",
    currency: Annotated[str | None, typer.Option(help="Only this currency, such as EUR.")] = None,
    institution: Annotated[str | None, typer.Option(help="Only this bank.")] = None,
    accounts: Annotated[str | None, typer.Option(help="Only these account ids, with commas.")] = None,
    products: Annotated[str | None, typer.Option(help="Only these product ids, with commas.")] = None,
    include_closed: Annotated[bool, typer.Option("--include-closed", help="Count closed ones.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as the API gives it.")] = False,
) -> None:
    """Answer a question about one person's accounts and products."""
    console = Console(highlight=False)
    if name is None:
        console.print(_catalogue())
        return
    if not user:
        raise typer.BadParameter("say whose, by user name or id", param_hint="--user")
    asked = {
        "currency": currency,
        "institution": institution,
        "accounts": accounts,
        "products": products,
        "include_closed": "true" if include_closed else None,
    }
    parameters = {parameter: value for parameter, value in asked.items() if value is not None}
    answer = asyncio.run(_answer(name, user, parameters))
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        show(console, answer)


async def _answer(name: str, user: str, parameters: Mapping[str, str]) -> Answer:
    async with open_store(Settings()) as store:
        user_id = await find_user(store, user)
        return await Insights(store.database).answer(name, user_id=user_id, parameters=parameters)


async def find_user(store: Store, user: str) -> ObjectId:
    """The id of the user of this name, or with this id as 24 hexadecimal digits; else NotFound."""
    either: list[dict[str, Any]] = [{"UserName": user}]
    if ObjectId.is_valid(user):
        either.append({"_id": ObjectId(user)})
    found = await store.collection("users").find_one({"$or": either}, {"_id": 1})
    if found is None:
        raise NotFound("There is no user of this name or id")
    user_id: ObjectId = found["_id"]
    return user_id


def show(console: Console, answer: Answer) -> None:
    """Print ``answer``; on a terminal too narrow for its amounts lines break, but no digit is cut off."""
    tables, width = render(answer), console.width
    needed = console.measure(tables, options=console.options.update(width=_WIDEST)).minimum
    # Rich prints no wider than the console is, and shortens what does not fit.
    console.width = max(width, needed)
    console.print(tables, crop=False)
    console.width = width


def render(answer: Answer) -> RenderableType:
    """``answer`` as tables: its figures per currency, what was left out and why, and its sentences."""
    figures = [section.table(getattr(answer, section.rows)) for section in _SECTIONS[type(answer)]]
    sentences = answer.sentences if isinstance(answer, GreenAnswer) else ()
    parts: list[RenderableType] = [
        *(Text(sentence) for sentence in sentences),
        *figures,
        Text(_made_of(answer), style="dim"),
        *([_LEFT_OUT.table(answer.left_out)] if answer.left_out else []),
    ]
    return Group(*parts)


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    cell: Callable[[Any], str]
    justify: Any = "left"
    may_break: bool = False


@dataclass(frozen=True, slots=True)
class _Section:
    """A table: what it is called, which list of the answer it shows, and how."""

    title: str
    rows: str
    columns: Sequence[_Column]

    def table(self, rows: Iterable[Any]) -> Table:
        table = Table(title=self.title, title_justify="left", title_style="bold", header_style="bold")
        for column in self.columns:
            # Rich takes room from columns that may break, and would cut off their longest words.
            overflow: Literal["fold", "ellipsis"] = "fold" if column.may_break else "ellipsis"
            table.add_column(column.heading, justify=column.justify, no_wrap=not column.may_break, overflow=overflow)
        for row in rows:
            # Names come from banks: as Text, nothing in them is taken for markup.
            table.add_row(*(Text(column.cell(row)) for column in self.columns))
        return table


def _text(heading: str, field: str) -> _Column:
    return _Column(heading, lambda row: str(getattr(row, field)))


def _money(heading: str, field: str) -> _Column:
    return _Column(heading, lambda row: str(getattr(row, field).grouped), "right")


def _count(heading: str, field: str) -> _Column:
    return _Column(heading, lambda row: str(getattr(row, field)), "right")


def _percent(heading: str, field: str, *, times: int = 1) -> _Column:
    def cell(row: Any) -> str:
        value: Decimal | None = getattr(row, field)
        return "" if value is None else f"{value * times:.2f} %"

    return _Column(heading, cell, "right")


def _currency(field: str = "total") -> _Column:
    return _Column("Currency", lambda row: str(getattr(row, field).currency))


_BANK: Final = _Column("Bank", lambda row: str(row.bank), may_break=True)
_TYPE: Final = _text("Type", "type")
_TOTAL: Final = _money("Total", "total")
_ACCOUNTS: Final = _count("Accounts", "accounts")
_PRODUCTS: Final = _count("Products", "products")
_NET: Final = (_money("Balance", "balance"), _money("Debt", "debt"), _money("Net", "net"))
_SHARE: Final = (_TOTAL, _money("Green", "green"), _percent("Share", "share", times=100))
_LEFT_OUT: Final = _Section(
    "Left out",
    "left_out",
    (
        _BANK,
        _text("What", "id"),
        _Column("Of", lambda row: str(row.figure).replace("_", " ")),
        _Column("Why", lambda row: str(row.reason), may_break=True),
    ),
)
_SECTIONS: Final[dict[type[Answer], tuple[_Section, ...]]] = {
    BalancesAnswer: (
        _Section(
            "Balances",
            "totals",
            (
                _currency(),
                _money("In credit", "in_credit"),
                _money("Overdrawn", "overdrawn"),
                _TOTAL,
                _ACCOUNTS,
            ),
        ),
        _Section("By bank", "by_institution", (_BANK, _currency(), _TOTAL, _ACCOUNTS)),
        _Section("By type", "by_type", (_TYPE, _currency(), _TOTAL, _ACCOUNTS)),
    ),
    DebtAnswer: (
        _Section("Debt", "totals", (_currency(), _TOTAL, _PRODUCTS)),
        _Section("By bank", "by_institution", (_BANK, _currency(), _TOTAL, _PRODUCTS)),
        _Section("By type", "by_type", (_TYPE, _currency(), _TOTAL, _PRODUCTS)),
    ),
    PositionAnswer: (
        _Section("Position", "totals", (_currency("net"), *_NET, _ACCOUNTS, _PRODUCTS)),
        _Section("By bank", "by_institution", (_BANK, _currency("net"), *_NET)),
    ),
    ProductsAnswer: (
        _Section(
            "Products",
            "by_type",
            (
                _TYPE,
                _currency(),
                _TOTAL,
                _PRODUCTS,
                _percent("Average rate", "average_rate"),
                _percent("Loan to value", "loan_to_value", times=100),
            ),
        ),
        _Section("By bank", "by_institution", (_BANK, _TYPE, _currency(), _TOTAL, _PRODUCTS)),
        _Section(
            "What ends when",
            "ends",
            (
                _text("Ends", "ends_on"),
                _BANK,
                _TYPE,
                _currency("amount"),
                _money("Amount", "amount"),
                _text("Opened", "opened"),
                _count("Months", "months"),
            ),
        ),
    ),
    GreenAnswer: (
        _Section("Under a green narrative", "totals", (_text("Of", "of"), _currency(), *_SHARE)),
        _Section("By bank", "by_institution", (_text("Of", "of"), _BANK, _currency(), *_SHARE)),
    ),
}


def _made_of(answer: Answer) -> str:
    kinds = [item.kind for item in answer.used]
    counted = [_counted(kinds.count(kind), kind) for kind in ("account", "product") if kind in kinds]
    moment = f"{answer.computed_at:%Y-%m-%d %H:%M} UTC"
    return f"Made of {' and '.join(counted) or 'nothing'}, {moment}."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _catalogue() -> RenderableType:
    table = Table(title="Insights", title_justify="left", title_style="bold", header_style="bold")
    table.add_column("Name")
    table.add_column("Question")
    for insight in CATALOGUE:
        table.add_row(insight.name, insight.question)
    table.caption = "openfinance insights NAME --user USER"
    return table
