import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from backend.kernel.errors import Misconfigured
from backend.kernel.mongo.embedded import EmbeddedMongo
from tests.mongo import free_port

START_AND_PRINT = """
import sys
from pathlib import Path
from backend.kernel.mongo.embedded import EmbeddedMongo
server = EmbeddedMongo(Path(sys.argv[1]), int(sys.argv[2]))
credentials = server.start()
print(server.status().pid, credentials.admin_password)
"""


@pytest.fixture
def server(tmp_path):
    server = EmbeddedMongo(tmp_path / "home", free_port())
    yield server
    kill(server)
    # 300 MB of journal each, which pytest would keep for three runs.
    shutil.rmtree(tmp_path)


def kill(server):
    if pid := server._pid():
        os.kill(pid, signal.SIGKILL)
        while server._running():
            time.sleep(0.01)


def starter(server):
    command = [sys.executable, "-c", START_AND_PRINT, str(server._home), str(server.port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def mode(path):
    return path.stat().st_mode & 0o777


def test_it_starts_once_answers_only_with_a_password_and_stops(server):
    credentials = server.start()
    before = server.status()
    assert before.running
    assert before.port == server.port
    assert before.version.split(".")[0] >= "6"

    assert server.start() == credentials
    assert server.status() == before

    with MongoClient(credentials.admin_uri) as admin:
        admin.bank.accounts.insert_one({"_id": 1})
        with pytest.raises(OperationFailure, match="no globalScriptEngine"):
            admin.bank.accounts.find_one({"$where": "true"})
    with MongoClient("127.0.0.1", server.port, directConnection=True) as nobody:
        with pytest.raises(OperationFailure) as refused:
            nobody.bank.accounts.find_one()
        assert refused.value.code == 13
        with pytest.raises(OperationFailure) as refused:
            nobody.admin.command("createUser", "intruder", pwd="x", roles=["root"])
        assert refused.value.code == 13

    server.stop()
    after = server.status()
    assert (after.running, after.pid, after.version) == (False, None, None)
    server.stop()


def test_only_the_owner_may_look_into_its_home(server):
    server.start()
    folder = server._folder
    assert mode(server._home) == mode(folder) == mode(server._data) == 0o700
    assert mode(folder / "credentials.json") == 0o600
    assert mode(folder / "keyfile") == 0o400
    assert [mode(folder / name) for name in ("mongod.log", "mongod.out", "lock")] == [0o600] * 3


def test_its_passwords_are_not_shown_by_accident(server):
    credentials = server.start()
    assert credentials.admin_password not in repr(credentials)
    assert credentials.application_password not in repr(credentials)
    assert credentials.admin_password not in (server._folder / "mongod.log").read_text()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux lists its sockets in a file")
def test_it_listens_on_loopback_only(server):
    server.start()
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    listening = [address for _, address, _, state, *_ in sockets if state == "0A"]
    assert [each for each in listening if each.endswith(f":{server.port:04X}")] == [f"0100007F:{server.port:04X}"]


def test_several_starters_at_once_make_one_server(server):
    starters = [starter(server) for _ in range(3)]
    printed = {process.communicate(timeout=60)[0] for process in starters}
    assert [process.returncode for process in starters] == [0, 0, 0]
    assert printed == {f"{server.status().pid} {server.start().admin_password}\n"}


def test_it_outlives_the_process_that_started_it_and_the_terminal_of_that(server):
    with starter(server) as process:
        process.wait(timeout=60)
        pid = int(process.stdout.read().split()[0])
    assert server.status().pid == pid
    assert os.getsid(pid) != os.getsid(0)


def test_it_recovers_with_all_data_after_kill_9(server):
    credentials = server.start()
    with MongoClient(credentials.admin_uri, w="majority", journal=True) as admin:
        admin.bank.accounts.insert_many([{"_id": number} for number in range(100)])
    kill(server)
    assert not server.status().running

    assert server.start() == credentials
    with MongoClient(credentials.admin_uri) as admin:
        assert admin.bank.accounts.count_documents({}) == 100


@pytest.mark.parametrize("stage", ["credentials", "launched", "initiated"])
def test_a_first_start_that_was_interrupted_is_finished_by_the_next(server, stage):
    with server._alone():
        credentials = server._credentials()
        if stage != "credentials":
            server._launch()
        if stage == "initiated":
            server._become_primary(credentials)
    kill(server)

    assert server.start() == credentials
    with MongoClient(credentials.admin_uri) as admin:
        assert admin.admin.command("ping")["ok"]


def test_a_start_finishes_what_a_starter_killed_midway_left_running(server):
    with starter(server) as process:
        while not (server._folder / "mongod.out").exists():
            time.sleep(0.005)
        process.kill()

    with MongoClient(server.start().admin_uri) as admin:
        assert admin.admin.command("ping")["ok"]


def test_it_recovers_even_while_the_killed_one_is_still_dying(server):
    server.start()
    os.kill(server._pid(), signal.SIGKILL)
    with MongoClient(server.start().admin_uri) as admin:
        assert admin.admin.command("ping")["ok"]


def test_it_can_be_moved_to_another_port_with_its_data(server):
    with MongoClient(server.start().admin_uri) as admin:
        admin.bank.accounts.insert_one({"_id": 1})
    moved = EmbeddedMongo(server._home, free_port())
    with pytest.raises(Misconfigured, match=f"already runs on port {server.port}; set EMBEDDED_MONGODB_PORT"):
        moved.start()
    assert moved.status().port == server.port

    kill(server)
    with MongoClient(moved.start().admin_uri) as admin:
        assert admin.bank.accounts.find_one() == {"_id": 1}


def test_its_log_begins_anew_at_each_start_and_one_old_log_is_kept(server):
    for _ in range(3):
        server.start()
        kill(server)
    assert sorted(file.name for file in server._folder.glob("mongod.log*")) == ["mongod.log", "mongod.log.1"]


def test_a_port_used_by_another_program_is_told_with_the_setting_to_change(server):
    with socket.socket() as other:
        other.bind(("127.0.0.1", server.port))
        other.listen()
        sentence = f"Port {server.port} is used by another program; set EMBEDDED_MONGODB_PORT to a free one"
        with pytest.raises(Misconfigured) as told:
            server.start()
        assert str(told.value) == sentence


def test_lost_wrong_and_damaged_passwords_are_told_apart(server):
    server.start()
    file = server._folder / "credentials.json"
    passwords = json.loads(file.read_text())

    file.write_text(json.dumps(dict.fromkeys(passwords, "wrong")))
    with pytest.raises(Misconfigured, match="are not those of the data in"):
        server.start()
    file.write_text('{"admin_pass')
    with pytest.raises(Misconfigured, match="is damaged; put it back from a backup"):
        server.start()
    file.unlink()
    with pytest.raises(Misconfigured, match=r"The passwords of the data in .* are lost"):
        server.start()
    file.write_text(json.dumps(passwords))
    server.start()


def test_nothing_is_made_by_asking_for_the_status_or_stopping_what_never_was(server):
    assert not server.status().running
    server.stop()
    assert not server._home.exists()
