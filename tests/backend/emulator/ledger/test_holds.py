import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from backend.emulator.ledger import errors
from backend.emulator.ledger.platform import Platform
from backend.emulator.ledger.schema import HOLDS
from backend.emulator.ledger.verify import verify
from backend.kernel.clock import now
from backend.kernel.errors import OpenFinanceError
from backend.kernel.mongo.client import connect
from tests.backend.emulator.ledger.builders import account, eur


async def test_what_is_held_cannot_be_spent_and_is_free_again_after_release(ledger, opened, later, audited):
    card = await opened("100")
    hold = await ledger.hold(card, eur("60"), expires_at=later)
    balance = await ledger.balance(card)
    assert (balance.booked, balance.held, balance.available) == (100, 60, 40)
    with pytest.raises(errors.InsufficientFunds):
        await ledger.withdraw(card, eur("41"))
    with pytest.raises(errors.InsufficientFunds):
        await ledger.hold(card, eur("41"), expires_at=later)
    await ledger.release_hold(hold)
    await ledger.withdraw(card, eur("100"))
    await audited()


async def test_a_hold_is_posted_for_less_or_for_more_if_that_is_covered(ledger, opened, later, audited):
    card, shop = await opened("100"), await opened()
    less = await ledger.hold(card, eur("50"), expires_at=later, description="hotel")
    entry = await ledger.post_hold(less, amount=eur("30.25"), credit=shop)
    assert (entry.amount, entry.hold, entry.description, entry.counter_account) == (eur("-30.25"), less, "hotel", shop)
    more = await ledger.hold(card, eur("50"), expires_at=later)
    with pytest.raises(errors.InsufficientFunds):
        await ledger.post_hold(more, amount=eur("69.76"))
    await ledger.post_hold(more, amount=eur("69.75"))
    balance = await ledger.balance(card)
    assert (balance.booked, balance.held) == (0, 0)
    await audited()


async def test_of_many_ends_of_one_hold_exactly_one_happens(ledger, opened, later, audited):
    for _ in range(5):
        card = await opened("10")
        hold = await ledger.hold(card, eur("10"), expires_at=later)
        outcomes = await asyncio.gather(
            *(ledger.post_hold(hold) for _ in range(5)),
            *(ledger.release_hold(hold) for _ in range(5)),
            ledger.expire_holds(later),
            return_exceptions=True,
        )
        # expire_holds counts what it ended, and looks over its shoulder at nothing.
        ended = [each for each in outcomes[:10] if not isinstance(each, Exception)]
        assert len(ended) + outcomes[10] == 1
        assert {type(each) for each in outcomes[:10] if isinstance(each, Exception)} <= set(
            errors.ALREADY_ENDED.values()
        )
    await audited()


async def test_a_hold_expires_at_its_time_and_says_so_afterwards(ledger, opened, audited):
    card, at = await opened("10"), now()
    hold = await ledger.hold(card, eur("4"), at=at, expires_at=at + timedelta(days=7))
    assert await ledger.expire_holds(at + timedelta(days=6, hours=23)) == 0
    assert await ledger.expire_holds(at + timedelta(days=7)) == 1
    for call in (ledger.post_hold(hold), ledger.release_hold(hold)):
        with pytest.raises(errors.HoldAlreadyExpired):
            await call
    assert [each["_id"] for each in await ledger.holds(card, state="expired")] == [hold]
    with pytest.raises(errors.UnknownHold):
        await ledger.release_hold("hold_none")
    await audited()


class Holds(RuleBasedStateMachine):
    """Holds and money on one account, beside a model of a few lines."""

    holds = Bundle("holds")
    uri: str
    database: str

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.client = self.run(self._connect())
        self.ledger = Platform(self.client, self.client[self.database]).ledger
        self.run(self.ledger.expire_holds(now() + timedelta(days=2)))  # those of the example before
        self.account = self.run(account(self.ledger, "50"))
        self.booked, self.pending, self.ended = Decimal(50), {}, {}

    async def _connect(self):
        return connect(self.uri)

    def run(self, call):
        return self.runner.run(call)

    def teardown(self):
        report = self.run(verify(self.client, self.client[self.database]))
        self.run(self.client.close())
        self.runner.close()
        assert report.faults == ()

    @property
    def available(self):
        return self.booked - sum(self.pending.values())

    def expect(self, call, refusal):
        if not refusal:
            return self.run(call)
        with pytest.raises(refusal):
            self.run(call)
        return None

    @rule(target=holds, amount=st.integers(1, 40))
    def place(self, amount):
        refusal = errors.InsufficientFunds if amount > self.available else None
        hold = self.expect(
            self.ledger.hold(self.account, eur(str(amount)), expires_at=now() + timedelta(days=1)), refusal
        )
        if hold:
            self.pending[hold] = amount
        return hold

    @rule(hold=holds, amount=st.integers(1, 60))
    def post(self, hold, amount):
        refusal = self._refusal(hold)
        if not refusal and amount > self.available + self.pending[hold]:
            refusal = errors.InsufficientFunds
        self.expect(self.ledger.post_hold(str(hold), amount=eur(str(amount))), refusal)
        if not refusal:
            self.booked -= amount
            self._end(hold, "posted")

    @rule(hold=holds)
    def release(self, hold):
        refusal = self._refusal(hold)
        self.expect(self.ledger.release_hold(str(hold)), refusal)
        if not refusal:
            self._end(hold, "released")

    @rule()
    def expire_all(self):
        assert self.run(self.ledger.expire_holds(now() + timedelta(days=2))) == len(self.pending)
        for hold in list(self.pending):
            self._end(hold, "expired")

    @rule(amount=st.integers(1, 30))
    def deposit(self, amount):
        self.run(self.ledger.deposit(self.account, eur(str(amount))))
        self.booked += amount

    @invariant()
    def the_balance_is_as_the_model_says(self):
        balance = self.run(self.ledger.balance(self.account))
        assert (balance.booked, balance.available) == (self.booked, self.available)

    def _refusal(self, hold) -> type[OpenFinanceError] | None:
        if hold in self.pending:
            return None
        return errors.ALREADY_ENDED[self.ended[hold]] if hold in self.ended else errors.UnknownHold

    def _end(self, hold, state):
        del self.pending[hold]
        self.ended[hold] = state


@pytest.mark.usefixtures("platform")
def test_each_hold_ends_once_whatever_is_tried_in_whatever_order(ledger_uri, ledger_name):
    machine = type("BoundHolds", (Holds,), {"uri": ledger_uri, "database": ledger_name})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


async def test_a_hold_asked_for_again_with_its_id_is_the_same_hold(ledger, platform, opened, later):
    card = await opened("10")
    for _ in range(2):
        assert await ledger.hold(card, eur("4"), expires_at=later, hold_id="hold_1") == "hold_1"
    assert await platform.database[HOLDS].count_documents({}) == 1
