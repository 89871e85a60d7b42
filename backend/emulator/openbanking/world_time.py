"""The banks' two clocks: the world's, which stands until it is advanced, and the one that permissions age by."""

from datetime import datetime, timedelta

from backend.emulator.world.clock import WorldClock
from backend.kernel import clock


class WorldTime:
    """Money is dated by the world's clock; tokens and log-ins live by the real one, as their clients do.

    Permissions age by both: a day passes for them when a real day passes, and when the world is advanced by a day.
    """

    def __init__(self, world_clock: WorldClock, starts: datetime) -> None:
        self._clock = world_clock
        self._starts = starts

    async def now(self) -> datetime:
        """The present instant of the world."""
        return await self._clock.now()

    async def advanced(self) -> timedelta:
        """How far the world has been advanced since it was built."""
        return await self._clock.now() - self._starts

    async def of_permissions(self) -> datetime:
        """The present instant for permissions: real time, and what the world was advanced by on top."""
        return clock.now() + await self.advanced()
