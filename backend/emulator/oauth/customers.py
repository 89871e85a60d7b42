"""Customers: what the pages need to know of them, asked of whoever keeps the bank's books."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import anyio
from anyio.to_thread import run_sync
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of one bank; ``password_hash`` is argon2id, as ``Passwords.hash`` makes it."""

    id: str
    name: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CustomerAccount:
    """An account as the customer knows it; ``masked`` is what may be shown of its number."""

    id: str
    name: str
    masked: str
    kind: str = ""


class Customers(Protocol):
    """The bank's book of customers."""

    async def by_user_name(self, bank: str, user_name: str) -> Customer | None:
        """The customer who logs in to ``bank`` (its slug) by that name."""

    async def by_id(self, bank: str, customer_id: str) -> Customer | None:
        """The customer of that id."""

    async def accounts(self, bank: str, customer_id: str) -> Sequence[CustomerAccount]:
        """The accounts the customer may give access to, in the order to show them."""


class Passwords:
    """Hashes and checks passwords, with the same work for a customer who does not exist."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        # OWASP's smaller profile for argon2id: an emulated bank shares a laptop with the store.
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._nobody = self._hasher.hash("nobody has this password")
        self._limiter: anyio.CapacityLimiter | None = None

    def hash(self, password: str) -> str:
        """What to keep of ``password``."""
        return self._hasher.hash(password)

    async def matches(self, customer: Customer | None, password: str) -> bool:
        """Whether it is the customer's; for nobody as much work, and False."""
        stored = customer.password_hash if customer else self._nobody
        self._limiter = self._limiter or anyio.CapacityLimiter(_AT_ONCE)
        is_right = await run_sync(self._verifies, stored, password, limiter=self._limiter)
        return is_right and customer is not None

    def _verifies(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
