"""The benchmark's data is what an import would have made of it, and its sums are checked against documents."""

from decimal import Decimal

import pytest
from bson.decimal128 import Decimal128

from benchmarks import insights, world
from benchmarks.report import GateFailed
from benchmarks.world import Builder, Person


async def test_quick_documents_are_those_of_the_real_mapper(store):
    builder = await Builder.over(store)
    for which in range(Person(7).accounts):
        quick = builder.account(Person(7), which)
        real = builder.mapped("accounts", world.account_record(Person(7), which))
        # Sealed in the one, and its digest is of other bytes.
        del quick["AccountNumber"], real["AccountNumber"], quick["Source"]["Content"], real["Source"]["Content"]
        assert quick == real


async def test_a_person_owns_the_same_whatever_the_size():
    small, large = world.people(100), world.people(1000)
    assert large[: len(small)] == small
    assert {10 <= person.accounts <= 50 for person in large} == {True}


async def test_the_server_takes_what_is_loaded_and_the_sums_are_exact(store):
    people = world.people(100)
    count = await world.load(store, people, tokens=2 * len(people))
    assert await store.collection("external_accounts").count_documents({}) == count >= 100
    assert await store.collection("tokens").count_documents({"UserId": people[0].id}) == 2
    await insights.require_exact_sums(store, people)


async def test_a_wrong_sum_fails_the_gate(store, monkeypatch):
    await world.load(store, world.people(20), tokens=0)
    # A pipeline that loses a cent, as seen from outside: what the documents say differs from what it adds up.
    found, _ = insights.SUMS["balances"]
    monkeypatch.setitem(insights.SUMS, "balances", (found, lambda *_: {"USD": Decimal("0.01")}))
    with pytest.raises(GateFailed, match="balances"):
        await insights.require_exact_sums(store, [Person(0)])


async def test_sums_by_hand_leave_out_what_is_closed_or_has_no_balance():
    def account(balance, status="Active", **more):
        amount = None if balance is None else Decimal128(balance)
        return {"AccountStatus": status, "AccountCurrency": "USD", "AccountBalance": amount, **more}

    accounts = [account("10.05", GreenAccountNarrative="leaf"), account("-3"), account("7", "Closed"), account(None)]
    assert insights.SUMS["balances"][1](accounts, []) == {"USD": Decimal("7.05")}
    assert insights.SUMS["green"][1](accounts, []) == {("balance", "USD"): Decimal("10.05")}
