"""The collections of the four services: what each may hold, and how it is found again.

The database enforces the two rules that must hold whoever writes: a transaction balances, and no account goes
below its limit. The journal can only be found in and inserted into.
"""

from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from backend.kernel.mongo.provision import CollectionSpec

DATABASE: Final = "bank_ledger"
SYSTEM_CASH: Final = "SYSTEM_CASH"

# Whose collections they are is the first word of the name.
ACCOUNTS: Final = "accounts"
ACCOUNTS_OUTBOX: Final = "accounts_outbox"
ACCOUNTS_REQUESTS: Final = "accounts_requests"
BANKING_ACCOUNTS: Final = "banking_accounts"
OPERATIONS: Final = "banking_operations"
BANKING_REQUESTS: Final = "banking_requests"
BANKING_INBOX: Final = "banking_inbox"
BANKING_OUTBOX: Final = "banking_outbox"
JOURNAL: Final = "ledger_journal"
BALANCES: Final = "ledger_balances"
HOLDS: Final = "ledger_holds"
LEDGER_INBOX: Final = "ledger_inbox"
LEDGER_OUTBOX: Final = "ledger_outbox"
QUERY_ACCOUNTS: Final = "query_accounts"
QUERY_BALANCES: Final = "query_balances"
QUERY_TRANSACTIONS: Final = "query_transactions"
NOTIFICATIONS: Final = "query_notifications"
QUERY_INBOX: Final = "query_inbox"
DEAD_LETTERS: Final = "dead_letters"
POSITIONS: Final = "relay_positions"

OUTBOXES: Final = (ACCOUNTS_OUTBOX, BANKING_OUTBOX, LEDGER_OUTBOX)

_TEXT: Final = {"bsonType": "string"}
_AMOUNT: Final = {"bsonType": "decimal"}
_INSTANT: Final = {"bsonType": "date"}
_INTEGER: Final = {"bsonType": ["int", "long"]}
_HASH: Final = {"bsonType": "binData"}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = required | (optional or {})
    return {
        "bsonType": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def _list(of: dict[str, Any], least: int) -> dict[str, Any]:
    return {"bsonType": "array", "items": of, "minItems": least, "maxItems": 2}


_JOURNAL_VALIDATOR: Final = {
    "$jsonSchema": _object(
        {
            "_id": _TEXT,
            "type": {"enum": ["deposit", "withdrawal", "transfer"]},
            "currency": _TEXT,
            "legs": _list(_object({"account": _TEXT, "bank": _TEXT, "amount": _AMOUNT}, {"balance": _AMOUNT}), 2),
            "links": _list(_object({"account": _TEXT, "seq": _INTEGER, "prev": _HASH}), 1),
            "booked_at": _INSTANT,
            "stamp": _INTEGER,
            "description": _TEXT,
            "details": {"bsonType": "object"},
            "hash": _HASH,
        },
        {"operation": _TEXT, "hold": _TEXT},
    ),
    "$expr": {"$eq": [{"$sum": "$legs.amount"}, 0]},
}
_BALANCES_VALIDATOR: Final = {
    "$jsonSchema": _object(
        {
            "_id": _TEXT,
            "bank": _TEXT,
            "owner": _TEXT,
            "currency": _TEXT,
            "status": {"enum": ["active", "closed"]},
            "booked": _AMOUNT,
            "held": _AMOUNT | {"minimum": 0},
            "overdraft": _AMOUNT | {"minimum": 0},
            "version": _INTEGER,
            "seq": _INTEGER,
            "head": _HASH,
            "booked_at": _INSTANT,
            "stamp": _INTEGER,
        }
    ),
    "$expr": {"$gte": [{"$add": ["$booked", "$overdraft"]}, "$held"]},
}


def _index(name: str, *keys: tuple[str, int], unique: bool = False) -> IndexModel:
    return IndexModel(list(keys), name=name, unique=unique)


def _outbox(name: str) -> CollectionSpec:
    # {pending: consumer} sorted by stamp
    return CollectionSpec(name, (_index("pending_in_order", ("pending", ASCENDING), ("stamp", ASCENDING)),))


COLLECTIONS: Final[tuple[CollectionSpec, ...]] = (
    # {owner[, bank]}
    CollectionSpec(ACCOUNTS, (_index("by_owner", ("owner", ASCENDING), ("bank", ASCENDING)),)),
    *(_outbox(name) for name in OUTBOXES),
    *(
        CollectionSpec(name)
        for name in (
            *(ACCOUNTS_REQUESTS, BANKING_REQUESTS, BANKING_ACCOUNTS, BANKING_INBOX, OPERATIONS),
            *(LEDGER_INBOX, QUERY_BALANCES, QUERY_INBOX, POSITIONS),
        )
    ),
    CollectionSpec(
        JOURNAL,
        (
            # The arbiter between writers: an account's records are numbered without a double.
            _index("chain", ("links.account", ASCENDING), ("links.seq", ASCENDING), unique=True),
            # {links.account, booked_at range}, in the order of the chain
            _index("by_date", ("links.account", ASCENDING), ("booked_at", ASCENDING), ("stamp", ASCENDING)),
        ),
        _JOURNAL_VALIDATOR,
        append_only=True,
    ),
    CollectionSpec(BALANCES, (), _BALANCES_VALIDATOR),
    CollectionSpec(
        HOLDS,
        (
            # {account, state}; and {state: pending, expires_at <= now}
            _index("by_account", ("account", ASCENDING), ("state", ASCENDING)),
            _index("due", ("state", ASCENDING), ("expires_at", ASCENDING)),
        ),
    ),
    # by owner
    CollectionSpec(QUERY_ACCOUNTS, (_index("by_owner", ("owner", ASCENDING)),)),
    # {account, seq < before}, newest first
    CollectionSpec(QUERY_TRANSACTIONS, (_index("newest", ("account", ASCENDING), ("seq", DESCENDING)),)),
    # {owner}, newest first
    CollectionSpec(NOTIFICATIONS, (_index("newest", ("owner", ASCENDING), ("at", DESCENDING)),)),
    CollectionSpec(DEAD_LETTERS, (_index("oldest", ("parked_at", ASCENDING)),)),
)
