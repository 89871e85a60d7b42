"""What the notebooks read with: a connection, and answers as DataFrames whose amounts are exact Decimals."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from bson.decimal128 import Decimal128
from pymongo import MongoClient
from pymongo.database import Database

from pipelines.ownership import owned

MAX_TIME_MS = 30_000


def connect() -> Database[dict[str, Any]]:
    """The store in MONGODB_URI; if that is unset, the embedded one, which `openfinance` starts."""
    uri = os.environ.get("MONGODB_URI")
    if not uri:
        command = ["openfinance", "db", "uri"]
        uri = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - our own command
    client: MongoClient[dict[str, Any]] = MongoClient(uri, appname="openfinance-notebook", tz_aware=True)
    return client[os.environ.get("OPENFINANCE_DB_NAME") or "open_finance"]


def people(database: Database[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """The id of each of these users, by name. A name that is not in the store is an error."""
    found = database.users.find({"UserName": {"$in": list(names)}}, {"UserName": 1})
    ids = {user["UserName"]: user["_id"] for user in found}
    if missing := sorted(set(names) - set(ids)):
        raise LookupError(f"Not in the store: {', '.join(missing)}. Run `openfinance import data/sample` first.")
    return ids


def ask(
    database: Database[dict[str, Any]],
    collection: str,
    stages: Sequence[Mapping[str, Any]],
    whose: Mapping[str, Any],
) -> dict[str, pd.DataFrame]:
    """The pipeline's answer for each person: one DataFrame per part, with the column `person` in front.

    When there is nothing to answer it from, that is an error: an empty chart would say "zero".
    """
    parts: dict[str, list[dict[str, Any]]] = {}
    for person, user_id in whose.items():
        pipeline = owned(collection, stages, user_id)
        (answer,) = database[collection].aggregate(pipeline, maxTimeMS=MAX_TIME_MS)
        for part, rows in answer.items():
            parts.setdefault(part, []).extend({"person": person, **row} for row in rows)
    if not parts.get("used"):
        raise LookupError("None of these people has anything this question could be answered from.")
    return {part: frame(rows) for part, rows in parts.items()}


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a DataFrame: Decimals instead of Decimal128, an amount and its currency as two columns."""
    return pd.DataFrame([_flat(row) for row in rows])


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            # Every amount of a row has the same currency: the pipelines group by it.
            flat["currency"] = value["currency"]
            flat[name] = _plain(value["amount"])
        else:
            flat[name] = _plain(value)
    return flat


def _plain(value: Any) -> Any:
    return value.to_decimal() if isinstance(value, Decimal128) else value
