import asyncio
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from backend.cli.ledger import commands
from backend.emulator.ledger.platform import Platform
from backend.emulator.ledger.schema import COLLECTIONS, DEAD_LETTERS, LEDGER_OUTBOX
from backend.kernel.errors import InvalidInput
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from tests.backend.emulator.ledger.builders import account


@pytest.fixture
def installation(mongo_server, tmp_path, monkeypatch):
    """An installation whose ledger has the standard name, as an operator sees it; what is done to it by hand."""
    monkeypatch.setenv("OPENFINANCE_HOME", str(tmp_path))
    monkeypatch.setenv("MONGODB_URI", mongo_server.application_uri("bank_ledger"))

    async def as_admin(act):
        async with connect(mongo_server.admin_uri) as client:
            return await act(client)

    async def prepare(client):
        await client.drop_database("bank_ledger")
        password = mongo_server.application_password
        await provision(client, "bank_ledger", COLLECTIONS, user=APPLICATION, password=password)
        return await account(Platform(client, client["bank_ledger"]).ledger, "10")

    opened = asyncio.run(as_admin(prepare))

    async def clear(client):
        await client.drop_database("bank_ledger")
        await client["bank_ledger"].command("dropAllUsersFromDatabase")

    yield SimpleNamespace(account=opened, by_hand=lambda act: asyncio.run(as_admin(act)))
    asyncio.run(as_admin(clear))


def run(*arguments):
    return CliRunner().invoke(commands, arguments, terminal_width=200)


@pytest.mark.xdist_group("bank_ledger")
def test_an_operator_proves_the_books_and_mends_a_dead_letter(installation):
    proved = run("verify")
    assert (proved.exit_code, "the books are right" in proved.output) == (0, True)
    assert "No message was set aside" in run("dead-letters").output

    async def park(client):
        record = await client["bank_ledger"][LEDGER_OUTBOX].find_one_and_delete({})
        letter = {"_id": f"{record['_id']}:query", "outbox": LEDGER_OUTBOX, "consumer": "query", "message": record}
        del record["pending"]
        facts = {"reason": "KeyError", "parked_at": record["timestamp"]}
        await client["bank_ledger"][DEAD_LETTERS].insert_one(letter | facts)
        return letter["_id"]

    letter = installation.by_hand(park)
    assert "DEPOSIT_EVENT" in run("dead-letters").output
    assert run("replay", letter).exit_code == 0
    assert "2 messages on their way, 0 set aside" in run("verify").output

    async def lose(client):
        await client["bank_ledger"]["ledger_balances"].update_one(
            {"_id": installation.account}, {"$inc": {"seq": 1}}, bypass_document_validation=True
        )

    installation.by_hand(lose)
    proved = run("verify")
    assert (proved.exit_code, f"ledger_balances {installation.account}" in proved.output) == (1, True)


def test_a_token_is_the_owners_and_a_service_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENFINANCE_HOME", str(tmp_path))
    first, other = run("token", "frida").output, run("token", "grace").output
    assert first.startswith("frida.")
    assert first.partition(".")[2] != other.partition(".")[2]
    assert isinstance(run("serve", "--service", "cards").exception, InvalidInput)
