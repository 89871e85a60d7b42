import asyncio
import fcntl
import re

import pytest
import typer
from typer.testing import CliRunner

from backend.cli.world_fault import fault
from backend.emulator.faults import COLLECTIONS, DATABASE, FaultStore
from backend.emulator.faults.kinds import kinds
from backend.emulator.faults.packs import packs
from backend.kernel.errors import InvalidInput
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from tests import mongo

commands = typer.Typer()
commands.command()(fault)


@pytest.fixture
def stored(mongo_server, tmp_path, tmp_path_factory, monkeypatch):
    """An installation whose rules have the standard database, as an operator sees it; what is stored there."""
    monkeypatch.setenv("OPENFINANCE_HOME", str(tmp_path))
    monkeypatch.setenv("MONGODB_URI", mongo_server.application_uri(DATABASE))

    async def as_admin(act):
        async with connect(mongo_server.admin_uri) as client:
            return await act(client)

    async def prepare(client):
        await provision(client, DATABASE, COLLECTIONS, user=APPLICATION, password=mongo_server.application_password)
        await mongo.empty(client, DATABASE)

    # All workers share the server and this name, so one at a time.
    with (tmp_path_factory.getbasetemp().parent / f"{DATABASE}-{mongo_server.port}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(as_admin(prepare))
        yield lambda: asyncio.run(as_admin(lambda client: FaultStore(client[DATABASE]).all()))


def run(*arguments):
    result = CliRunner().invoke(commands, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def in_one_line(table):
    """What a table says, however narrow it is."""
    return " ".join(re.sub(r"[│┃\n]", " ", table).split())


def test_an_operator_sets_sees_and_clears(stored):
    assert "No bank misbehaves" in run().output
    shown = run("green-bank", "--kind", "timeout", "--count", "3", "--call", "GET /accounts/{account}/*").output
    shown = in_one_line(shown)
    assert all(word in shown for word in ("green-bank", "timeout", "after 3", "GET /accounts/{account}/*"))
    run("green-bank", "--pack", "ids-reissued")
    assert "5%" in run("otso-bank", "--kind", "reset", "--probability", "0.05", "--minutes", "10").output
    assert [(rule.bank, rule.fault, rule.count) for rule in stored()] == [
        ("green-bank", "ids-reissued", None),
        ("green-bank", "timeout", 3),
        ("otso-bank", "reset", None),
    ]
    assert "1 rule cleared" in run("green-bank", "--pack", "ids-reissued", "--clear").output
    assert "2 rules cleared" in run("--clear").output
    assert stored() == []


def test_the_list_has_every_kind_and_pack_with_its_sentence_and_what_is_set(stored):
    run("severn-bank", "--pack", "next-null")
    listed = in_one_line(run("--list").output)
    for name, each in (*kinds().items(), *packs().items()):
        assert name in listed
        assert each.says in listed
    assert "severn-bank" in listed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("no-bank", "--kind", "reset"), "no bank of that name; there are .*green-bank"),
        (("green-bank", "--kind", "ids-reissued"), "no kind of that name; there are .*timeout"),
        (("green-bank", "--pack", "timeout"), "no pack of that name; there are .*ids-reissued"),
        (("green-bank", "--kind", "reset", "--pack", "no-ids"), "not both"),
        (("--kind", "reset"), "Name the bank"),
        (("green-bank", "--kind", "reset", "--probability", "0"), "--probability"),
        (("green-bank", "--kind", "reset", "--call", "everything"), "A call is"),
    ],
)
def test_what_cannot_be_set_is_told_and_nothing_is(stored, arguments, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        run(*arguments)
    assert stored() == []
