"""What the tests of data and compat share: the sample imported, and movements to store."""

import hashlib
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson.binary import Binary

from backend.api.services import Services
from backend.ingest.samples import find_files, import_file
from backend.kernel.ids import public_id
from backend.kernel.money import exact_amount, to_bson
from tests.builders import Stored

SAMPLE = Path(__file__).resolve().parents[4] / "data" / "sample"
Headers = dict[str, str]
_NUMBERS = itertools.count(1)


async def load_sample(services: Services) -> dict[str, Headers]:
    """Import data/sample; headers with the sample token of each user."""
    for file in find_files([SAMPLE]):
        await import_file(services.store, services.banks, file)
    tokens = json.loads((SAMPLE / "open_finance.tokens.json").read_text())
    return {each["UserName"]: {"Authorization": f"Bearer {each['BearerToken']}"} for each in tokens}


def transaction(account: Stored, *, amount: str = "-10.00", day: str = "2025-03-01", **more: Any) -> Stored:
    """One of `external_transactions` on ``account``."""
    digest = hashlib.blake2b(f"transaction/{next(_NUMBERS)}".encode(), digest_size=16).digest()
    number = exact_amount(amount)
    return {
        "_id": Binary(digest),
        "AccountId": account["AccountId"],
        "AccountBank": account["AccountBank"],
        "TransactionId": public_id("txn", digest),
        "TransactionKey": f"id:{digest.hex()}",
        "Occurrence": 0,
        "Status": "BOOK",
        "Amount": to_bson(number),
        "AmountText": amount,
        "CreditDebit": "CRDT" if number > 0 else "DBIT",
        "Currency": account["AccountCurrency"],
        "BookingDateLocal": day,
        "DatePrecision": "DATE",
        "OrderDate": day,
        "YearMonth": day[:7],
        "AccountUser": account["AccountUser"],
        **{name: account[name] for name in ("Source", "SchemaVersion", "CreatedAt", "UpdatedAt", "Revision")},
        **more,
    }


def stated(account: Stored, *, amount: str, at: datetime = datetime(2025, 3, 1, tzinfo=UTC)) -> Stored:
    """One of `external_balances` for ``account``."""
    digest = hashlib.blake2b(f"balance/{next(_NUMBERS)}".encode(), digest_size=16).digest()
    return {
        "_id": Binary(digest),
        "AccountId": account["AccountId"],
        "AccountUser": account["AccountUser"],
        "Type": "ITBD",
        "Amount": to_bson(exact_amount(amount)),
        "Currency": account["AccountCurrency"],
        "Source": account["Source"],
        "StatedAt": at,
    }
