"""`openfinance serve` as a process: it starts, answers, and ends without losing what waits."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2
import pytest

from tests import mongo
from tests.backend.api.conftest import PASSWORD

COMMAND = [sys.executable, "-c", "from backend.cli.main import app; app()", "serve"]
ALICE = {"user_name": "alice", "password": PASSWORD}


@pytest.fixture
def serve(mongo_server, database):
    """Starts the command on a port of its own against the run's database."""
    started = []

    def start(*options):
        port = mongo.free_port()
        home = tempfile.mkdtemp(prefix="openfinance-serve-")
        environment = os.environ | {
            "MONGODB_URI": mongo_server.application_uri(database.name),
            "OPENFINANCE_DB_NAME": database.name,
            "OPENFINANCE_HOME": home,
            "RATE_LIMIT_PER_MINUTE": "0",
            **mongo.KEY_SETTINGS,
        }
        log = Path(home, "log").open("w")  # noqa: SIM115 - closed with the process
        process = subprocess.Popen([*COMMAND, "--port", str(port), *options], env=environment, stdout=log, stderr=log)
        started.append((process, log))
        return process, f"http://127.0.0.1:{port}", Path(home, "log")

    yield start
    for process, log in started:
        process.kill()
        process.wait()
        log.close()


async def ready(url, process, log):
    """Waits until the server is ready for requests."""
    async with httpx2.AsyncClient(base_url=url) as http:
        for _ in range(200):
            assert process.poll() is None, log.read_text()
            try:
                if (await http.get("/health/ready")).status_code == 200:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
async def test_the_server_ends_cleanly_and_writes_what_waits(serve, database, options):
    process, url, log = serve(*options)
    await ready(url, process, log)
    async with httpx2.AsyncClient(base_url=url) as http:
        assert (await http.post("/api/v1/sign-up", json=ALICE)).status_code == 201
        token = (await http.post("/api/v1/log-in", json=ALICE)).json()["token"]
        me = await http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert me.json()["user_name"] == "alice"
    process.send_signal(signal.SIGTERM)
    # uvicorn ends by the signal it was sent once everything is closed.
    assert await asyncio.to_thread(process.wait, 20) in (0, -signal.SIGTERM)
    assert await database.audit.count_documents({"Action": "route.called", "Object": "GET /api/v1/me"}) == 1
    lines = log.read_text()
    assert '"route":"/api/v1/me"' in lines
    assert token not in lines
    assert PASSWORD not in lines
    assert "Traceback" not in lines


def test_a_database_that_does_not_answer_ends_it_with_a_sentence(tmp_path):
    environment = os.environ | {"MONGODB_URI": "mongodb://127.0.0.1:1", "OPENFINANCE_HOME": str(tmp_path)}
    ended = subprocess.run(
        [*COMMAND, "--port", str(mongo.free_port())],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "No MongoDB primary answers" in ended.stderr
    assert "Traceback" not in ended.stderr
