"""`openfinance insights` from a shell: tables for people, JSON for programs, one sentence when it cannot."""

import json

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from backend.cli.insights import insights, render, show
from backend.insights.catalogue import CATALOGUE
from backend.kernel.errors import InvalidInput, NotFound
from tests.builders import account, product
from tests.mongo import KEY_SETTINGS
from tests.sample import PEOPLE, import_sample


@pytest.fixture
async def _sample(store):
    await import_sample(store)


@pytest.fixture
def openfinance(mongo_server, database_name, monkeypatch, tmp_path):
    """Runs the command on the test's database; errors come out as they are."""
    monkeypatch.setenv("MONGODB_URI", mongo_server.application_uri(database_name))
    monkeypatch.setenv("OPENFINANCE_DB_NAME", database_name)
    monkeypatch.setenv("OPENFINANCE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    for name, key in KEY_SETTINGS.items():
        monkeypatch.setenv(name, key)

    command = typer.Typer()
    command.command()(insights)

    def run(*words):
        return CliRunner().invoke(command, words, catch_exceptions=False)

    return run


def _shown(answer):
    console = Console(width=120, record=True, force_terminal=False)
    with console.capture() as captured:
        console.print(render(answer))
    return captured.get()


@pytest.mark.usefixtures("_sample")
@pytest.mark.parametrize("who", ["fridaklo", str(PEOPLE["fridaklo"])])
def test_a_position_is_printed_for_a_name_or_an_id(openfinance, who):
    printed = openfinance("position", "--user", who)
    assert printed.exit_code == 0
    assert [cell.strip() for cell in printed.output.splitlines()[4].strip("│").split("│")] == [
        "USD",
        "29,797.00",
        "54,200.00",
        "-24,403.00",
        "6",
        "2",
    ]


@pytest.mark.usefixtures("_sample")
def test_json_is_the_answer_itself_with_its_parameters(openfinance):
    told = json.loads(openfinance("debt", "--user", "claumon", "--institution", "Green Bank", "--json").stdout)
    assert told["totals"][0]["total"] == {"amount": "82985", "currency": "USD"}
    assert told["parameters"]["institution"] == "Green Bank"


def test_without_a_name_it_lists_the_catalogue(openfinance):
    listed = openfinance().output
    assert all(insight.name in listed and insight.question in listed for insight in CATALOGUE)


def test_without_a_user_it_asks_for_one(openfinance):
    assert openfinance("position").exit_code == 2


@pytest.mark.usefixtures("database")
def test_an_unknown_user_is_not_found(openfinance):
    with pytest.raises(NotFound, match="no user of this name"):
        openfinance("position", "--user", "nobody")


@pytest.mark.usefixtures("_sample")
def test_a_parameter_of_another_insight_is_refused(openfinance):
    with pytest.raises(InvalidInput, match="takes only"):
        openfinance("balances", "--user", "adalove", "--products", "prd_" + "a" * 26)


@pytest.mark.parametrize("insight", CATALOGUE, ids=lambda insight: insight.name)
async def test_every_insight_can_be_drawn(stored, ask, insight):
    await stored(
        account(balance="1234567.5"),
        account(status="Closed"),
        product(amount="7654321"),
        product(status="Closed"),
    )
    shown = _shown(await ask(insight.name))
    assert "1,234,567.50" in shown or "7,654,321.00" in shown
    assert "Left out" in shown
    assert "closed" in shown


async def test_each_currency_has_the_decimals_it_is_used_to_and_loses_none(stored, ask):
    await stored(
        account(balance="5", currency="BHD"),
        account(balance="1000", currency="JPY"),
        account(balance="0.12345", currency="USD"),
    )
    shown = _shown(await ask("balances"))
    assert "5.000" in shown
    assert " 1,000 " in shown
    assert "0.12345" in shown


@pytest.mark.parametrize("columns", [20, 80, 200])
async def test_no_terminal_is_so_narrow_that_a_digit_is_lost(stored, ask, columns):
    bank = "A Bank Of Quite Some Name"
    await stored(account(bank=bank, balance="123456789012.34"), product(bank=bank, amount="98765432109.87"))
    console = Console(width=columns, force_terminal=False)
    with console.capture() as captured:
        show(console, await ask("position"))
    assert "…" not in captured.get()
    assert captured.get().count("123,456,789,012.34") == 2
    assert captured.get().count("24,691,356,902.47") == 2


@pytest.mark.parametrize("insight", ["balances", "green"])
async def test_a_banks_name_may_break_but_is_not_cut(stored, ask, insight):
    bank = "Genossenschaftlichebankfuerweinbau"
    await stored(account(bank=bank, balance="1234567890.12"), account(bank=bank, status="Closed"))
    console = Console(width=80, force_terminal=False)
    with console.capture() as captured:
        show(console, await ask(insight))
    assert "…" not in captured.get()


async def test_a_banks_name_is_printed_and_not_obeyed(stored, ask):
    await stored(account(bank="[red]Bank[/red]"))
    assert "[red]Bank[/red]" in _shown(await ask("balances"))
