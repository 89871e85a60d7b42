"""The clock of the world: it stands still until somebody advances it, and all processes read the same."""

import time
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.world.reading import World
from backend.emulator.world.schema import CLOCK
from backend.kernel.errors import Conflict, Misconfigured
from backend.kernel.mongo.client import translated

_ID: Final = "clock"
_CACHED_SECONDS: Final = 0.5


class WorldClock:
    """What time it is in the world. For a piece of work, ``clock.stopped_at(await world_clock.now())``."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], *, cached_seconds: float = _CACHED_SECONDS) -> None:
        self._clock = database[CLOCK]
        self._cached_seconds = cached_seconds
        self._cached: tuple[float, datetime] | None = None

    async def now(self) -> datetime:
        """The present instant of the world, at most half a second old; Misconfigured before there is a world."""
        if self._cached and time.monotonic() - self._cached[0] < self._cached_seconds:
            return self._cached[1]
        found = await self._read()
        if not found:
            raise Misconfigured("There is no world yet; run `openfinance world build`")
        now: datetime = found["now"].astimezone(UTC)
        self._cached = (time.monotonic(), now)
        return now

    async def stands(self, world: World) -> bool:
        """Whether ``world`` is built; Misconfigured if another one is, from other rows."""
        found = await self._read()
        if found and found["fingerprint"] != world.fingerprint:
            raise Misconfigured("The world was built from other rows; run `openfinance world reset` and build again")
        return found is not None

    async def start(self, world: World) -> None:
        """The world is built: its time begins."""
        with translated():
            facts = {"now": world.starts, "fingerprint": world.fingerprint}
            await self._clock.replace_one({"_id": _ID}, facts, upsert=True)
        self._cached = None

    async def move(self, *, before: datetime, after: datetime) -> None:
        """From one instant to another; Conflict if somebody else has moved it."""
        with translated():
            moved = await self._clock.update_one({"_id": _ID, "now": before}, {"$set": {"now": after}})
        self._cached = None
        if not moved.matched_count:
            raise Conflict("Somebody else is advancing the clock; wait until that is done")

    async def _read(self) -> dict[str, Any] | None:
        with translated():
            return await self._clock.find_one({"_id": _ID})
