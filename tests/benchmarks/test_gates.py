"""A gate that lets a wrong answer pass would make every figure of the benchmark worthless."""

from decimal import Decimal

import pytest

from benchmarks import gates
from benchmarks.report import GateFailed

pytestmark = pytest.mark.unit

EXPECTED = {"acc_a": Decimal("7825.10"), "acc_b": None}
RIGHT = [{"AccountId": "acc_a", "AccountBalance": "7825.10"}, {"AccountId": "acc_b", "AccountBalance": None}]


@pytest.mark.parametrize("envelope", [lambda rows: rows, lambda rows: {"data": rows}, lambda rows: {"_items": rows}])
def test_the_right_accounts_pass_in_any_envelope(envelope):
    gates.require_same_accounts("a server", envelope(RIGHT), EXPECTED, ["AccountId"])


@pytest.mark.parametrize(
    "rows",
    [
        RIGHT[:1],
        [*RIGHT, {"AccountId": "acc_c", "AccountBalance": "1"}],
        [*RIGHT, RIGHT[0]],
        [RIGHT[0] | {"AccountId": "acc_c"}, RIGHT[1]],
        [RIGHT[0] | {"AccountBalance": "7825.11"}, RIGHT[1]],
        [RIGHT[0] | {"AccountBalance": 7825.10}, RIGHT[1]],
        [RIGHT[0] | {"AccountBalance": "much"}, RIGHT[1]],
        [RIGHT[0], RIGHT[1] | {"AccountBalance": "0"}],
        None,
        {"data": None},
    ],
    ids=[
        "missing",
        "too many",
        "twice",
        "foreign",
        "a cent",
        "float",
        "no number",
        "null is not 0",
        "nothing",
        "empty",
    ],
)
def test_any_other_answer_fails(rows):
    with pytest.raises(GateFailed):
        gates.require_same_accounts("a server", rows, EXPECTED)


def test_a_field_that_others_answer_is_missed():
    with pytest.raises(GateFailed, match="AccountBank"):
        gates.require_same_accounts("a server", RIGHT, EXPECTED, ["AccountBank"])


@pytest.mark.parametrize("wrong", [{"failures": 1}, {"foreign": 1}, {"requests": 0}])
def test_a_load_run_is_clean_or_fails(wrong):
    clean = {"requests": 10, "failures": 0, "first_failure": "500", "foreign": 0}
    gates.require_clean_run("a server", clean)
    with pytest.raises(GateFailed):
        gates.require_clean_run("a server", clean | wrong)


def test_a_second_import_that_changes_something_fails():
    gates.require_counts("again", {"new": 0, "same": 9}, {"new": 0, "same": 9})
    with pytest.raises(GateFailed, match="'new': 1"):
        gates.require_counts("again", {"new": 1, "same": 8}, {"new": 0, "same": 9})


def test_totals_are_right_to_the_cent_and_for_every_currency():
    gates.require_totals("balances", {"USD": Decimal("1.10")}, {"USD": Decimal("1.1")})
    for wrong in ({"USD": Decimal("1.11")}, {}, {"USD": Decimal("1.10"), "EUR": Decimal(0)}):
        with pytest.raises(GateFailed):
            gates.require_totals("balances", wrong, {"USD": Decimal("1.10")})


@pytest.mark.parametrize(
    "plan",
    [
        {"stage": "COLLSCAN"},
        {"stage": "FETCH"},
        {"stages": [{"$cursor": {"winningPlan": {"stage": "IXSCAN"}}}, {"$unionWith": [{"stage": "COLLSCAN"}]}]},
    ],
    ids=["scan", "no index", "scan in a union"],
)
def test_a_plan_without_an_index_everywhere_fails(plan):
    with pytest.raises(GateFailed):
        gates.require_index("balances", plan)


def test_a_rejected_plan_may_scan():
    gates.require_index("balances", {"winningPlan": {"stage": "IXSCAN"}, "rejectedPlans": [{"stage": "COLLSCAN"}]})
