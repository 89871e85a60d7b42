"""Query: what customers read, projected from the events; answers for owners only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bson.decimal128 import Decimal128
from pymongo import InsertOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from backend.emulator.ledger import errors
from backend.emulator.ledger.commands import zero
from backend.emulator.ledger.events import (
    CloseAccountEvent,
    CreateAccountEvent,
    DepositEvent,
    Message,
    TransferEvent,
    WithdrawSuccessEvent,
)
from backend.emulator.ledger.journal import Database, Stored
from backend.emulator.ledger.schema import NOTIFICATIONS, QUERY_ACCOUNTS, QUERY_BALANCES, QUERY_TRANSACTIONS
from backend.emulator.ledger.services.notifying import notifications
from backend.kernel.errors import NotFound
from backend.kernel.money import to_bson


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One account's part of an event."""

    account: str
    owner: str
    type: str
    amount: Decimal
    balance: Decimal
    seq: int
    event: DepositEvent | WithdrawSuccessEvent | TransferEvent


@dataclass(slots=True)
class _Changes:
    accounts: list[UpdateOne] = field(default_factory=list)
    balances: list[UpdateOne] = field(default_factory=list)
    transactions: list[InsertOne[Stored]] = field(default_factory=list)
    notifications: list[InsertOne[Stored]] = field(default_factory=list)


class QueryService:
    """Projections of accounts, balances, transactions and notifications."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def handle(self, messages: Sequence[Message], session: AsyncClientSession) -> None:
        """What the accounts service and the ledger have to say, in whatever order it comes."""
        changes = _Changes()
        for message in messages:
            _project(message, changes)
        for collection, writes in (
            (QUERY_ACCOUNTS, changes.accounts),
            (QUERY_BALANCES, changes.balances),
            (QUERY_TRANSACTIONS, changes.transactions),
            (NOTIFICATIONS, changes.notifications),
        ):
            if writes:
                await self._database[collection].bulk_write(writes, session=session)

    async def transactions(self, account: str, *, owner: str, limit: int, before: int | None = None) -> list[Stored]:
        """The owner's account's transactions, newest first, only those numbered below ``before``."""
        await self._owned(account, owner)
        wanted: Stored = {"account": account} | ({"seq": {"$lt": before}} if before is not None else {})
        return await self._database[QUERY_TRANSACTIONS].find(wanted).sort("seq", -1).limit(limit).to_list()

    async def balance(self, account: str, *, owner: str) -> Stored:
        """The balance of the owner's account."""
        name = (await self._owned(account, owner))["name"]
        found = await self._database[QUERY_BALANCES].find_one({"_id": account})
        if not found:
            raise NotFound("Balance not found; the account is being opened")
        return found | {"name": name}

    async def balances(self, *, owner: str) -> list[Stored]:
        """The balances of the owner's open accounts, with the accounts' names, by account."""
        mine = self._database[QUERY_ACCOUNTS].find({"owner": owner, "status": "active"})
        names = {account["_id"]: account.get("name", "") async for account in mine}
        found = self._database[QUERY_BALANCES].find({"_id": {"$in": list(names)}}).sort("_id", 1)
        return [balance | {"name": names[balance["_id"]]} async for balance in found]

    async def notifications(self, *, owner: str, limit: int) -> list[Stored]:
        """What the owner was told, newest first."""
        return await self._database[NOTIFICATIONS].find({"owner": owner}).sort("at", -1).limit(limit).to_list()

    async def _owned(self, account: str, owner: str) -> dict[str, Any]:
        found = await self._database[QUERY_ACCOUNTS].find_one({"_id": account, "owner": owner})
        if not found:
            raise errors.UnknownAccount("There is no such account of yours")
        return {"name": ""} | found


def lines(event: Message) -> Iterator[Line]:
    """The parts of the accounts in ``event``; a transfer has two."""
    if isinstance(event, DepositEvent | WithdrawSuccessEvent):
        kind = "deposit" if isinstance(event, DepositEvent) else "withdraw"
        signed = event.amount if kind == "deposit" else -event.amount
        yield Line(
            account=event.account_id,
            owner=event.user_id,
            type=kind,
            amount=signed,
            balance=event.balance,
            seq=event.seq,
            event=event,
        )
    elif isinstance(event, TransferEvent):
        yield Line(
            account=event.account_id,
            owner=event.user_id,
            type="transfer",
            amount=-event.amount,
            balance=event.balance,
            seq=event.seq,
            event=event,
        )
        yield Line(
            account=event.receiver_account_id,
            owner=event.receiver_user_id,
            type="transfer",
            amount=event.amount,
            balance=event.receiver_balance,
            seq=event.receiver_seq,
            event=event,
        )
    else:
        raise TypeError(f"Query has no use for {event.TYPE}")


def _project(message: Message, changes: _Changes) -> None:
    if isinstance(message, CreateAccountEvent):
        facts = {"owner": message.user_id, "name": message.name, "currency": message.currency}
        opened = {"$set": facts, "$setOnInsert": {"status": "active"}}
        changes.accounts.append(UpdateOne({"_id": message.account_id}, opened, upsert=True))
        changes.balances.append(_begun(message.account_id, message.user_id, message.currency, message))
    elif isinstance(message, CloseAccountEvent):
        closed = {"$set": {"owner": message.user_id, "status": "closed"}}
        changes.accounts.append(UpdateOne({"_id": message.account_id}, closed, upsert=True))
    else:
        for line in lines(message):
            _project_line(line, changes)
        changes.notifications += [InsertOne(each) for each in notifications(message)]


def _project_line(line: Line, changes: _Changes) -> None:
    """The balance is that of the highest number seen, so late news of earlier entries does not turn it back."""
    event = line.event
    balance = to_bson(line.balance)
    changes.balances.append(_begun(line.account, line.owner, event.currency, event))
    newer = {"balance": balance, "seq": line.seq, "updated_at": event.timestamp}
    changes.balances.append(UpdateOne({"_id": line.account, "seq": {"$lt": line.seq}}, {"$set": newer}))
    changes.transactions.append(
        InsertOne(
            {
                "_id": f"{event.transaction_id}:{line.account}",
                "transaction": event.transaction_id,
                "account": line.account,
                "owner": line.owner,
                "seq": line.seq,
                "type": line.type,
                "amount": to_bson(line.amount),
                "currency": event.currency,
                "balance": balance,
                "status": "completed",
                "timestamp": event.timestamp,
                "description": event.description,
            }
        )
    )


def _begun(account: str, owner: str, currency: str, message: Message) -> UpdateOne:
    nothing: Decimal128 = to_bson(zero(currency))
    first = {"owner": owner, "currency": currency, "balance": nothing, "seq": 0, "updated_at": message.timestamp}
    return UpdateOne({"_id": account}, {"$setOnInsert": first}, upsert=True)
