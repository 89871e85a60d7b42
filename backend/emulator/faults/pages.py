"""One answer's payload, with all that a step may look at to change it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import orjson

from backend.emulator.faults.dialects import Dialect, Listing
from backend.emulator.faults.places import Place, places
from backend.kernel.errors import Malformed
from backend.kernel.strict_json import loads


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction of a page: ``content`` with the ``listing`` that tells what its members mean."""

    listing: Listing
    content: Any
    account: str

    @property
    def is_pending(self) -> bool:
        """Whether it is not booked yet."""
        return self.listing.pending(self.content)


@dataclass(frozen=True, slots=True)
class Page:
    """A payload as it was answered to ``path`` and ``query`` on ``day``, to be changed in place."""

    payload: Any
    dialect: Dialect
    bank: str
    path: str
    query: str
    day: date
    seed: str

    @property
    def address(self) -> str:
        """Path and query of this very page."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def account(self) -> str:
        """The account the call was about, or nothing."""
        return self.dialect.account_of(self.path)

    def parameter(self, name: str) -> str | None:
        """A parameter of the query, if it was sent."""
        return next(iter(parse_qs(self.query).get(name, ())), None)

    def listings(self) -> Iterator[tuple[Listing, Place]]:
        """Every list of transactions, with the place where it stands."""
        for listing in self.dialect.transactions:
            for place in places(self.payload, listing.at):
                if isinstance(place.value, list):
                    yield listing, place

    def transactions(self) -> Iterator[Transaction]:
        """Every transaction of the page."""
        for listing, place in self.listings():
            yield from (self.transaction(listing, content) for content in place.value if isinstance(content, dict))

    def transaction(self, listing: Listing, content: Any) -> Transaction:
        """One of them, with the account that it, or else the call, names."""
        named = next((place.value for place in places(content, listing.account)), self.account)
        return Transaction(listing, content, named)

    def mark(self, *parts: object) -> int:
        """64 bits that depend on seed, bank and ``parts`` alone."""
        told = repr((self.seed, self.bank, *parts)).encode()
        return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big")


def read_payload(body: bytes) -> Any:
    """What ``body`` says, numbers exact; None when it is not JSON, or not an object."""
    try:
        payload = loads(body)
    except Malformed:
        return None
    return payload if isinstance(payload, dict) else None


def render_payload(payload: Any) -> bytes:
    """``payload`` as JSON; a Decimal is a number with exactly its digits."""
    return orjson.dumps(payload, _number)


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} is not rendered")
