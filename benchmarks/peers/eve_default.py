"""python-eve as its quick start has it: a DOMAIN with one resource, and every default of the framework."""

import os
from typing import Any

from eve import Eve

from benchmarks.peers.fields import FIELDS

_TEXT = {"type": "string"}
_MONEY = {"type": "decimal", "nullable": True}
_TIME = {"type": "datetime"}
_COUNT = {"type": "integer"}


def _record(**fields: Any) -> dict[str, Any]:
    return {"type": "dict", "schema": fields}


SCHEMA: dict[str, Any] = {
    "AccountId": _TEXT,
    "AccountBank": _TEXT,
    "AccountStatus": _TEXT,
    "AccountType": _TEXT,
    "AccountBalance": _MONEY,
    "AccountCurrency": _TEXT,
    "AccountDate": _record(OpeningDate=_TIME),
    "AccountNumberMasked": _TEXT,
    "AccountIdentificationType": _TEXT,
    "AccountBalanceType": _TEXT,
    "AccountSubtype": _record(Raw=_TEXT),
    "AccountNarrative": _TEXT,
    "GreenAccountNarrative": _TEXT,
    "MDBAccountNarrative": _TEXT,
    "Balances": {"type": "list", "schema": _record(Type=_TEXT, Amount=_MONEY, Currency=_TEXT)},
    "AccountUser": _record(UserName=_TEXT, UserId={"type": "objectid"}),
    "Source": _record(Dialect=_TEXT, Bank=_TEXT, MapperVersion=_COUNT, FetchedAt=_TIME),
    "Quality": {"type": "list", "schema": _record(Code=_TEXT, Path=_TEXT, Detail=_TEXT, Severity=_TEXT)},
    "SchemaVersion": _COUNT,
    "Revision": _COUNT,
}
SETTINGS: dict[str, Any] = {
    "MONGO_URI": os.environ["MONGODB_URI"],
    "LAST_UPDATED": "UpdatedAt",
    "DATE_CREATED": "CreatedAt",
    "DOMAIN": {
        "accounts": {
            "schema": SCHEMA,
            "datasource": {"source": "external_accounts", "projection": dict.fromkeys(FIELDS, 1)},
        }
    },
}

app = Eve(settings=SETTINGS)
