"""Terms: what a third party asked for in the words of its dialect, kept beside the consent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase

from backend.kernel.mongo.client import translated
from backend.kernel.mongo.provision import CollectionSpec

Stored = dict[str, Any]
DATABASE: Final = "bank_openbanking"
TERMS: Final = CollectionSpec("consent_terms")
COLLECTIONS: Final[tuple[CollectionSpec, ...]] = (TERMS,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """``asked`` is the part of the request that is told again, ``codes`` are the dialect's permissions.

    Bookings outside ``since`` and ``until`` are not shown. ``accounts`` narrows single permissions to some accounts.
    """

    consent_id: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    codes: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    reads_a_day: int
    is_one_off: bool = False
    accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def reaches(self, permission: str, account: str) -> bool:
        """Whether the permission was asked for that account too."""
        named = self.accounts.get(permission)
        return named is None or account in named


class TermsShelf:
    """The terms of all banks' consents."""

    def __init__(self, database: AsyncDatabase[Stored]) -> None:
        self._terms = database[TERMS.name]

    async def keep(self, terms: Terms) -> None:
        """Keep the terms of a new consent."""
        with translated():
            await self._terms.insert_one(_to_bson(terms))

    async def find(self, consent_id: str) -> Terms | None:
        """The consent's terms."""
        with translated():
            found = await self._terms.find_one({"_id": {"$eq": consent_id}})
        return _from_bson(found) if found else None


def _to_bson(terms: Terms) -> Stored:
    return {
        "_id": terms.consent_id,
        "Asked": dict(terms.asked),
        "Codes": sorted(terms.codes),
        "Since": terms.since,
        "Until": terms.until,
        "ReadsADay": terms.reads_a_day,
        "IsOneOff": terms.is_one_off,
        "Accounts": {permission: list(accounts) for permission, accounts in terms.accounts.items()},
    }


def _from_bson(stored: Stored) -> Terms:
    return Terms(
        consent_id=stored["_id"],
        asked=stored["Asked"],
        codes=frozenset(stored["Codes"]),
        since=stored["Since"],
        until=stored["Until"],
        reads_a_day=stored["ReadsADay"],
        is_one_off=stored["IsOneOff"],
        accounts={permission: tuple(accounts) for permission, accounts in stored["Accounts"].items()},
    )
