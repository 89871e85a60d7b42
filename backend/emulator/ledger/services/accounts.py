"""Accounts: opened, listed, closed.

The one place where two services share a transaction: only the ledger knows whether an account is empty, and a
message about it would come too late. So the account and its balance are opened together and sealed together.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bson.decimal128 import Decimal128
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession

from backend.emulator.ledger import errors
from backend.emulator.ledger.canonical import genesis
from backend.emulator.ledger.commands import check_texts, new_id, on_own_scale, zero
from backend.emulator.ledger.events import CloseAccountEvent, CreateAccountEvent, travelling
from backend.emulator.ledger.journal import Database, Stored
from backend.emulator.ledger.requests import Requests
from backend.emulator.ledger.schema import ACCOUNTS, ACCOUNTS_OUTBOX, ACCOUNTS_REQUESTS, BALANCES
from backend.kernel.clock import now
from backend.kernel.errors import InvalidMoney
from backend.kernel.money import to_bson

NOTHING: Final = Decimal128("0")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to be opened. ``overdraft`` is how far its balance may go below zero, as a loan's does."""

    owner: str
    bank: str
    name: str
    currency: str
    overdraft: Decimal = Decimal(0)
    id: str = field(default_factory=lambda: new_id("acc"))
    opened_at: datetime = field(default_factory=now)
    details: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_texts(self.name, self.details)
        if not self.overdraft.is_finite() or self.overdraft < 0:
            raise InvalidMoney("An overdraft is zero or more")


class AccountsService:
    """Opens and closes accounts and tells banking and query of it."""

    def __init__(self, client: AsyncMongoClient[Stored], database: Database) -> None:
        self._database = database
        self.requests = Requests(client, database[ACCOUNTS_REQUESTS])

    async def open(self, account: NewAccount, session: AsyncClientSession) -> Stored:
        """The account as stored; usable by the ledger at once, by banking and query when they hear of it."""
        stamp = time.time_ns() // 1000
        document = {
            "_id": account.id,
            "owner": account.owner,
            "bank": account.bank,
            "name": account.name,
            "currency": account.currency,
            "status": "active",
            "created_at": account.opened_at,
            "updated_at": account.opened_at,
            "stamp": stamp,
            "details": dict(account.details),
        }
        event = CreateAccountEvent(
            id=f"evt_{account.id}_created",
            timestamp=account.opened_at,
            account_id=account.id,
            user_id=account.owner,
            name=account.name,
            currency=account.currency,
        )
        await self._database[BALANCES].insert_one(_empty_balance(account, stamp), session=session)
        await self._database[ACCOUNTS].insert_one(document, session=session)
        await self._database[ACCOUNTS_OUTBOX].insert_one(travelling(event, [account.id], stamp), session=session)
        return document

    async def close(
        self, account: str, at: datetime, session: AsyncClientSession, *, owner: str | None = None, reason: str | None
    ) -> None:
        """Close the account, of ``owner`` if one is given; refused if it is unknown, closed or not empty.

        Sealing writes the same balance document as every posting, so one of two that come together gives way.
        """
        wanted: Stored = {"_id": account} | ({"owner": owner} if owner is not None else {})
        found = await self._database[ACCOUNTS].find_one(wanted, session=session)
        if not found:
            raise errors.UnknownAccount("There is no such account of yours")
        if found["status"] == "closed":
            raise errors.AccountClosed
        empty = {"_id": account, "status": "active", "booked": NOTHING, "held": NOTHING}
        seal = {"$set": {"status": "closed"}, "$inc": {"version": 1}}
        sealed = await self._database[BALANCES].update_one(empty, seal, session=session)
        if not sealed.matched_count:
            raise errors.AccountNotEmpty
        stamp = max(time.time_ns() // 1000, found["stamp"] + 1)
        closed = {"status": "closed", "closed_at": at, "updated_at": at, "stamp": stamp}
        event = CloseAccountEvent(
            id=f"evt_{account}_closed", timestamp=at, account_id=account, user_id=found["owner"], reason=reason
        )
        await self._database[ACCOUNTS].update_one({"_id": account}, {"$set": closed}, session=session)
        await self._database[ACCOUNTS_OUTBOX].insert_one(travelling(event, [account], stamp), session=session)

    async def list(self, *, owner: str, bank: str | None = None) -> list[Stored]:
        """The owner's accounts, at ``bank`` only if one is given, in order of opening; closed ones too."""
        wanted = {"owner": owner} | ({"bank": bank} if bank is not None else {})
        return await self._database[ACCOUNTS].find(wanted).sort([("created_at", 1), ("_id", 1)]).to_list()

    async def get(self, account: str, *, owner: str | None = None) -> Stored:
        """The account, of ``owner`` if one is given; UnknownAccount if there is none."""
        wanted = {"_id": account} | ({"owner": owner} if owner is not None else {})
        found = await self._database[ACCOUNTS].find_one(wanted)
        if not found:
            raise errors.UnknownAccount("There is no such account of yours")
        return found


def _empty_balance(account: NewAccount, stamp: int) -> dict[str, Any]:
    nothing = to_bson(zero(account.currency))
    return {
        "_id": account.id,
        "bank": account.bank,
        "owner": account.owner,
        "currency": account.currency,
        "status": "active",
        "booked": nothing,
        "held": nothing,
        "overdraft": to_bson(on_own_scale(account.overdraft, account.currency)),
        "version": 0,
        "seq": 0,
        "head": genesis(account.id),
        "booked_at": account.opened_at,
        "stamp": stamp,
    }
