"""Requests to banks, described and not sent: each dialect tells where its lists are and where they go on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from backend.banks.contract import MappedAccount, Resource

# What the sender fills in, by the header it goes into; no secret is ever part of a description.
Secret = Literal["access_token", "api_key"]


@dataclass(frozen=True, slots=True)
class Call:
    """What a call is made under: the consent, a UUID to quote, and the customer's address while they are there."""

    consent_id: str
    mark: str
    customer_ip: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An account to ask about, by the bank's own id for it."""

    provider_id: str
    is_card: bool = False

    @property
    def segment(self) -> str:
        """The id as one segment of a path, whatever characters it has."""
        return quote(self.provider_id, safe="")


@dataclass(frozen=True, slots=True)
class Window:
    """The days at the bank to ask for, both included; None leaves that end to the bank."""

    zone: ZoneInfo
    since: date | None = None
    until: date | None = None

    def days(self, since: str, until: str) -> dict[str, str]:
        """The two days under the bank's names for them."""
        return present({since: _iso(self.since), until: _iso(self.until)})

    def instants(self, since: str, until: str) -> dict[str, str]:
        """The first and the last second of the window, for banks that want instants."""
        first = datetime.combine(self.since, time(), self.zone) if self.since else None
        last = datetime.combine(self.until, time(23, 59, 59), self.zone) if self.until else None
        return present({since: _iso(first), until: _iso(last)})


@dataclass(frozen=True, slots=True)
class Request:
    """A read of one page. The path is absolute at the bank's host; ``secrets`` name what the sender adds."""

    resource: Resource
    path: str
    query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    secrets: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({"Authorization": "access_token"}))
    method: Literal["GET"] = "GET"


@dataclass(frozen=True, slots=True)
class Routes:
    """Where a dialect's lists are. None: it has no such list, or tells it within another.

    ``prefix`` begins the path of every page; ``target`` is how an account is asked about, None when it cannot be;
    ``link`` finds in a payload the address, or the query by which the
    same list goes on, of the next page.
    """

    prefix: str
    target: Callable[[MappedAccount], Target | None]
    accounts: Callable[[Call], Sequence[Request]]
    transactions: Callable[[Call, Target, Window], Request]
    link: Callable[[Any], "str | Mapping[str, str] | None"]
    balances: Callable[[Call, Target], Request] | None = None
    products: Callable[[Call], Request] | None = None


def by_provider_id(account: MappedAccount) -> Target | None:
    """An account is asked about by the bank's own id for it; a card is known by its masked number."""
    if account.provider_id is None:
        return None
    return Target(account.provider_id, is_card=account.key.scheme == "MaskedPan")


def present(headers: Mapping[str, str | None]) -> dict[str, str]:
    """The headers that have a value."""
    return {name: value for name, value in headers.items() if value is not None}


def _iso(when: date | None) -> str | None:
    return when.isoformat() if when else None
