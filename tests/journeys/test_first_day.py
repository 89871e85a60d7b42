"""The first day of a newcomer: the commands of the README, in processes of their own, on a server of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from pymongo import MongoClient

from backend.kernel.mongo.embedded import EmbeddedMongo
from tests.backend.ingest.conftest import SAMPLE, account_record
from tests.mongo import free_port
from tests.sample import GOLDEN

OPENFINANCE = Path(sys.executable).with_name("openfinance")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def machine(tmp_path):
    """A machine without a `.openfinance`: environment for the commands, and the server stopped at the end."""
    home, port = tmp_path / "home", free_port()
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")} | {
        "OPENFINANCE_HOME": str(home),
        "EMBEDDED_MONGODB_PORT": str(port),
        "PORT": str(free_port()),
        "COLUMNS": "160",
        "PYTHONUTF8": "1",
    }
    yield environment
    EmbeddedMongo(home, port).stop()


def started(machine, *arguments, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [OPENFINANCE, *arguments],
        env=machine,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def run(machine, *arguments) -> tuple[int, str, str]:
    process = started(machine, *arguments)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def server(machine) -> EmbeddedMongo:
    return EmbeddedMongo(Path(machine["OPENFINANCE_HOME"]), int(machine["EMBEDDED_MONGODB_PORT"]))


def shown(amount) -> str:
    return f"{amount:,} USD"


def files_below(folder: Path):
    return (path for path in folder.rglob("*") if path.is_file())


def test_the_demo_shows_the_golden_totals_and_leaves_no_token_anywhere(machine):
    code, out, err = run(machine, "demo", "--once")
    assert (code, err) == (0, "")
    for person, (balance, debt, net) in GOLDEN.items():
        row = next(line for line in out.splitlines() if person in line and shown(net) in line)
        assert shown(balance) in row
        assert shown(debt) in row
    server(machine).stop()
    tokens = [token["BearerToken"].encode() for token in json.loads((SAMPLE / "open_finance.tokens.json").read_text())]
    for path in files_below(Path(machine["OPENFINANCE_HOME"])):
        content = path.read_bytes()
        assert not any(token in content for token in tokens), path


def test_importing_from_the_command_line_ends_with_counts_and_the_right_exit_code(machine, tmp_path):
    records = [account_record(AccountNumber=str(n)) for n in range(100_000_000, 100_000_010)]
    del records[4]["AccountCurrency"]
    file = tmp_path / "external_accounts.ndjson"
    file.write_text("\n".join(json.dumps(record) for record in records))
    code, out, _ = run(machine, "import", str(file))
    assert code == 1
    assert "/AccountCurrency" in out
    assert "line 5" in out
    code, _, err = run(machine, "import", str(tmp_path / "nowhere"))
    assert code == 2
    assert err.count("\n") == 1
    code, out, _ = run(machine, "import", str(SAMPLE))
    assert code == 0
    assert "quarantined" in out


def test_an_import_goes_on_where_mongod_was_killed_and_everything_is_there_once(machine, tmp_path):
    file = tmp_path / "external_accounts.ndjson"
    people = [{"UserName": f"user{n:03}", "UserId": {"$oid": f"{n + 1:024x}"}} for n in range(50)]
    with file.open("w") as out:
        for n in range(10_000):
            record = account_record(AccountNumber=str(100_000_000 + n), AccountUser=people[n % 50])
            out.write(json.dumps(record) + "\n")
    run(machine, "db", "setup")
    credentials = server(machine).start()
    importing = started(machine, "import", str(file))
    with MongoClient(credentials.admin_uri, directConnection=True) as admin:
        accounts = admin["open_finance"]["external_accounts"]
        while accounts.estimated_document_count() < 3_000:
            time.sleep(0.02)
    os.kill(server(machine).status().pid, signal.SIGKILL)
    _, err = importing.communicate(timeout=120)
    assert importing.returncode == 2
    assert "Traceback" not in err
    code, out, err = run(machine, "import", str(file))
    assert code == 0, err
    with MongoClient(credentials.admin_uri, directConnection=True) as admin:
        database = admin["open_finance"]
        assert database["external_accounts"].count_documents({}) == 10_000
        assert database["external_balances"].count_documents({}) == 10_000
        assert len(database["external_accounts"].distinct("AccountId")) == 10_000
    code, out, _ = run(machine, "import", str(file))
    figures = out.splitlines()[3].replace("│", " ").split()
    assert figures[1:] == ["10,000", "0", "0", "10,000", "0"]


def test_insights_from_the_command_line_are_the_same_totals(machine):
    run(machine, "import", str(SAMPLE))
    code, out, err = run(machine, "insights", "position", "--user", "claumon", "--json")
    assert code == 0, err
    (total,) = json.loads(out)["totals"]
    assert {part: total[part]["amount"] for part in ("balance", "debt", "net")} == {
        "balance": "24560",
        "debt": "92985",
        "net": "-68425",
    }


@pytest.fixture
def api(machine):
    """The API in a process of its own, as `openfinance serve` runs it."""
    run(machine, "import", str(SAMPLE))
    serving = started(machine, "serve")
    with httpx2.Client(base_url=f"http://127.0.0.1:{machine['PORT']}", timeout=10) as client:
        for _ in range(200):
            try:
                client.get("/health/live")
                break
            except httpx2.ConnectError:
                time.sleep(0.05)
        yield client
    serving.send_signal(signal.SIGINT)
    out, err = serving.communicate(timeout=20)
    assert "Traceback" not in out + err


def log_in(api, name, password):
    answer = api.post("/api/v1/log-in", json={"user_name": name, "password": password})
    return {"Authorization": f"Bearer {answer.json()['token']}"} if answer.status_code == 200 else None


def test_a_person_of_the_sample_gets_a_password_and_may_be_made_operator_and_unmade(machine, api):
    assert log_in(api, "fridaklo", "correct horse") is None
    assert run(machine, "users", "password", "fridaklo", "--new", "correct horse")[0] == 0
    frida = log_in(api, "fridaklo", "correct horse")
    assert len(api.get("/api/v1/accounts", headers=frida).json()["data"]) == 6
    assert api.get("/metrics", headers=frida).status_code == 403

    assert run(machine, "users", "operator", "fridaklo")[0] == 0
    operator = log_in(api, "fridaklo", "correct horse")
    assert b"openfinance" in api.get("/metrics", headers=operator).content

    assert run(machine, "users", "operator", "fridaklo", "--revoke")[0] == 0
    assert api.get("/metrics", headers=log_in(api, "fridaklo", "correct horse")).status_code == 403
    events = [event["action"] for event in api.get("/api/v1/me/audit", headers=frida).json()["data"]]
    assert {"password.set", "operator.granted", "operator.revoked"} <= set(events)
