import asyncio
import random
import time
from decimal import Decimal

import pytest
import rfc8785
from bson.decimal128 import Decimal128
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import OperationFailure

from backend.emulator.ledger import errors
from backend.emulator.ledger.canonical import canonical
from backend.emulator.ledger.commands import Posting, new_id
from backend.emulator.ledger.decimals import decimal_of
from backend.emulator.ledger.port import Ledger
from backend.emulator.ledger.posting import Poster
from backend.emulator.ledger.schema import BALANCES, LEDGER_OUTBOX, SYSTEM_CASH
from backend.kernel.clock import now
from backend.kernel.errors import InvalidInput, InvalidMoney, OpenFinanceError
from backend.kernel.money import Money
from tests.backend.emulator.ledger.builders import GRACE, eur

MOVED = {"amount": Decimal(1), "currency": "EUR", "at": now()}


async def attempt(call):
    try:
        return await call
    except OpenFinanceError as error:
        return error


def succeeded(outcomes):
    return [each for each in outcomes if not isinstance(each, Exception)]


async def test_of_200_parallel_withdrawals_exactly_those_that_are_covered_succeed(ledger, opened, audited):
    account = await opened("1000")
    outcomes = await asyncio.gather(*(attempt(ledger.withdraw(account, eur("10"))) for _ in range(200)))
    assert len(succeeded(outcomes)) == 100
    assert {type(each) for each in outcomes if isinstance(each, Exception)} == {errors.InsufficientFunds}
    assert (await ledger.balance(account)).booked == 0
    assert (await audited()).transactions == 101


async def test_several_writers_on_one_hot_account_neither_overdraw_nor_starve(platform, ledger, opened, audited):
    account = await opened("300")
    ledgers = [
        Ledger(platform.client, platform.database, poster=Poster(platform.client, platform.database)) for _ in range(3)
    ]
    outcomes = await asyncio.gather(
        *(attempt(ledgers[number % 3].withdraw(account, eur("10"))) for number in range(60))
    )
    assert len(succeeded(outcomes)) == 30
    assert (await ledger.balance(account)).booked == 0
    await audited()


async def test_an_account_locked_by_somebody_else_delays_only_its_own_postings(platform, ledger, opened, audited):
    slow, quick = await opened("100"), await opened("100")
    async with platform.client.start_session() as session:
        await session.start_transaction()
        lock = {"$set": {"owner": GRACE}}
        await platform.database[BALANCES].update_one({"_id": slow}, lock, session=session)
        stuck = asyncio.create_task(ledger.withdraw(slow, eur("1")))
        async with asyncio.timeout(3):
            for _ in range(20):
                await ledger.withdraw(quick, eur("1"))
        assert not stuck.done()
        await session.abort_transaction()
    await stuck
    assert (await ledger.balance(slow)).booked == 99
    assert (await ledger.balance(quick)).booked == 80
    await audited()


async def test_commands_of_a_blocked_account_wait_and_nothing_overtakes_them(platform):
    poster = Poster(platform.client, platform.database)
    a, b, c = ("acc_" + letter * 32 for letter in "abc")
    pairs = [(SYSTEM_CASH, a), (a, b), (b, SYSTEM_CASH), (SYSTEM_CASH, c)]
    callers = [
        asyncio.create_task(poster.submit(Posting(debit=debit, credit=credit, **MOVED, id=new_id("txn"))))
        for debit, credit in pairs
    ]
    async with poster._one_batch:  # nothing is taken until we look
        await asyncio.sleep(0)
        poster._blocked = {a: time.monotonic() + 60}
        assert [each.command.accounts for each in poster._take()] == [(c,)]
        assert [each.command.accounts for each in poster._queue] == [(a,), (a, b), (b,)]
        poster._queue.clear()
    for caller in callers:
        caller.cancel()


async def test_messages_of_one_account_sort_in_the_order_of_its_chain_though_clocks_differ(platform, ledger, opened):
    account, ahead = await opened(), 10**16
    await platform.database[BALANCES].update_one({"_id": account}, {"$set": {"stamp": ahead}})
    for _ in range(3):
        await ledger.deposit(account, eur("1"))
    found = await platform.database[LEDGER_OUTBOX].find({"accounts": account}).sort("stamp", 1).to_list()
    assert [(each["stamp"] > ahead, each["data"]["seq"]) for each in found] == [(True, 1), (True, 2), (True, 3)]


async def test_what_a_killed_process_left_locked_is_free_again_within_seconds(platform, ledger, opened, audited):
    account = await opened("100")
    async with platform.client.start_session() as session:
        await session.start_transaction()
        lock = {"$set": {"owner": GRACE}}
        await platform.database[BALANCES].update_one({"_id": account}, lock, session=session)
        async with asyncio.timeout(8):  # far below the server's own limit of 60 seconds
            await ledger.withdraw(account, eur("1"))
        with pytest.raises(OperationFailure):
            await session.commit_transaction()
    await audited()


async def test_transfers_whose_callers_are_killed_never_make_or_lose_a_cent(ledger, opened, audited):
    accounts = [await opened("100.00", owner=owner) for owner in ("a", "b", "c", "d")]
    chance = random.Random(7)  # noqa: S311 - not a secret
    tasks = []
    for _ in range(300):
        debit, credit = chance.sample(accounts, 2)
        amount = eur(f"{chance.randrange(1, 4000) / 100:.2f}")
        tasks.append(asyncio.create_task(attempt(ledger.transfer(debit=debit, credit=credit, amount=amount))))
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.01)
            chance.choice(tasks).cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    balances = [await ledger.balance(account) for account in accounts]
    assert sum(balance.booked for balance in balances) == 400
    assert all(balance.booked >= 0 for balance in balances)
    await audited()


async def test_a_closed_account_refuses_everything(ledger, opened, audited):
    closed, other = await opened(), await opened("10")
    await ledger.close_account(closed)
    for call in (
        ledger.deposit(closed, eur("1")),
        ledger.withdraw(closed, eur("1")),
        ledger.transfer(debit=other, credit=closed, amount=eur("1")),
        ledger.close_account(closed),
    ):
        with pytest.raises(errors.AccountClosed):
            await call
    await audited()


async def test_an_account_with_money_or_a_hold_on_it_cannot_be_closed(ledger, opened, audited, later):
    account = await opened("5")
    with pytest.raises(errors.AccountNotEmpty):
        await ledger.close_account(account)
    hold = await ledger.hold(account, eur("5"), expires_at=later)
    await ledger.post_hold(hold)
    overdrawn = await opened(overdraft=eur("10").amount)
    await ledger.hold(overdrawn, eur("5"), expires_at=later)
    with pytest.raises(errors.AccountNotEmpty):
        await ledger.close_account(overdrawn)
    await ledger.close_account(account)
    await audited()


async def test_closing_and_depositing_at_once_cannot_both_succeed(ledger, opened, audited):
    for _ in range(15):
        account = await opened()
        closed, deposited = await asyncio.gather(
            attempt(ledger.close_account(account)), attempt(ledger.deposit(account, eur("1")))
        )
        balance = await ledger.balance(account)
        if isinstance(deposited, Exception):
            assert closed is None
            assert (balance.is_open, balance.booked) == (False, 0)
        else:
            assert isinstance(closed, errors.AccountNotEmpty)
            assert (balance.is_open, balance.booked) == (True, 1)
    await audited()


async def test_a_posting_repeated_with_its_id_is_booked_once(ledger, opened, audited):
    account, transaction = await opened(), new_id("txn")
    entries = await asyncio.gather(*(ledger.deposit(account, eur("7"), transaction_id=transaction) for _ in range(20)))
    assert {(entry.id, entry.seq) for entry in entries} == {(transaction, 1)}
    assert (await ledger.balance(account)).booked == 7
    with pytest.raises(errors.KeyReused):
        await ledger.deposit(account, eur("8"), transaction_id=transaction)
    await audited()


async def test_currencies_are_never_mixed_and_only_whole_cents_move(ledger, opened):
    euros, yen = await opened("10"), await opened(currency="JPY")
    for call in (
        ledger.deposit(euros, Money.of("1", "USD")),
        ledger.transfer(debit=euros, credit=yen, amount=eur("1")),
    ):
        with pytest.raises(InvalidMoney):
            await call
    for amount, currency in (("0.001", "EUR"), ("0", "EUR"), ("-1", "EUR"), ("0.5", "JPY"), ("1" + "0" * 15, "EUR")):
        with pytest.raises(InvalidMoney):
            await ledger.deposit(euros, Money.of(amount, currency))
    with pytest.raises(InvalidInput):
        await ledger.transfer(debit=euros, credit=euros, amount=eur("1"))
    with pytest.raises(errors.UnknownAccount):
        await ledger.deposit("acc_" + "0" * 32, eur("1"))


async def test_an_overdraft_can_be_used_to_its_limit_and_no_further(ledger, opened, audited):
    loan = await opened(overdraft=eur("100").amount)
    await ledger.withdraw(loan, eur("100"))
    with pytest.raises(errors.InsufficientFunds):
        await ledger.withdraw(loan, eur("0.01"))
    assert (await ledger.balance(loan)).booked == -100
    await audited()


async def test_a_command_that_cannot_be_written_does_not_take_the_batch_with_it(ledger, opened, audited):
    account = await opened("10")
    huge = {f"k{number}": "x" * 500 for number in range(40_000)}
    outcomes = await asyncio.gather(
        ledger.deposit(account, eur("1")),
        ledger.deposit(account, eur("2"), details=huge),
        ledger.deposit(account, eur("3")),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], Exception)
    assert (await ledger.balance(account)).booked == 14
    await audited()


@given(
    st.recursive(
        st.text() | st.integers(-(2**53) + 1, 2**53 - 1),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_what_is_hashed_is_canonical_json_of_rfc_8785(value):
    assert canonical({"value": value}) == rfc8785.dumps({"value": value})


@given(st.decimals(-(10**25), 10**25, places=2) | st.integers(-(10**25), 10**25).map(Decimal))
def test_a_stored_amount_is_read_with_all_its_digits(amount):
    read = decimal_of(Decimal128(amount))
    assert (read, read.as_tuple().exponent) == (amount, amount.as_tuple().exponent)
