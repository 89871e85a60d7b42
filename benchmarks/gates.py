"""Gates: the answers that must be right before their speed is worth a figure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from benchmarks.report import GateFailed

# What a server says of one person: AccountId -> balance, None where the bank gave none.
Balances = Mapping[str, Decimal | None]


def rows_of(answer: Any) -> list[dict[str, Any]]:
    """The documents in a list answer, whatever the envelope: a list, or the one list in an object."""
    if isinstance(answer, dict):
        answer = next((value for value in answer.values() if isinstance(value, list)), None)
    if not isinstance(answer, list):
        raise GateFailed("An answer holds no list of accounts")
    return answer


def require_same_accounts(server: str, answer: Any, expected: Balances, fields: Sequence[str] = ()) -> None:
    """``answer`` shows exactly the ``expected`` accounts, balances to the cent, each with all ``fields``."""
    rows = rows_of(answer)
    found = {str(row.get("AccountId")): _balance(server, row) for row in rows}
    if len(found) != len(rows) or found.keys() != expected.keys():
        raise GateFailed(f"{server} answers {len(rows)} accounts that are not the {len(expected)} of the person")
    wrong = [key for key, balance in found.items() if balance != expected[key]]
    if wrong:
        raise GateFailed(f"{server} answers a wrong balance for {wrong[0]}: {found[wrong[0]]}")
    for row in rows:
        if missing := [name for name in fields if name not in row]:
            raise GateFailed(f"{server} leaves out {', '.join(missing)}")


def require_clean_run(server: str, run: Mapping[str, Any]) -> None:
    """Every request of a load run was answered with 200, and no answer held another person's account."""
    if run["failures"]:
        raise GateFailed(f"{server}: {run['failures']} requests failed, the first with {run['first_failure']}")
    if run["foreign"]:
        raise GateFailed(f"{server}: {run['foreign']} of {run['requests']} answers were not the caller's own")
    if not run["requests"]:
        raise GateFailed(f"{server}: nothing was answered")


def require_counts(what: str, found: Mapping[str, int], expected: Mapping[str, int]) -> None:
    """An import ended with exactly these counts."""
    wrong = {name: found[name] for name, count in expected.items() if found[name] != count}
    if wrong:
        raise GateFailed(f"{what} counted {wrong} instead of {dict(expected)}")


def require_index(insight: str, explained: Any) -> None:
    """No part of an aggregation's plan, however deep, scans a collection; all are found by an index."""
    stages = set(_stages(explained))
    if "COLLSCAN" in stages or "IXSCAN" not in stages:
        raise GateFailed(f"{insight} does not read by an index: {', '.join(sorted(stages))}")


def require_totals(insight: str, found: Mapping[Any, Decimal], exact: Mapping[Any, Decimal]) -> None:
    """The totals are the exact sums, for the same currencies."""
    if found != exact:
        raise GateFailed(f"{insight} answers {dict(found)} where the documents add up to {dict(exact)}")


def _balance(server: str, row: Mapping[str, Any]) -> Decimal | None:
    balance = row.get("AccountBalance")
    if balance is None:
        return None
    if not isinstance(balance, str):
        raise GateFailed(f"{server} answers a balance that is not exact text")
    try:
        return Decimal(balance)
    except InvalidOperation:
        raise GateFailed(f"{server} answers a balance that is no number") from None


def _stages(explained: Any) -> list[str]:
    if isinstance(explained, list):
        return [stage for inner in explained for stage in _stages(inner)]
    if not isinstance(explained, dict):
        return []
    own = [explained["stage"]] if isinstance(explained.get("stage"), str) else []
    plans = {name: inner for name, inner in explained.items() if name != "rejectedPlans"}
    return own + [stage for inner in plans.values() for stage in _stages(inner)]
