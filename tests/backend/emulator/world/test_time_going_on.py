"""Time going on in the world: what falls due happens, once and in order, however large the step."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from backend.emulator.ledger.schema import BALANCES, HOLDS, JOURNAL
from backend.emulator.ledger.verify import verify
from backend.emulator.world.clock import WorldClock
from backend.emulator.world.history import history, interest_on, rate_of
from backend.emulator.world.life import Life
from backend.emulator.world.reading import read_world
from backend.emulator.world.schema import CLOCK, DECLINED, LABELS, PRODUCTS
from backend.kernel import clock
from backend.kernel.errors import Conflict, InvalidInput, Misconfigured
from backend.kernel.money import Money

PEOPLE = ("emma.hughes", "jonas.brandt")


@pytest.fixture
async def young(opened, rows):
    """A small world, just built."""
    standing = await opened(read_world(rows(*PEOPLE)), "young")
    await standing.build()
    return standing


async def state(standing) -> dict:
    """All there is, but for what depends on the hour of the day at which it was written."""
    books = standing.platform.database
    journal = [
        (each["_id"], each["booked_at"], each["legs"], each["details"], each["description"], each.get("hold"))
        async for each in books[JOURNAL].find({}).sort([("booked_at", 1), ("_id", 1)])
    ]
    holds = await books[HOLDS].find({}).sort("_id", 1).to_list()
    balances = await books[BALANCES].find({}, {"booked": 1, "held": 1, "seq": 1}).sort("_id", 1).to_list()
    own = {
        name: await standing.database[name].find({}).sort("_id", 1).to_list() for name in (LABELS, PRODUCTS, DECLINED)
    }
    return {"journal": journal, "holds": holds, "balances": balances, "now": await now(standing)} | own


async def now(standing):
    return await WorldClock(standing.database, cached_seconds=0).now()


async def test_thirty_days_at_once_are_thirty_single_days(opened, rows):
    world = read_world(rows(*PEOPLE))
    at_once, day_by_day = await opened(world, "once"), await opened(world, "daily")
    for standing in (at_once, day_by_day):
        await standing.build()
    whole = await at_once.advance(30)
    steps = [await day_by_day.advance(1) for _ in range(30)]
    assert await state(at_once) == await state(day_by_day)
    assert whole.now == steps[-1].now == world.starts + timedelta(days=30)
    assert (whole.booked, whole.held) == (sum(step.booked for step in steps), sum(step.held for step in steps))
    assert whole.booked > 100
    assert whole.declined == 0
    for standing in (at_once, day_by_day):
        assert (await verify(standing.platform.client, standing.platform.database)).faults == ()


async def test_what_was_pending_is_booked_out_of_its_hold(young):
    books = young.platform.database
    before = await books[HOLDS].find({}).to_list()
    assert before
    await young.advance(9)
    for hold in before:
        after = await books[HOLDS].find_one({"_id": hold["_id"]})
        assert after["state"] in ("posted", "expired")
        if after["state"] == "posted":
            record = await books[JOURNAL].find_one({"hold": hold["_id"]})
            assert record["details"]["booking_date"] > "2026-11-01"
            assert record["_id"].removeprefix("txn_") == hold["_id"].removeprefix("hold_")


async def test_life_after_the_start_is_what_was_foreseen(young):
    await young.advance(21)
    for persona in young.world.personas.values():
        life = Life(young.world, persona)
        until = await now(young)
        foreseen = {e.id: e for e in life.between(young.world.starts, until) if e.booked_at and e.booked_at <= until}
        found = {}
        for account in persona.accounts:
            for entry in await young.platform.ledger.entries(account.id, since=young.world.starts):
                if entry.id in foreseen:
                    found[entry.id] = entry
        assert found.keys() == foreseen.keys()
        assert all(found[name].booked_at == entry.booked_at for name, entry in foreseen.items())


async def test_less_is_outstanding_after_an_instalment(young):
    product = await young.database[PRODUCTS].find_one({})
    assert product["outstanding"].to_decimal() == Decimal("6120.00")
    await young.advance(30)
    interest = Decimal("31.62")  # 6120.00 at 6.2 % for a twelfth of a year
    product = await young.database[PRODUCTS].find_one({})
    assert product["outstanding"].to_decimal() == Decimal("6120.00") - (Decimal("231.00") - interest)
    paid = await young.platform.database[JOURNAL].find_one({"_id": product["last_paid"]})
    assert paid["details"]["interest"] == "31.62"
    assert paid["details"]["means"] == "instalment"


async def test_interest_is_borne_by_what_is_really_there(young):
    saver = young.world.personas["emma.hughes"].by_key["saver"]
    ledger = young.platform.ledger
    await ledger.deposit(saver.id, Money.of("5000.00", "GBP"), at=young.world.starts + timedelta(hours=1))
    await young.advance(30)
    entries = await ledger.entries(saver.id, since=young.world.starts)
    *_, before, interest = entries
    month = 2026 * 12 + 10
    assert interest.details["means"] == "interest"
    assert interest.amount.amount == interest_on(before.balance, rate_of(young.world, saver), month)
    assert before.balance == saver.balance + 5000 + 175


async def test_without_money_a_payment_is_declined_and_what_follows_it_does_not_happen(opened, rows):
    standing = await opened(read_world(rows("oliver.khan")), "poor")
    await standing.build()
    starts, ledger = standing.world.starts, standing.platform.ledger
    oliver = standing.world.personas["oliver.khan"]
    current, euro = oliver.by_key["current"], oliver.by_key["euro"]
    left = (await ledger.balance(current.id)).available
    await ledger.withdraw(current.id, Money(left, "GBP"), at=starts)
    gone = await standing.advance(14)  # the salary comes on the 26th
    declined = {each["_id"]: each async for each in standing.database[DECLINED].find({})}
    assert gone.declined == len(declined) > 10
    assert all(each["reason"] for each in declined.values())
    booked = {each["_id"] async for each in standing.platform.database[JOURNAL].find({}, {"_id": 1})}
    assert booked.isdisjoint(declined)
    due = Life(standing.world, oliver).between(starts, starts + timedelta(days=14))
    followers = [entry for entry in due if entry.follows in declined]
    assert euro.id in {entry.account for entry in followers}
    assert booked.isdisjoint(entry.id for entry in followers)
    stuck = {"state": "pending", "placed_at": {"$lt": starts}}
    assert await standing.platform.database[HOLDS].count_documents(stuck) == 0
    assert (await verify(standing.platform.client, standing.platform.database)).faults == ()


async def test_a_hold_whose_booking_is_declined_is_given_free(opened, rows):
    standing = await opened(read_world(rows("gracehop")), "tipping")
    await standing.build()
    grace = standing.world.personas["gracehop"]
    main = grace.by_key["main"]
    past = history(Life(standing.world, grace))
    tipped = next(e for e in past.pending if e.account == main.id and e.booked_at and -e.amount > e.held)
    left = (await standing.platform.ledger.balance(main.id)).available
    await standing.platform.ledger.withdraw(main.id, Money(left, "USD"), at=standing.world.starts)
    await standing.advance(4)
    hold = await standing.platform.database[HOLDS].find_one({"_id": tipped.hold_id})
    assert hold["state"] == "released"
    assert await standing.database[DECLINED].find_one({"_id": tipped.id})
    assert (await verify(standing.platform.client, standing.platform.database)).faults == ()


async def test_a_step_repeated_changes_nothing_but_the_clock(young):
    """As after a crash between the books and the clock."""
    await young.advance(12)
    before = await state(young)
    await young.database[CLOCK].update_one({}, {"$set": {"now": young.world.starts}})
    await young.advance(12)
    assert await state(young) == before


async def test_a_step_that_was_interrupted_goes_on_where_it_stopped(young, opened, rows):
    step = asyncio.create_task(young.advance(30))
    while await now(young) < young.world.starts + timedelta(days=3):  # noqa: ASYNC110 - the clock is in a database
        await asyncio.sleep(0.01)
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    rest = young.world.starts + timedelta(days=30) - await now(young)
    assert timedelta(0) < rest < timedelta(days=28)
    await young.advance(rest / timedelta(days=1))
    straight = await opened(young.world, "straight")
    await straight.build()
    await straight.advance(30)
    assert await state(young) == await state(straight)


async def test_only_one_can_move_the_clock(young):
    outcomes = await asyncio.gather(young.advance(5), young.advance(5), return_exceptions=True)
    assert [type(each) for each in outcomes if isinstance(each, BaseException)] == [Conflict]
    assert await now(young) <= young.world.starts + timedelta(days=5)
    assert (await verify(young.platform.client, young.platform.database)).faults == ()


@pytest.mark.parametrize("days", [0, -1, 4000])
async def test_the_clock_goes_forward_by_ten_years_at_most(young, days):
    with pytest.raises(InvalidInput):
        await young.advance(days)


async def test_the_worlds_time_can_be_ours_for_a_while(young):
    world_clock = WorldClock(young.database)
    with clock.stopped_at(await world_clock.now()):
        assert clock.now() == young.world.starts


async def test_there_is_no_time_before_there_is_a_world(opened, world):
    empty = await opened(world, "empty")
    with pytest.raises(Misconfigured, match="openfinance world build"):
        await WorldClock(empty.database).now()
    with pytest.raises(Misconfigured, match="openfinance world build"):
        await empty.advance(1)


def test_a_year_on_nobody_who_lives_as_foreseen_is_overdrawn(world):
    """Without interest, which would only add to it."""
    until = world.starts + timedelta(days=365)
    for persona in world.personas.values():
        life = Life(world, persona)
        past = history(life)
        balances = {account.id: Decimal(0) for account in persona.accounts}
        limits = {account.id: -account.overdraft for account in persona.accounts}
        known = {entry.id for entry in past.booked}
        coming = [e for e in life.between(world.starts, until) if e.settled_at <= until and e.id not in known]
        for entry in (*past.booked, *coming):
            for account, amount in entry.movements():
                balances[account] += amount
                assert amount > 0 or balances[account] >= limits[account], (persona.user_name, entry)
