"""Where each dialect keeps transactions, ids, amounts, dates and the link to the next page: rows of data."""

import re
from functools import cache
from typing import Any, Final, Literal

from pydantic import Field

from backend.emulator.faults.calls import path_pattern
from backend.emulator.faults.places import Place, places
from backend.emulator.faults.reading import DATA, Row, as_row, read_rows
from backend.kernel.errors import InvalidInput

_ROWS: Final = DATA / "dialects"


class Listing(Row):
    """A list of transactions ``at`` a place; all other paths lead from one transaction on.

    ``account`` is where a transaction names its account, if lists of several accounts exist.
    ``references`` identify less strictly than ``ids``; ``dates`` go from booking to value. ``opposites`` tell, for
    every member that says which way money goes, what the other way is called; ``sides`` are who gives and who gets.
    """

    at: str
    account: str = ""
    is_pending: bool = False
    pending_where: dict[str, str] = Field(default_factory=dict)
    ids: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    amounts: tuple[str, ...]
    opposites: dict[str, dict[str, str]] = Field(default_factory=dict)
    sides: tuple[str, str] | None = None
    dates: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def pending(self, transaction: Any) -> bool:
        """Whether ``transaction`` is not booked yet."""
        told = [
            place.value == value for path, value in self.pending_where.items() for place in places(transaction, path)
        ]
        return self.is_pending or any(told)


class Balances(Row):
    """Lists of balances, members that are a balance themselves, and where amounts stand in both."""

    lists: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()


class Next(Row):
    """Where the next page is named: by its address, or by a cursor that is sent as ``parameter``."""

    at: str
    form: Literal["address", "cursor"] = "address"
    parameter: str = ""


class Dialect(Row):
    """One dialect; ``calls`` are path templates whose first ``{…}`` is the account that a call is about."""

    calls: tuple[str, ...]
    transactions: tuple[Listing, ...]
    balances: Balances
    next: tuple[Next, ...]

    def account_of(self, path: str) -> str:
        """The account that a call of ``path`` is about, or nothing when it is about none or several."""
        found: re.Match[str] | None
        for template in self.calls:
            if found := path_pattern(template).fullmatch(path):
                return found[1]
        return ""

    def next_pages(self, payload: Any) -> list[tuple[Next, Place]]:
        """How and where ``payload`` names the page after it, if there is one."""
        return [(each, place) for each in self.next for place in places(payload, each.at) if place.value]


@cache
def dialect_named(name: str) -> Dialect:
    """The dialect of that name; InvalidInput lists those there are."""
    path = _ROWS / f"{name}.toml"
    known = sorted(row.stem for row in _ROWS.glob("*.toml"))
    if name not in known:
        raise InvalidInput(f"There is no dialect of that name; there are {', '.join(known)}")
    return as_row(path, read_rows(path), Dialect)
