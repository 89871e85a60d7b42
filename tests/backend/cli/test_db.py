import shutil

import pytest
from pymongo import MongoClient
from typer.testing import CliRunner

from backend.cli.db import app
from backend.kernel.errors import Misconfigured
from tests.mongo import free_port


@pytest.fixture
def db(tmp_path, monkeypatch):
    """Runs `openfinance db …` in a home of its own and gives what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENFINANCE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EMBEDDED_MONGODB_PORT", str(free_port()))
    monkeypatch.delenv("MONGODB_URI", raising=False)

    def run(*words):
        return CliRunner().invoke(app, words, catch_exceptions=False).stdout

    yield run
    monkeypatch.delenv("MONGODB_URI", raising=False)
    run("stop")
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


def test_the_embedded_server_is_started_prepared_and_stopped(db):
    assert "stopped" in db("status")
    assert "MongoDB runs on 127.0.0.1:" in db("start")
    assert "MongoDB 6.0" in db("status")

    assert "created  collection external_accounts" in db("setup")
    again = db("setup")
    assert "created" not in again
    assert "altered" not in again
    with MongoClient(db("uri").strip()) as application:
        assert application.get_default_database().external_accounts.find_one() is None
    with MongoClient(db("uri", "--admin").strip()) as admin:
        assert admin.admin.command("usersInfo")["users"]

    assert "stopped" in db("stop")
    assert "stopped" in db("status")


def test_a_server_of_one_s_own_is_prepared_and_the_application_s_uri_kept_private(
    db, tmp_path, monkeypatch, mongo_server, worker_id
):
    monkeypatch.setenv("MONGODB_URI", mongo_server.admin_uri)
    monkeypatch.setenv("OPENFINANCE_DB_NAME", f"cli_{worker_id}")
    first = db("setup")
    file = tmp_path / "home" / "application.uri"
    assert str(file) in first
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() not in first

    uri = db("uri").strip()
    assert uri == file.read_text()
    with MongoClient(uri) as application:
        assert application.get_default_database().external_accounts.find_one() is None
        assert "altered" not in db("setup")
        assert db("uri").strip() == uri
        assert application.get_default_database().external_accounts.find_one() is None
    assert db("uri", "--admin").strip() == mongo_server.admin_uri


def test_the_embedded_server_is_not_started_beside_one_of_one_s_own(db, monkeypatch):
    monkeypatch.setenv("MONGODB_URI", "mongodb://elsewhere/")
    with pytest.raises(Misconfigured, match="unset it to start the embedded one"):
        db("start")
