"""Banking: takes deposits, withdrawals and transfers as operations, and follows each to its end.

An operation is stored with the command that asks the ledger for it; the ledger's events complete or fail it, once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import uuid4

from pymongo import AsyncMongoClient, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession

from backend.emulator.ledger.commands import check_texts, checked_amount
from backend.emulator.ledger.errors import AccountUnusable
from backend.emulator.ledger.events import (
    FAILED,
    CloseAccountEvent,
    CreateAccountEvent,
    DepositCommand,
    DepositEvent,
    Message,
    TransferCommand,
    TransferEvent,
    WithdrawCommand,
    WithdrawSuccessEvent,
    travelling,
)
from backend.emulator.ledger.journal import Database, Stored
from backend.emulator.ledger.requests import Requests
from backend.emulator.ledger.schema import BANKING_ACCOUNTS, BANKING_OUTBOX, BANKING_REQUESTS, OPERATIONS
from backend.kernel.clock import now
from backend.kernel.errors import InvalidMoney, NotFound
from backend.kernel.money import to_bson

_REFUSED: Final = tuple(FAILED.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a customer wants done; ``receiver`` and ``payment_method`` belong to transfers."""

    type: Literal["deposit", "withdraw", "transfer"]
    owner: str
    account: str
    amount: Decimal
    receiver: str | None = None
    payment_method: str | None = None
    description: str = ""


class BankingService:
    """Operations, and the projection of accounts they are checked against."""

    def __init__(self, client: AsyncMongoClient[Stored], database: Database) -> None:
        self._database = database
        self.requests = Requests(client, database[BANKING_REQUESTS])

    async def start(self, order: Order, session: AsyncClientSession) -> Stored:
        """The pending operation, stored with its command; AccountUnusable unless the owner has that account, open."""
        account = await self._usable(order, session)
        operation = str(uuid4())
        at = now()
        check_texts(order.description, {})
        amount = checked_amount(order.amount, account["currency"])
        document: Stored = {
            "_id": operation,
            "owner": order.owner,
            "account": order.account,
            "type": order.type,
            "amount": to_bson(amount),
            "currency": account["currency"],
            "status": "pending",
            "created_at": at,
        }
        command = _command(order, operation, amount, account["currency"], at)
        accounts = [each for each in (order.account, order.receiver) if each]
        await self._database[OPERATIONS].insert_one(document, session=session)
        await self._database[BANKING_OUTBOX].insert_one(
            travelling(command, accounts, time.time_ns() // 1000), session=session
        )
        return document

    async def operation(self, operation: str, *, owner: str) -> Stored:
        """The owner's operation; NotFound if there is none."""
        found = await self._database[OPERATIONS].find_one({"_id": operation, "owner": owner})
        if not found:
            raise NotFound("There is no such operation of yours")
        return found

    async def handle(self, messages: Sequence[Message], session: AsyncClientSession) -> None:
        """What the accounts service and the ledger have to say, in whatever order it comes."""
        accounts: list[UpdateOne] = []
        operations: list[UpdateOne] = []
        for message in messages:
            if isinstance(message, CreateAccountEvent | CloseAccountEvent):
                accounts.append(_projected(message))
            else:
                operations.append(_ended(message))
        for collection, updates in ((BANKING_ACCOUNTS, accounts), (OPERATIONS, operations)):
            if updates:
                await self._database[collection].bulk_write(updates, session=session)

    async def _usable(self, order: Order, session: AsyncClientSession) -> Stored:
        """The account to be used; a receiver must exist and be open too, whosever it is."""
        accounts = self._database[BANKING_ACCOUNTS]
        found = await accounts.find_one(
            {"_id": order.account, "owner": order.owner, "status": "active"}, session=session
        )
        if not found:
            raise AccountUnusable
        if order.receiver:
            receiver = await accounts.find_one({"_id": order.receiver, "status": "active"}, session=session)
            if not receiver or order.receiver == order.account:
                raise AccountUnusable
            if receiver["currency"] != found["currency"]:
                raise InvalidMoney(f"The account is kept in {found['currency']}, the receiver's in another currency")
        return found


def _command(order: Order, operation: str, amount: Decimal, currency: str, at: datetime) -> Message:
    common: dict[str, Any] = {
        "id": f"cmd_{operation}",
        "timestamp": at,
        "account_id": order.account,
        "user_id": order.owner,
        "amount": amount,
        "currency": currency,
        "operation_id": operation,
        "description": order.description,
    }
    if order.receiver:
        return TransferCommand(**common, receiver_account_id=order.receiver, payment_method=order.payment_method)
    return DepositCommand(**common) if order.type == "deposit" else WithdrawCommand(**common)


def _projected(event: CreateAccountEvent | CloseAccountEvent) -> UpdateOne:
    """Closed stays closed, even if the news of the opening comes later."""
    ours = {"_id": event.account_id}
    if isinstance(event, CloseAccountEvent):
        return UpdateOne(ours, {"$set": {"owner": event.user_id, "status": "closed"}}, upsert=True)
    facts = {"owner": event.user_id, "name": event.name, "currency": event.currency}
    return UpdateOne(ours, {"$set": facts, "$setOnInsert": {"status": "active"}}, upsert=True)


def _ended(event: Message) -> UpdateOne:
    if isinstance(event, DepositEvent | WithdrawSuccessEvent | TransferEvent):
        result: Stored = {"status": "completed", "completed_at": now(), "transaction": event.transaction_id}
        return UpdateOne({"_id": event.operation_id, "status": "pending"}, {"$set": result})
    if isinstance(event, _REFUSED):
        result = {"status": "failed", "completed_at": now(), "error_message": event.reason}
        return UpdateOne({"_id": event.operation_id, "status": "pending"}, {"$set": result})
    raise TypeError(f"Banking has no use for {event.TYPE}")
