"""`openfinance` as it is typed, in this process, on the worker's database."""

import pytest
import structlog
from typer.testing import CliRunner

from backend.cli.main import app, commands
from tests.mongo import KEY_SETTINGS


@pytest.fixture
def typed(monkeypatch, capsys, tmp_path):
    """Runs the whole command line with that environment: exit code, standard output and standard error."""
    before = structlog.get_config()
    monkeypatch.chdir(tmp_path)

    def run(*words, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["openfinance", *words])
        with pytest.raises(SystemExit) as ended:
            app()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    yield run
    structlog.configure(**before)


@pytest.fixture
def openfinance(mongo_server, database, monkeypatch, tmp_path):
    """Runs one command on the worker's database with the keys of the tests; errors come out as they are."""
    environment = {
        "MONGODB_URI": mongo_server.application_uri(database.name),
        "OPENFINANCE_DB_NAME": database.name,
        "OPENFINANCE_HOME": str(tmp_path / "home"),
        "COLUMNS": "80",
        **KEY_SETTINGS,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(commands, words, catch_exceptions=False)
