import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from bson.decimal128 import Decimal128
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import OperationFailure, WriteError

from backend.emulator.ledger import errors
from backend.emulator.ledger.commands import new_id
from backend.emulator.ledger.port import HistoricalEntry
from backend.emulator.ledger.schema import BALANCES, JOURNAL, SYSTEM_CASH
from backend.kernel.clock import stopped_at
from tests.backend.emulator.ledger.builders import eur

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


def past(debit, credit, amount, days, **facts):
    return HistoricalEntry(debit=debit, credit=credit, amount=eur(amount), at=LONG_AGO + timedelta(days=days), **facts)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    movements=st.lists(st.tuples(st.integers(-300, 500), st.integers(0, 60)), max_size=25), asked=st.integers(-1, 61)
)
async def test_the_balance_at_a_time_is_the_fold_of_the_entries_until_then(ledger, opened, movements, asked):
    account = await opened(opened_at=LONG_AGO, overdraft=Decimal(10_000))
    entries = [
        past(*((SYSTEM_CASH, account) if cents > 0 else (account, SYSTEM_CASH)), f"{abs(cents) / 100:.2f}", day)
        for cents, day in movements
        if cents
    ]
    assert await ledger.post_history(entries) == len(entries)
    at = LONG_AGO + timedelta(days=asked)
    fold = sum((Decimal(cents) for cents, day in movements if day <= asked), Decimal(0)) / 100
    assert (await ledger.balance(account, at=at)).booked == fold
    told = await ledger.entries(account, until=at + timedelta(milliseconds=1))
    assert sum((entry.amount.amount for entry in told), Decimal(0)) == fold


async def test_history_is_booked_by_the_thousand_under_the_same_rules(ledger, opened, audited):
    chance = random.Random(1)  # noqa: S311 - not a secret
    accounts = [await opened(opened_at=LONG_AGO) for _ in range(4)]
    entries = [past(SYSTEM_CASH, account, "1000", 0) for account in accounts]
    entries += [past(*chance.sample([*accounts, SYSTEM_CASH], 2), "0.10", day / 10) for day in range(2500)]
    assert await ledger.post_history(entries) == 2504
    assert (await audited()).transactions == 2504


async def test_history_with_ids_can_be_brought_again_and_nothing_happens_twice(ledger, opened, audited):
    account = await opened(opened_at=LONG_AGO)
    entries = [past(SYSTEM_CASH, account, "10", day, id=new_id("txn")) for day in range(30)]
    for _ in range(2):
        assert await ledger.post_history(entries) == 30
    assert (await ledger.balance(account)).booked == 300
    await audited()


async def test_history_that_overdraws_books_nothing_of_its_page(ledger, opened, audited):
    account = await opened(opened_at=LONG_AGO)
    with pytest.raises(errors.InsufficientFunds):
        await ledger.post_history([past(SYSTEM_CASH, account, "10", 1), past(account, SYSTEM_CASH, "11", 2)])
    assert (await ledger.balance(account)).seq == 0
    await audited()


async def test_an_entry_cannot_be_dated_before_the_latest_one_or_before_the_opening(ledger, opened):
    account = await opened(opened_at=LONG_AGO)
    await ledger.deposit(account, eur("5"), at=LONG_AGO + timedelta(days=2))
    for days in (1, -1):
        with pytest.raises(errors.Backdated):
            await ledger.deposit(account, eur("5"), at=LONG_AGO + timedelta(days=days))


async def test_an_undated_entry_never_comes_before_the_latest_one_when_clocks_differ(ledger, opened):
    account = await opened(opened_at=LONG_AGO)
    latest = LONG_AGO + timedelta(days=9)
    await ledger.deposit(account, eur("5"), at=latest)
    with stopped_at(LONG_AGO + timedelta(days=1)):
        assert (await ledger.deposit(account, eur("5"))).booked_at == latest


async def test_the_virtual_clock_dates_what_is_booked(ledger, opened):
    with stopped_at(LONG_AGO):
        account = await opened("5")
    assert [entry.booked_at for entry in await ledger.entries(account)] == [LONG_AGO]


async def test_entries_are_read_by_period_and_in_pages(ledger, opened):
    account, other = await opened(opened_at=LONG_AGO), await opened(opened_at=LONG_AGO)
    await ledger.post_history([past(SYSTEM_CASH, account, "10", day) for day in range(5)])
    await ledger.transfer(debit=account, credit=other, amount=eur("3"), description="rent", details={"creditor": "x"})
    pages, after = [], 0
    while page := await ledger.entries(account, after=after, limit=2):
        pages.append([entry.seq for entry in page])
        after = page[-1].seq
    assert pages == [[1, 2], [3, 4], [5, 6]]
    since, until = LONG_AGO + timedelta(days=1), LONG_AGO + timedelta(days=3)
    assert [entry.seq for entry in await ledger.entries(account, since=since, until=until)] == [2, 3]
    assert [entry.seq for entry in await ledger.entries(account, since=since, until=until, after=2)] == [3]
    sent, received = (await ledger.entries(account))[-1], (await ledger.entries(other))[-1]
    assert (sent.amount, sent.balance, sent.counter_account) == (eur("-3.00"), 47, other)
    assert (received.amount, received.details, received.id) == (eur("3.00"), {"creditor": "x"}, sent.id)


async def test_the_application_can_add_to_the_journal_and_nothing_else(platform, ledger, opened):
    await opened("5")
    journal = platform.database[JOURNAL]
    for call in (journal.update_many({}, {"$set": {"description": "x"}}), journal.delete_many({}), journal.drop()):
        with pytest.raises(OperationFailure) as refused:
            await call
        assert refused.value.code == 13


async def test_the_database_itself_refuses_an_unbalanced_record_and_an_overdrawn_account(platform, opened):
    account = await opened("5")
    record = await platform.database[JOURNAL].find_one({})
    record["_id"] = "txn_2"
    record["links"][0]["seq"] = 2
    record["legs"][1]["amount"] = Decimal128("6.00")
    with pytest.raises(WriteError):
        await platform.database[JOURNAL].insert_one(record)
    with pytest.raises(WriteError):
        await platform.database[BALANCES].update_one({"_id": account}, {"$set": {"booked": Decimal128("-0.01")}})


async def test_accounts_are_listed_by_owner_and_bank(ledger, opened):
    first, second = await opened(), await opened(bank="other-bank")
    await opened(owner="somebody")
    assert [each["_id"] for each in await ledger.accounts(owner="fridaklo")] == [first, second]
    assert [each["_id"] for each in await ledger.accounts(owner="fridaklo", bank="other-bank")] == [second]
    assert (await ledger.account(first))["name"] == "Everyday"
