"""Coalescing: who waits for which query, and that nobody gets what is another's."""

import asyncio
from contextvars import ContextVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.api.coalesce import Coalescer

pytestmark = pytest.mark.unit


class Source:
    """Something slow to ask; remembers every query, and can be held back."""

    def __init__(self):
        self.version = 0
        self.queries = []
        self.open = asyncio.Event()
        self.open.set()
        self.failing = set()

    async def ask(self, shape, owners):
        version = self.version
        self.queries.append((shape, list(owners)))
        await self.open.wait()
        if self.failing.intersection(owners):
            raise ConnectionError("gone")
        return {owner: (shape, owner, version) for owner in owners}


async def _all(*reads):
    """What became of each read; one that is never answered fails the test instead of holding it up."""
    return await asyncio.wait_for(asyncio.gather(*reads, return_exceptions=True), 5)


async def _turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_read_alone_is_asked_at_once():
    source = Source()
    assert await Coalescer(source.ask).read("accounts", "frida") == ("accounts", "frida", 0)
    assert source.queries == [("accounts", ["frida"])]


async def test_reads_that_arrive_during_a_query_are_asked_together_first_in_first_out():
    source = Source()
    coalescer = Coalescer(source.ask, batch=2)
    source.open.clear()
    reads = [asyncio.ensure_future(coalescer.read("accounts", name)) for name in "abcde"]
    await _turns()
    source.open.set()
    assert [owner for _, owner, _ in await asyncio.gather(*reads)] == list("abcde")
    assert [owners for _, owners in source.queries] == [["a"], ["b", "c"], ["d", "e"]]


async def test_one_owner_asking_many_times_is_asked_for_once():
    source = Source()
    coalescer = Coalescer(source.ask, batch=2)
    source.open.clear()
    reads = [asyncio.ensure_future(coalescer.read("accounts", name)) for name in "abbbbc"]
    await _turns()
    source.open.set()
    await asyncio.gather(*reads)
    assert [owners for _, owners in source.queries] == [["a"], ["b", "c"]]


async def test_shapes_do_not_wait_for_each_other():
    source = Source()
    coalescer = Coalescer(source.ask)
    source.open.clear()
    slow = asyncio.ensure_future(coalescer.read("accounts", "a"))
    await _turns()
    source.open.set()
    source.open = asyncio.Event()
    source.open.set()
    assert await coalescer.read("products", "a") == ("products", "a", 0)
    assert await slow == ("accounts", "a", 0)


async def test_a_read_never_gets_the_answer_of_a_query_that_began_before_it():
    source = Source()
    coalescer = Coalescer(source.ask)
    source.open.clear()
    before = asyncio.ensure_future(coalescer.read("accounts", "a"))
    await _turns()
    source.version = 1  # the caller's own write
    after = asyncio.ensure_future(coalescer.read("accounts", "a"))
    await _turns()
    source.open.set()
    assert (await before, await after) == (("accounts", "a", 0), ("accounts", "a", 1))


async def test_an_error_reaches_everyone_in_the_batch_and_nobody_after_it():
    source = Source()
    coalescer = Coalescer(source.ask)
    source.open.clear()
    source.failing = {"c"}
    reads = [asyncio.ensure_future(coalescer.read("accounts", name)) for name in "abcd"]
    await _turns()
    source.open.set()
    answers = await _all(*reads)
    assert [type(each) for each in answers] == [tuple, ConnectionError, ConnectionError, ConnectionError]
    assert await coalescer.read("accounts", "b") == ("accounts", "b", 0)


async def test_a_caller_that_goes_away_hurts_no_other():
    source = Source()
    coalescer = Coalescer(source.ask)
    source.open.clear()
    first = asyncio.ensure_future(coalescer.read("accounts", "a"))
    waiting = [asyncio.ensure_future(coalescer.read("accounts", name)) for name in "bcd"]
    await _turns()
    first.cancel()
    waiting[1].cancel()
    await _turns()
    source.open.set()
    answers = await _all(first, *waiting)
    assert [type(each) for each in answers] == [
        asyncio.CancelledError,
        tuple,
        asyncio.CancelledError,
        tuple,
    ]
    assert source.queries == [("accounts", ["a"]), ("accounts", ["b", "d"])]


async def test_a_query_carries_nothing_of_the_caller_that_started_it():
    deadline = ContextVar("deadline", default=None)
    seen = []

    async def ask(_shape, owners):
        seen.append(deadline.get())
        return dict.fromkeys(owners)

    deadline.set("one second")
    await Coalescer(ask).read("accounts", "a")
    assert seen == [None]


async def test_nothing_is_kept_when_nobody_waits():
    source = Source()
    coalescer = Coalescer(source.ask)
    await asyncio.gather(*(coalescer.read(shape, owner) for shape in range(20) for owner in range(5)))
    await _turns()
    assert not coalescer._waiting
    assert not coalescer._running


@given(
    reads=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 3), st.booleans()), max_size=40),
    batch=st.integers(1, 5),
)
def test_every_reader_gets_its_own_answer_whatever_the_order_of_arrival(reads, batch):
    # shape, owner, turns of the loop to wait before, and whether the caller goes away half-way
    async def story():
        largest = 0
        running = set()

        async def ask(shape, owners):
            nonlocal largest
            assert shape not in running
            running.add(shape)
            largest = max(largest, len(owners))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            running.discard(shape)
            return {owner: (shape, owner) for owner in owners}

        coalescer = Coalescer(ask, batch=batch)
        tasks = []
        for shape, owner, turns, leaves in reads:
            await _turns(turns)
            tasks.append((asyncio.ensure_future(coalescer.read(shape, owner)), shape, owner))
            if leaves:
                tasks[len(tasks) // 2][0].cancel()
        answers = await _all(*(task for task, _, _ in tasks))
        for answer, (task, shape, owner) in zip(answers, tasks, strict=True):
            assert answer == (shape, owner) or task.cancelled()
        assert largest <= batch
        await _turns()
        assert not coalescer._waiting

    asyncio.run(story())
