"""Every notebook runs from top to bottom in an empty kernel, on the sample data, and draws something.

The pictures are left in the folder that NOTEBOOK_PICTURES names, for people to look at.
"""

import base64
import os
import re
from pathlib import Path

import jupytext
import pytest
from bson import ObjectId
from nbclient import NotebookClient

from tests.builders import WRITTEN
from tests.sample import import_sample

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.py"))


@pytest.fixture
async def _sample(store):
    await import_sample(store)


@pytest.fixture
def run(mongo_server, database_name, monkeypatch, tmp_path):
    """Runs a notebook, its parameters replaced where told, and gives its outputs."""
    monkeypatch.setenv("MONGODB_URI", mongo_server.application_uri(database_name))
    monkeypatch.setenv("OPENFINANCE_DB_NAME", database_name)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))

    async def outputs(path, **parameters):
        notebook = jupytext.read(path)
        first = notebook.cells[0]
        assert first.metadata.tags == ["parameters"]
        first.source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
        client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": path.parent}})
        await client.async_execute()
        return [output for cell in notebook.cells for output in cell.get("outputs", ())]

    return outputs


def _pictures(outputs):
    return [base64.b64decode(output.data["image/png"]) for output in outputs if "image/png" in output.get("data", {})]


@pytest.mark.usefixtures("_sample")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
async def test_a_notebook_runs_and_draws(run, path, tmp_path):
    outputs = await run(path)
    assert [output for output in outputs if output.output_type in {"error", "stream"}] == []
    pictures = _pictures(outputs)
    assert pictures
    folder = Path(os.environ.get("NOTEBOOK_PICTURES", tmp_path))
    for number, picture in enumerate(pictures, 1):
        assert len(picture) > 5_000
        (folder / f"{path.stem}_{number}.png").write_bytes(picture)


@pytest.mark.usefixtures("_sample")
async def test_a_wrong_total_fails_the_notebook(run, database):
    await database.external_accounts.update_one({"AccountUser.UserName": "adalove"}, {"$set": {"AccountBalance": 1}})
    with pytest.raises(Exception, match="AssertionError"):
        await run(NOTEBOOKS[0])


async def test_people_who_are_not_in_the_store_are_named(run):
    with pytest.raises(Exception, match=re.escape("Not in the store: nobody. Run `openfinance import")):
        await run(NOTEBOOKS[0], PEOPLE=["nobody"], SAMPLE_DATA=False)


async def test_a_person_without_anything_is_not_drawn_as_zero(run, database):
    nobody = {"_id": ObjectId(), "UserName": "nobody", "CreatedAt": WRITTEN}
    await database.users.insert_one(nobody)
    with pytest.raises(Exception, match="None of these people"):
        await run(NOTEBOOKS[0], PEOPLE=["nobody"], SAMPLE_DATA=False)


def test_all_three_are_here_and_none_is_kept_with_its_outputs():
    assert len(NOTEBOOKS) >= 3
    assert list((ROOT / "notebooks").rglob("*.ipynb")) == []


def test_no_notebook_reaches_into_the_backend():
    for path in (ROOT / "notebooks").glob("*.py"):
        assert not re.search(r"^\s*(from|import) backend", path.read_text(), re.MULTILINE), path
