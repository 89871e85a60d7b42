"""Emulated banks as rows: each has a host name, and so an issuer, rules and a face of its own."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from backend.kernel.errors import Misconfigured
from backend.oauth.policy import Policy

_COLOUR: Final = re.compile("#[0-9a-f]{6}")
_INTENT_NAMES: Final = ("openbanking_intent_id", "authorizationId")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """One bank. ``colour`` is its brand as ``#rrggbb``, dark enough to carry white text."""

    slug: str
    name: str
    host: str
    policy: Policy
    colour: str = "#0b5d3b"
    # Regulation (EU) 2022/2360: strong customer authentication is renewed after 180 days.
    authentication_days: int = 180
    unattended_reads_a_day: int = 4

    def __post_init__(self) -> None:
        if not _COLOUR.fullmatch(self.colour):  # it is written into the style sheet as it stands
            raise Misconfigured(f"The colour of {self.slug} is written as #rrggbb")

    @property
    def issuer(self) -> str:
        """Its address, which is also its name in the protocol."""
        return self.policy.issuer

    @property
    def authentication_lasts(self) -> timedelta:
        """How long a customer's strong authentication carries a consent."""
        return timedelta(days=self.authentication_days)


class Directory:
    """The banks of one process, found by the Host header."""

    def __init__(self, banks: Iterable[Bank]) -> None:
        self._by_host = {bank.host.lower(): bank for bank in banks}

    def by_host(self, header: str) -> Bank | None:
        """The bank that ``header`` names, with or without a port."""
        return self._by_host.get(header.partition(":")[0].lower())

    def __iter__(self) -> Iterator[Bank]:
        return iter(self._by_host.values())


def consent_named(parameters: Mapping[str, str]) -> str | None:
    """The consent that an authorization request is about, wherever the dialect puts it.

    ``consent_id`` as a parameter; ``AIS:<id>`` in the scope (Berlin Group); an intent id in the ``claims``
    (UK, OP Finland).
    """
    if named := parameters.get("consent_id"):
        return named
    for word in parameters.get("scope", "").split():
        _, has_object, consent_id = word.partition(":")
        if has_object and consent_id:
            return consent_id
    return _intent(parameters.get("claims", ""))


def _intent(claims: str) -> str | None:
    try:
        asked = json.loads(claims or "{}")
    except (ValueError, RecursionError):
        return None
    for part in asked.values() if isinstance(asked, dict) else ():
        for name in _INTENT_NAMES:
            wish = part.get(name) if isinstance(part, dict) else None
            if isinstance(wish, dict) and isinstance(wish.get("value"), str):
                return str(wish["value"])
    return None
