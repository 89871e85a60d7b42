"""What the server must know of a dialect; each dialect's package has one such row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.emulator.openbanking.refusals import Refused

Check = Callable[[Request, str], None]


def _nothing_more(_key_of: Callable[[str], str]) -> Check:
    return lambda _request, _client_id: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One dialect.

    All its paths begin with ``prefix``. ``policy`` are its rules for the authorization server, ``refuse`` draws a
    refusal, ``checking`` makes the check of its own headers, ``echoed`` is the header that goes back as it came.
    """

    name: str
    prefix: str
    routes: tuple[Route, ...]
    refuse: Callable[[Refused, Request], Response]
    attended_by: str
    echoed: str
    scopes: frozenset[str]
    checking: Callable[[Callable[[str], str]], Check] = _nothing_more
    policy: Mapping[str, Any] = field(default_factory=dict)
    tells_of_loans: bool = False
