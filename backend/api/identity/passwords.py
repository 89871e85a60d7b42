"""Passwords: argon2id in a thread, the same work for a person who does not exist."""

from functools import cached_property

import anyio
from anyio.to_thread import run_sync
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE = 4


class Passwords:
    """Hashes and checks passwords; at most four at a time, because each takes 64 MiB and a core."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    async def hash(self, password: str) -> str:
        """The argon2id hash to store, with its parameters and salt in it."""
        return await run_sync(self._hasher.hash, password, limiter=self._limiter)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one behind ``stored``; with None as much work, and False."""
        if stored is None:
            await run_sync(self._matches, await self._nobodys(), password, limiter=self._limiter)
            return False
        return await run_sync(self._matches, stored, password, limiter=self._limiter)

    def is_dated(self, stored: str) -> bool:
        """Whether ``stored`` was made with other parameters than we use now."""
        return self._hasher.check_needs_rehash(stored)

    async def warm_up(self) -> None:
        """Make the hash that stands in for people who do not exist, so that the first such look is no slower."""
        await self._nobodys()

    async def _nobodys(self) -> str:
        if self._nobody is None:
            self._nobody = await self.hash("nobody has this password")
        return self._nobody

    _nobody: str | None = None

    @cached_property
    def _limiter(self) -> anyio.CapacityLimiter:
        return anyio.CapacityLimiter(_AT_ONCE)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
