"""The relay: carries messages out of an outbox to one consumer, at least once, in order for each account.

Polling is the truth; a change stream only wakes the poll up early, so that losing it costs a moment and no message.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from backend.emulator.ledger.journal import Database, Stored
from backend.emulator.ledger.outbox import Outbox
from backend.emulator.ledger.schema import POSITIONS
from backend.kernel.log import get_logger

PAGE: Final = 200
POLL_SECONDS: Final = 0.5
_SAVE_SECONDS: Final = 1.0


class Consumer(Protocol):
    """Whoever digests messages; a message seen before must have no second effect."""

    async def consume(self, records: Sequence[Stored]) -> Mapping[str, Exception | None]:
        """Digest ``records`` in that order; by id, which could not be digested and why.

        The reason is None for those that were not tried, as one before them on the same account failed.
        """
        ...


Arrange = Callable[[list[Stored]], list[Stored]]


def in_order(records: list[Stored]) -> list[Stored]:
    """As they stand in the outbox."""
    return records


class Relay:
    """One outbox to one consumer. ``arrange`` says how a page of messages arrives; the world may be unkind."""

    def __init__(
        self, outbox: Outbox, consumer: Consumer, *, arrange: Arrange = in_order, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self.outbox = outbox
        self.wake = asyncio.Event()
        self._consumer = consumer
        self._arrange = arrange
        self._poll_seconds = poll_seconds

    async def run(self) -> None:
        """Carry messages until cancelled; what the database or a message does wrong is no reason to end."""
        while True:
            try:
                moved = await self.step()
            except Exception as error:  # noqa: BLE001 - a relay that ended would hold up everybody; it says why and goes on
                get_logger().warning("relay.interrupted", error_class=type(error).__name__)
                moved = 0
            if not moved:
                await self._rest()

    async def step(self) -> int:
        """Carry one page; how many messages got further."""
        self.wake.clear()
        page = await self.outbox.waiting(PAGE)
        if not page:
            await self.outbox.sweep()
            return 0
        failures = await self._consumer.consume(self._arrange(page))
        await self.outbox.delivered(record["_id"] for record in page if record["_id"] not in failures)
        for record in page:
            if failure := failures.get(record["_id"]):
                await self._failed(record, failure)
        return len(page) - len(failures)

    async def _failed(self, record: Stored, failure: Exception) -> None:
        get_logger().warning("relay.undigested", error_class=type(failure).__name__)
        await self.outbox.failed(record, type(failure).__name__)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self.wake.wait()
        except TimeoutError:
            pass


async def wake_on_inserts(database: Database, name: str, relays: Sequence[Relay]) -> None:
    """Wake ``relays`` whenever something is inserted into the outbox ``name``, until cancelled.

    Where the stream was is kept, so that a restart goes on there.
    """
    token = await _position(database, name)
    while True:
        try:
            await _watch(database[name], database, token, relays)
        except PyMongoError as error:
            # Resuming may be what fails, as the server forgot that long ago; what was missed the poll finds.
            token = None
            get_logger().warning("relay.stream_lost", error_class=type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)


async def _watch(
    outbox: AsyncCollection[Stored], database: Database, token: Mapping[str, Any] | None, relays: Sequence[Relay]
) -> None:
    saved = 0.0
    inserts: list[Stored] = [{"$match": {"operationType": "insert"}}, {"$project": {"_id": 1}}]
    async with await outbox.watch(inserts, resume_after=token, max_await_time_ms=1000) as stream:
        while stream.alive:
            if await stream.try_next():
                for relay in relays:
                    relay.wake.set()
            clock = asyncio.get_running_loop().time()
            if clock - saved > _SAVE_SECONDS and stream.resume_token:
                saved = clock
                await database[POSITIONS].replace_one(
                    {"_id": outbox.name}, {"_id": outbox.name, "token": stream.resume_token}, upsert=True
                )


async def _position(database: Database, name: str) -> Mapping[str, Any] | None:
    try:
        found = await database[POSITIONS].find_one({"_id": name})
    except PyMongoError:
        return None
    return found["token"] if found else None
