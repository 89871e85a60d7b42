"""The journal: one record for each transaction, its legs in balance, linked into the chain of every account in it.

A record is never changed: the application's user can only find and insert. ``legs`` say who pays whom (an amount
above zero is a credit, below zero a debit), ``links`` where the record hangs in the chain of each customer account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.ledger.canonical import plain
from backend.emulator.ledger.decimals import decimal_of
from backend.emulator.ledger.schema import BALANCES, JOURNAL
from backend.kernel.money import Money

Stored = dict[str, Any]
Database = AsyncDatabase[Stored]

IN_ORDER: Final = [("booked_at", 1), ("stamp", 1)]
_NEWEST_FIRST: Final = [("booked_at", -1), ("stamp", -1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A transaction as one account sees it: signed amount, and the balance after it."""

    id: str
    account: str
    seq: int
    type: str
    amount: Money
    balance: Decimal
    counter_account: str
    booked_at: datetime
    description: str
    details: Mapping[str, str]
    operation: str | None
    hold: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is on an account: ``booked`` by its entries, of which ``held`` is set aside.

    ``available`` also counts the overdraft that is granted.
    """

    account: str
    currency: str
    booked: Decimal
    held: Decimal
    available: Decimal
    is_open: bool
    seq: int


def hashed_part(record: Mapping[str, Any]) -> Stored:
    """What the hash of ``record`` is taken over: everything else in it, in the types of JSON."""
    return {name: plain(value) for name, value in record.items() if name != "hash"}


def entry_of(record: Mapping[str, Any], account: str) -> Entry:
    """``record`` as ``account``, which takes part in it, sees it."""
    own, other = sorted(record["legs"], key=lambda leg: leg["account"] != account)
    return Entry(
        id=record["_id"],
        account=account,
        seq=next(link["seq"] for link in record["links"] if link["account"] == account),
        type=record["type"],
        amount=Money(decimal_of(own["amount"]), record["currency"]),
        balance=decimal_of(own["balance"]),
        counter_account=other["account"],
        booked_at=record["booked_at"],
        description=record["description"],
        details=record["details"],
        operation=record.get("operation"),
        hold=record.get("hold"),
    )


async def load_entries(
    database: Database,
    account: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after: int = 0,
    limit: int = 0,
) -> list[Entry]:
    """The account's entries booked at ``since`` or later and before ``until``, in order of the chain.

    Only those numbered above ``after``, at most ``limit`` (0: all).
    """
    wanted: Stored = {"links": {"$elemMatch": {"account": account, "seq": {"$gt": after}}}}
    period = {name: at for name, at in (("$gte", since), ("$lt", until)) if at}
    if period:
        wanted = {"links.account": account, "booked_at": period} | wanted
    found = database[JOURNAL].find(wanted).sort(IN_ORDER).limit(limit)
    return [entry_of(record, account) async for record in found]


async def booked_balance_at(database: Database, account: str, at: datetime) -> Decimal | None:
    """The booked balance when ``at`` was over; None if nothing was booked by then.

    Dates never run backwards along a chain, so it is the one written into the last record of that time.
    """
    last = await database[JOURNAL].find_one({"links.account": account, "booked_at": {"$lte": at}}, sort=_NEWEST_FIRST)
    return entry_of(last, account).balance if last else None


async def load_balance(database: Database, account: str) -> Balance | None:
    """What is on ``account`` now, or None if there is no such account."""
    found = await database[BALANCES].find_one({"_id": account})
    if not found:
        return None
    booked, held, overdraft = (decimal_of(found[name]) for name in ("booked", "held", "overdraft"))
    return Balance(
        account=account,
        currency=found["currency"],
        booked=booked,
        held=held,
        available=booked - held + overdraft,
        is_open=found["status"] == "active",
        seq=found["seq"],
    )
