"""Every insight reads one person's part of an index, and `balances` nothing but the index."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from backend.insights.catalogue import CATALOGUE
from pipelines.ownership import owned
from tests.builders import account, person, product

ME = person("me")
COVERED = {("balances", "external_accounts"), ("position", "external_accounts")}
# What is filtered by must not lose the index.
ASKED = [{}, {"currency": "USD"}, {"institution": "Green Bank"}, {"include_closed": True}]


def _cursors(explained: Any) -> Iterator[dict[str, Any]]:
    """The plan of each collection read, however deep in unions it stands."""
    if isinstance(explained, dict):
        if "queryPlanner" in explained:
            yield explained
        for value in explained.values():
            yield from _cursors(value)
    elif isinstance(explained, list):
        for value in explained:
            yield from _cursors(value)


@pytest.fixture
async def _crowd(stored):
    others = [person(f"other {number}") for number in range(20)]
    await stored(
        *(document for owner in [ME, *others] for document in [account(owner), account(owner), product(owner)])
    )


@pytest.mark.usefixtures("_crowd")
@pytest.mark.parametrize("asked", ASKED, ids=json.dumps)
@pytest.mark.parametrize("insight", CATALOGUE, ids=lambda insight: insight.name)
async def test_every_branch_reads_only_its_owners_keys(database, insight, asked):
    stages = owned(insight.collection, insight.stages(insight.asked(**asked)), ME["UserId"])
    explained = await database.command(
        "explain",
        {"aggregate": insight.collection, "pipeline": stages, "cursor": {}},
        verbosity="executionStats",
    )
    cursors = list(_cursors(explained))
    assert len(cursors) == json.dumps(stages, default=str).count("UserId")
    for cursor in cursors:
        plan = json.dumps(cursor["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "COLLSCAN" not in plan
        assert cursor["executionStats"]["totalKeysExamined"] <= 3
        collection = cursor["queryPlanner"]["namespace"].partition(".")[2]
        if (insight.name, collection) in COVERED:
            assert cursor["executionStats"]["totalDocsExamined"] == 0
