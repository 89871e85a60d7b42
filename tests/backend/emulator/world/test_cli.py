"""`openfinance world …` as an operator sees it, on databases of the standard names."""

import asyncio
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from backend.cli.world import commands, parse_step
from backend.emulator.ledger import schema as ledger_schema
from backend.emulator.world import schema
from backend.kernel.errors import InvalidInput, Misconfigured
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision

DATABASES = {ledger_schema.DATABASE: ledger_schema.COLLECTIONS, schema.DATABASE: schema.COLLECTIONS}


@pytest.fixture
def installation(mongo_server, tmp_path, monkeypatch):
    """An installation on an operator's own server, made ready and without a world."""
    monkeypatch.setenv("OPENFINANCE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MONGODB_URI", mongo_server.admin_uri)

    async def prepare():
        async with connect(mongo_server.admin_uri) as client:
            for name, specs in DATABASES.items():
                await client.drop_database(name)
                password = mongo_server.application_password
                await provision(client, name, specs, user=APPLICATION, password=password)

    async def clear():
        async with connect(mongo_server.admin_uri) as client:
            for name in DATABASES:
                await client.drop_database(name)
                await client[name].command("dropAllUsersFromDatabase")

    asyncio.run(prepare())
    yield
    asyncio.run(clear())


def run(*arguments):
    result = CliRunner().invoke(commands, arguments, terminal_width=200)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.mark.xdist_group("bank_ledger")
def test_an_operator_builds_shows_ages_and_resets_a_world(installation, rows):
    where = ("--rows", str(rows("mikko.laine")))
    with pytest.raises(Misconfigured, match="openfinance world build"):
        run("show", *where)
    built = run("build", *where)
    assert "mikko.laine" in built
    assert "7 banks, 1 personas" in built
    assert "stands already" in run("build", *where)
    shown = run("show", *where)
    assert "3,960.05" in shown
    assert "62,400.00" in shown
    assert "FI" in shown
    aged = run("clock", "--advance", "30d", *where)
    assert "0 declined" in aged
    assert "2026-12-01 00:00 UTC" in aged
    assert "61,9" in run("show", *where)
    assert "2026-12-01" in run("clock", *where)
    assert "gone" in run("reset", "--yes")
    assert "1 personas" in run("build", *where)


@pytest.mark.xdist_group("bank_ledger")
def test_a_world_is_not_reset_without_a_yes(installation, rows):
    where = ("--rows", str(rows("mikko.laine", months=1)))
    run("build", *where)
    refused = CliRunner().invoke(commands, ["reset"], input="n\n")
    assert refused.exit_code == 1
    assert "2026-11-01" in run("clock", *where)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "step"), [("30d", timedelta(days=30)), ("12h", timedelta(hours=12)), ("4w", timedelta(weeks=4))]
)
def test_steps_are_written_with_a_unit(text, step):
    assert parse_step(text) == step


@pytest.mark.unit
@pytest.mark.parametrize("text", ["30", "d", "-3d", "0d", "3 d", "3m", "99999d", "٣d", "3d\n"])
def test_anything_else_is_no_step(text):
    with pytest.raises(InvalidInput, match="such as 30d"):
        parse_step(text)
