"""Rate limits: a moving minute for each caller, and stricter ones for named routes."""

import math
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Final

from fastapi import Request
from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from backend.api.identity.viewer import VIEWER, Viewer
from backend.kernel.errors import TooManyRequests

_NOBODY: Final = "nobody"
# Behind one address there may be many callers, and the mistakes of one must not soon switch off the others.
_MISTAKES_PER_SHARE: Final = 10


class Limiter:
    """Counts calls in this process's memory; behind several processes each counts on its own."""

    def __init__(self, per_minute: int) -> None:
        self._per_caller = RateLimitItemPerMinute(per_minute) if per_minute else None
        self._mistakes = RateLimitItemPerMinute(per_minute * _MISTAKES_PER_SHARE, namespace="MISTAKES")
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    @property
    def is_on(self) -> bool:
        """Whether anything is limited at all."""
        return self._per_caller is not None

    def count(self, caller: str) -> None:
        """Let ``caller`` in once more, or raise TooManyRequests with the seconds to wait."""
        if self._per_caller:
            self.count_for(self._per_caller, caller)

    def refuse_guesser(self, address: str) -> None:
        """TooManyRequests if from ``address`` came too many wrong tokens; nothing is counted."""
        if self.is_on and not self._windows.test(self._mistakes, address):
            raise self._refusal(self._mistakes, address)

    def count_mistake(self, address: str) -> None:
        """One more token from ``address`` was wrong, which the database had to be asked for."""
        if self.is_on:
            self._windows.hit(self._mistakes, address)

    def count_for(self, item: RateLimitItem, *caller: str) -> None:
        """The same for another limit than the general one."""
        if not self._windows.hit(item, *caller):
            raise self._refusal(item, *caller)

    def _refusal(self, item: RateLimitItem, *caller: str) -> TooManyRequests:
        reset = self._windows.get_window_stats(item, *caller).reset_time
        seconds = max(1, math.ceil(reset - time.time()))
        return TooManyRequests("Wait for the seconds in Retry-After, then go on slower", seconds=seconds)


@dataclass(frozen=True)
class Limited:
    """A dependency that counts calls of its route; by address, so that many accounts share one limit."""

    item: RateLimitItem
    by_address: bool

    async def __call__(self, request: Request) -> None:
        """TooManyRequests when the caller called this route too often."""
        limiter: Limiter = request.app.state.limiter
        if limiter.is_on:
            caller = address_of(request.scope) if self.by_address else caller_of(request.scope)
            limiter.count_for(self.item, request.scope["route"].path, caller)


def limited(rate: str, *, by_address: bool = False) -> Limited:
    """A dependency for one route: ``Depends(limited("5/minute"))``."""
    return Limited(parse(rate), by_address)


def caller_of(scope: MutableMapping[str, Any]) -> str:
    """Who is counted: the token, or the address when there is none."""
    viewer: Viewer | None = scope.get(VIEWER)
    return str(viewer.token_id) if viewer else address_of(scope)


def address_of(scope: MutableMapping[str, Any]) -> str:
    """Where the request came from, as far as the server knows; an IPv6 customer has a whole /64."""
    client = scope.get("client")
    if not client:
        return _NOBODY
    host: str = client[0]
    return _network_of(host) if ":" in host else host


def _network_of(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return address.packed[:8].hex()
