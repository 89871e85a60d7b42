"""Nobody sees a stranger's documents, and there is only one place where that could go wrong."""

import ast
from pathlib import Path

import pytest

import backend
from backend.insights.catalogue import CATALOGUE
from tests.builders import account, person, product

BACKEND = Path(backend.__file__).parent
RUNNER = "insights/run.py"


@pytest.mark.parametrize("insight", CATALOGUE, ids=lambda insight: insight.name)
async def test_a_stranger_changes_nothing(stored, ask, insight):
    me, stranger = person("me"), person("stranger")
    await stored(account(me, balance="1"), product(me, amount="2", property_value="3", months=12))
    before = await ask(insight.name, me)
    await stored(
        account(stranger, balance="1000", green="green"),
        account(stranger, status="Closed"),
        product(stranger, amount="2000", months=6),
        product(stranger, amount=None),
    )
    after = await ask(insight.name, me)
    assert after.model_copy(update={"computed_at": before.computed_at}) == before


def test_only_the_runner_aggregates_over_the_store():
    found = {
        path.relative_to(BACKEND).as_posix()
        for path in BACKEND.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"aggregate", "aggregate_raw_batches"}
    }
    # The emulated banks are the outside world, and the OAuth server keeps grants: neither can reach what people own.
    assert {path for path in found if not path.startswith(("emulator/", "oauth/"))} == {RUNNER}
