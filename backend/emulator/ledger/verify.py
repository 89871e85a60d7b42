"""The auditor: proves the books from their own records, reading one instant of a ledger that may be running.

Hashes, balance of every transaction, chains, balances, holds, and that no message was lost. What is wrong is named
by record; the first fault found is the first in the order of booking.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession

from backend.emulator.ledger import schema
from backend.emulator.ledger.canonical import genesis, independent_digest
from backend.emulator.ledger.commands import transaction_id
from backend.emulator.ledger.journal import Database, Stored, hashed_part
from backend.kernel.mongo.client import translated

_PAGE: Final = 1000
_NO_HOLD: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One record that is not as it must be: ``record`` is its collection and id, ``what`` a sentence."""

    record: str
    what: str

    def __str__(self) -> str:
        return f"{self.record}: {self.what}"


@dataclass(frozen=True, slots=True)
class Report:
    """What the audit found. ``waiting`` counts messages on their way by outbox, ``dead_letters`` those set aside."""

    faults: tuple[Fault, ...]
    transactions: int
    accounts: int
    holds: int
    waiting: Mapping[str, int]
    dead_letters: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong; messages may still be on their way."""
        return not self.faults


@dataclass(slots=True)
class _Fold:
    """An account as its journal says."""

    head: bytes
    seq: int = 0
    booked: Decimal = Decimal(0)
    booked_at: datetime | None = None


@dataclass(slots=True)
class _Audit:
    database: Database
    session: AsyncClientSession
    faults: list[Fault] = field(default_factory=list)
    folds: dict[str, _Fold] = field(default_factory=dict)
    transactions: int = 0
    accounts: int = 0
    holds: int = 0

    def fault(self, collection: str, record: object, what: str) -> None:
        self.faults.append(Fault(f"{collection} {record}", what))

    async def ids(self, collection: str, wanted: Iterable[str]) -> set[str]:
        """Those of ``wanted`` that ``collection`` has."""
        found = self.database[collection].find({"_id": {"$in": list(wanted)}}, {"_id": 1}, session=self.session)
        return {record["_id"] async for record in found}

    async def pages(self, collection: str, by: str = "_id") -> AsyncIterator[list[Stored]]:
        """All records of ``collection``, sorted, in pages."""
        page: list[Stored] = []
        found = self.database[collection].find({}, session=self.session, batch_size=_PAGE).sort(by, 1)
        async for record in found.allow_disk_use(True):
            page.append(record)
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page


async def verify(client: AsyncMongoClient[Stored], database: Database) -> Report:
    """The audit's report on the ledger as it stood when this was called."""
    with translated():
        async with client.start_session(snapshot=True) as session:
            audit = _Audit(database, session)
            await _check_journal(audit)
            await _check_balances(audit)
            await _check_holds(audit)
            await _check_accounts(audit)
            await _check_query_balances(audit)
            await _check_operations(audit)
            waiting = {name: await _count(audit, name) for name in schema.OUTBOXES}
            return Report(
                faults=tuple(audit.faults),
                transactions=audit.transactions,
                accounts=audit.accounts,
                holds=audit.holds,
                waiting=waiting,
                dead_letters=await _count(audit, schema.DEAD_LETTERS),
            )


async def _check_journal(audit: _Audit) -> None:
    """Record by record in the order of booking; then what customers see of each."""
    async for page in audit.pages(schema.JOURNAL, by="stamp"):
        for record in page:
            audit.transactions += 1
            _check_record(audit, record)
        await _check_told(audit, page)


def _check_record(audit: _Audit, record: Stored) -> None:
    if independent_digest(hashed_part(record)) != record["hash"]:
        audit.fault(schema.JOURNAL, record["_id"], "its content does not fit its hash")
    legs = {leg["account"]: leg for leg in record["legs"]}
    if sum(leg["amount"].to_decimal() for leg in record["legs"]) != 0:
        audit.fault(schema.JOURNAL, record["_id"], "debits and credits differ")
    if {link["account"] for link in record["links"]} != set(legs) - {schema.SYSTEM_CASH}:
        audit.fault(schema.JOURNAL, record["_id"], "its links are not those of its accounts")
    for link in record["links"]:
        if link["account"] in legs:
            _check_link(audit, record, link, legs[link["account"]])


def _check_link(audit: _Audit, record: Stored, link: Stored, leg: Stored) -> None:
    account = link["account"]
    fold = audit.folds.setdefault(account, _Fold(genesis(account)))
    balance = leg["balance"].to_decimal()
    if link["seq"] != fold.seq + 1:
        audit.fault(
            schema.JOURNAL, record["_id"], f"it is number {link['seq']} of {account}; number {fold.seq + 1} is missing"
        )
    elif link["prev"] != fold.head:
        audit.fault(schema.JOURNAL, record["_id"], f"it does not link to the record before it on {account}")
    elif balance != fold.booked + leg["amount"].to_decimal():
        audit.fault(schema.JOURNAL, record["_id"], f"the balance it tells for {account} is not the sum of the entries")
    if fold.booked_at and record["booked_at"] < fold.booked_at:
        audit.fault(schema.JOURNAL, record["_id"], f"it is dated before the record before it on {account}")
    fold.seq, fold.head, fold.booked, fold.booked_at = link["seq"], record["hash"], balance, record["booked_at"]


async def _check_told(audit: _Audit, page: list[Stored]) -> None:
    """Each transaction has reached the query service, or its message is on the way or set aside."""
    wanted = {f"{record['_id']}:{link['account']}": record for record in page for link in record["links"]}
    found = audit.database[schema.QUERY_TRANSACTIONS].find({"_id": {"$in": list(wanted)}}, session=audit.session)
    told = {row["_id"]: row async for row in found}
    missing = {f"evt_{record['_id']}" for row, record in wanted.items() if row not in told}
    on_the_way = await audit.ids(schema.LEDGER_OUTBOX, missing)
    on_the_way |= {
        letter.rpartition(":")[0]
        for letter in await audit.ids(schema.DEAD_LETTERS, [f"{each}:query" for each in missing])
    }
    for row, record in wanted.items():
        if row in told:
            _check_row(audit, told[row], record)
        elif f"evt_{record['_id']}" not in on_the_way:
            audit.fault(
                schema.LEDGER_OUTBOX,
                f"evt_{record['_id']}",
                f"it is missing, and {row} never reached the query service",
            )


def _check_row(audit: _Audit, row: Stored, record: Stored) -> None:
    leg = next(leg for leg in record["legs"] if leg["account"] == row["account"])
    if (row["amount"], row["balance"], row["timestamp"]) != (leg["amount"], leg["balance"], record["booked_at"]):
        audit.fault(schema.QUERY_TRANSACTIONS, row["_id"], "it differs from the journal")


async def _check_balances(audit: _Audit) -> None:
    unseen = set(audit.folds)
    async for page in audit.pages(schema.BALANCES):
        held = await _held(audit, [balance["_id"] for balance in page])
        for balance in page:
            audit.accounts += 1
            unseen.discard(balance["_id"])
            _check_balance(audit, balance, held.get(balance["_id"], _NO_HOLD))
    for account in sorted(unseen):
        audit.fault(schema.BALANCES, account, "it is missing, though the journal has entries of the account")


def _check_balance(audit: _Audit, balance: Stored, held: Decimal) -> None:
    account = balance["_id"]
    fold = audit.folds.get(account) or _Fold(genesis(account))
    booked = balance["booked"].to_decimal()
    if (balance["seq"], balance["head"]) != (fold.seq, fold.head):
        what = f"it ends at record {balance['seq']}, the journal at {fold.seq}, or at another record"
        audit.fault(schema.BALANCES, account, what)
    if booked != fold.booked:
        audit.fault(schema.BALANCES, account, "it is not the sum of the journal")
    if balance["held"].to_decimal() != held:
        audit.fault(schema.BALANCES, account, "what is held is not the sum of the pending holds")
    if booked + balance["overdraft"].to_decimal() < held:
        audit.fault(schema.BALANCES, account, "it is below its limit")
    if balance["status"] == "closed" and (booked or held):
        audit.fault(schema.BALANCES, account, "it is closed and not empty")


async def _held(audit: _Audit, accounts: list[str]) -> dict[str, Decimal]:
    pipeline: list[Stored] = [
        {"$match": {"account": {"$in": accounts}, "state": "pending"}},
        {"$group": {"_id": "$account", "held": {"$sum": "$amount"}}},
    ]
    found = await audit.database[schema.HOLDS].aggregate(pipeline, session=audit.session)
    return {row["_id"]: row["held"].to_decimal() async for row in found}


async def _check_holds(audit: _Audit) -> None:
    """A posted hold has its transaction and the others have none; so each ended once."""
    posted: dict[str, list[str]] = {}
    journal = audit.database[schema.JOURNAL].find({"hold": {"$exists": True}}, {"hold": 1}, session=audit.session)
    async for record in journal:
        posted.setdefault(record["hold"], []).append(record["_id"])
    async for page in audit.pages(schema.HOLDS):
        for hold in page:
            audit.holds += 1
            wanted = [hold["ended_by"]] if hold["state"] == "posted" else []
            if posted.pop(hold["_id"], []) != wanted:
                audit.fault(schema.HOLDS, hold["_id"], f"it is {hold['state']}, and the journal says otherwise")
            if (hold["state"] == "pending") == ("ended_at" in hold):
                audit.fault(schema.HOLDS, hold["_id"], f"it is {hold['state']}, and its end says otherwise")
    for hold_id in sorted(posted):
        audit.fault(schema.HOLDS, hold_id, "it is missing, though the journal says it was posted")


async def _check_accounts(audit: _Audit) -> None:
    """Account and balance agree, and banking and query know both or will."""
    async for page in audit.pages(schema.ACCOUNTS):
        names = [account["_id"] for account in page]
        found = audit.database[schema.BALANCES].find({"_id": {"$in": names}}, session=audit.session)
        balances = {balance["_id"]: balance async for balance in found}
        for account in page:
            facts = {name: account[name] for name in ("owner", "bank", "currency", "status")}
            if not facts.items() <= balances.get(account["_id"], {}).items():
                audit.fault(schema.ACCOUNTS, account["_id"], "it does not agree with its balance, or has none")
        await _check_projected(audit, page, schema.BANKING_ACCOUNTS, "banking")
        await _check_projected(audit, page, schema.QUERY_ACCOUNTS, "query")


async def _check_projected(audit: _Audit, page: list[Stored], collection: str, consumer: str) -> None:
    names = [account["_id"] for account in page]
    known = {
        row["_id"]: row async for row in audit.database[collection].find({"_id": {"$in": names}}, session=audit.session)
    }
    behind = [
        account
        for account in page
        if (known.get(account["_id"], {}).get("owner"), known.get(account["_id"], {}).get("status"))
        != (account["owner"], account["status"])
    ]
    events = {
        account["_id"]: f"evt_{account['_id']}_{'closed' if account['status'] == 'closed' else 'created'}"
        for account in behind
    }
    for account in await _unexplained(audit, events, schema.ACCOUNTS_OUTBOX, consumer):
        audit.fault(schema.ACCOUNTS_OUTBOX, events[account], f"it is missing, and {collection} {account} lags behind")


async def _unexplained(audit: _Audit, messages: Mapping[str, str], outbox: str, consumer: str) -> list[str]:
    """The keys of ``messages`` that are neither in ``outbox`` nor among the dead letters of ``consumer``."""
    there = await audit.ids(outbox, messages.values())
    parked = await audit.ids(schema.DEAD_LETTERS, [f"{message}:{consumer}" for message in messages.values()])
    return [key for key, message in messages.items() if message not in there and f"{message}:{consumer}" not in parked]


async def _check_query_balances(audit: _Audit) -> None:
    """What customers read is what the journal told up to the number it says."""
    waiting = await _awaited_by_query(audit)
    async for page in audit.pages(schema.QUERY_BALANCES):
        for row in page:
            fold = audit.folds.get(row["_id"]) or _Fold(genesis(row["_id"]))
            if row["_id"] in waiting:
                continue
            if (row["seq"], row["balance"].to_decimal()) != (fold.seq, fold.booked):
                audit.fault(schema.QUERY_BALANCES, row["_id"], "it differs from the journal")


async def _awaited_by_query(audit: _Audit) -> set[str]:
    """Accounts with news that the query service has not digested."""
    pending = audit.database[schema.LEDGER_OUTBOX].find({"pending": "query"}, {"accounts": 1}, session=audit.session)
    accounts = {account async for record in pending for account in record["accounts"]}
    letters = audit.database[schema.DEAD_LETTERS].find({"consumer": "query"}, session=audit.session)
    return accounts | {account async for letter in letters for account in letter["message"]["accounts"]}


async def _check_operations(audit: _Audit) -> None:
    """Each operation has ended as the journal says, or something on its way will end it."""
    async for page in audit.pages(schema.OPERATIONS):
        booked = await audit.ids(schema.JOURNAL, [transaction_id(operation["_id"]) for operation in page])
        pending: list[str] = []
        for operation in page:
            is_booked = transaction_id(operation["_id"]) in booked
            if operation["status"] == "pending":
                pending.append(operation["_id"])
            elif is_booked != (operation["status"] == "completed"):
                what = f"it is {operation['status']}, and the journal says otherwise"
                audit.fault(schema.OPERATIONS, operation["_id"], what)
        await _check_pending(audit, pending)


async def _check_pending(audit: _Audit, operations: list[str]) -> None:
    commands = {operation: f"cmd_{operation}" for operation in operations}
    lost: Any = await _unexplained(audit, commands, schema.BANKING_OUTBOX, "ledger")
    for event in ("evt_{transaction}", "evt_{operation}_failed"):
        events = {each: event.format(transaction=transaction_id(each), operation=each) for each in lost}
        lost = await _unexplained(audit, events, schema.LEDGER_OUTBOX, "banking")
    for operation in lost:
        audit.fault(schema.BANKING_OUTBOX, commands[operation], f"it is missing, and operation {operation} never ends")


async def _count(audit: _Audit, collection: str) -> int:
    return await audit.database[collection].count_documents({}, session=audit.session)
