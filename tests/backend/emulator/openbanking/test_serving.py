"""`openfinance world serve` as an operator starts it, on databases of the standard names."""

import asyncio
import shutil
import signal
import subprocess
import sys

import httpx2
import pytest

from backend.emulator import faults
from backend.emulator.app import open_world_server
from backend.emulator.ledger import schema as ledger_schema
from backend.emulator.oauth import services as oauth
from backend.emulator.openbanking import terms
from backend.emulator.openbanking.third_parties import read_third_parties
from backend.emulator.world import schema
from backend.emulator.world.reading import DATA, read_world
from backend.kernel.errors import Misconfigured
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from backend.kernel.settings import Settings
from tests import mongo

DATABASES = {
    ledger_schema.DATABASE: ledger_schema.COLLECTIONS,
    schema.DATABASE: schema.COLLECTIONS,
    oauth.DATABASE_NAME: oauth.COLLECTIONS,
    terms.DATABASE: terms.COLLECTIONS,
    faults.DATABASE: faults.COLLECTIONS,
}
OPENFINANCE = (sys.executable, "-c", "from backend.cli.main import app; app()")


@pytest.fixture
def installation(mongo_server, tmp_path, monkeypatch):
    """An installation on an operator's own server, made ready and without a world; its rows."""
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

    rows = tmp_path / "rows"
    rows.mkdir()
    for name in ("world", "merchants", "mikko.laine"):
        shutil.copy(DATA / f"{name}.toml", rows)
    asyncio.run(prepare())
    yield rows
    asyncio.run(clear())


async def test_without_a_world_there_is_nothing_to_serve(mongo_server, client, tmp_path):
    settings = Settings(openfinance_home=tmp_path, mongodb_uri=mongo_server.application_uri("nowhere"))
    with pytest.raises(Misconfigured):
        async with open_world_server(settings, read_world(), port=8004):
            pass


@pytest.mark.xdist_group("bank_ledger")
def test_an_operator_serves_the_banks_until_interrupted(installation):
    where, port = ("--rows", str(installation)), mongo.free_port()
    early = subprocess.run([*OPENFINANCE, "world", "serve", *where], capture_output=True, check=False)
    assert early.returncode == 2
    assert b"openfinance world build" in early.stderr
    subprocess.run([*OPENFINANCE, "world", "build", *where], capture_output=True, check=True)
    command = [*OPENFINANCE, "world", "serve", "--port", f"{port}", *where]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as serving:
        for line in serving.stdout:
            if b"otso-bank" in line:
                break
        street, nobody = asyncio.run(calls(port))
        serving.send_signal(signal.SIGINT)
        assert serving.wait(20) == 0
    assert f'href="http://otso-bank.localhost:{port}/"' in street.text
    assert (nobody.status_code, nobody.json()["type"]) == (401, "SECURITY")


async def calls(port):
    """The list of banks, and what nobody is told at one of them."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        for _ in range(100):
            try:
                street = await http.get("/")
                break
            except httpx2.ConnectError:
                await asyncio.sleep(0.1)
        return street, await http.get("/accounts-psd2/v1/accounts", headers={"Host": f"otso-bank.localhost:{port}"})


def test_rows_of_third_parties_that_cannot_be_used_are_told(tmp_path):
    file = tmp_path / "third_parties.toml"
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_third_parties(file)
    file.write_text('[[third_parties]]\nclient_id = "one"\nname = "One"\nsecret = "short"\n')
    with pytest.raises(Misconfigured, match="third_parties"):
        read_third_parties(file)
