"""Stored documents for tests: a test names what it speaks of, everything else is a sensible default.

They are valid against the collections' validators; sealed fields are left out, because only a sealer
with a key can write them.
"""

import hashlib
import itertools
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from bson.binary import Binary

from backend.kernel.ids import object_id, public_id
from backend.kernel.money import exact_amount, to_bson

Stored = dict[str, Any]

OPENED = datetime(2024, 3, 17, tzinfo=UTC)
WRITTEN = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
_NUMBERS = itertools.count(1)


def person(name: str = "somebody", user_id: ObjectId | None = None) -> Stored:
    """An owner, as documents name it; the same name is the same person unless ``user_id`` says otherwise."""
    return {"UserName": name, "UserId": user_id or ObjectId(_digest("person", name)[:12])}


def account(
    owner: Stored | None = None,
    *,
    bank: str = "Green Bank",
    type: str = "Checking",  # noqa: A002 - the field's word
    balance: str | None = "100.00",
    currency: str = "USD",
    status: str = "Active",
    opened: datetime | None = OPENED,
    green: str | None = None,
    narrative: str | None = None,
    **more: Any,
) -> Stored:
    """One of `external_accounts`; ``more`` adds or replaces stored fields."""
    digest = _digest("account", str(next(_NUMBERS)))
    return {
        "_id": object_id(digest),
        "AccountId": public_id("acc", digest),
        "AccountGroupKey": Binary(digest),
        "AccountBank": bank,
        "AccountStatus": status,
        "AccountType": type,
        "AccountBalance": _amount(balance),
        "AccountCurrency": currency,
        "AccountDate": {"OpeningDate": opened} if opened else {},
        "AccountUser": owner or person(),
        **_narratives("Account", green=green, neutral=narrative),
        **_provenance(digest, bank),
        **more,
    }


def product(
    owner: Stored | None = None,
    *,
    bank: str = "Green Bank",
    type: str = "Loan",  # noqa: A002 - the field's word
    amount: str | None = "1000.00",
    amount_kind: str | None = "OUTSTANDING",
    rate: str | None = "3.75",
    currency: str = "USD",
    status: str = "Active",
    opened: datetime | None = OPENED,
    months: int | None = None,
    years: int | None = None,
    property_value: str | None = None,
    green: str | None = None,
    narrative: str | None = None,
    **more: Any,
) -> Stored:
    """One of `external_products`; ``months`` is its RepaymentPeriod, ``years`` its AmortizationPeriod."""
    number = next(_NUMBERS)
    digest = _digest("product", str(number))
    optional = {
        "ProductAmountKind": amount_kind,
        "RepaymentPeriod": months,
        "AmortizationPeriod": years,
        "PropertyDetails": {"PropertyValue": _amount(property_value)} if property_value else None,
    }
    return {
        "_id": object_id(digest),
        "ProductId": public_id("prd", digest),
        "ProductBank": bank,
        "ProductStatus": status,
        "ProductType": type,
        "ProductAmount": _amount(amount),
        "ProductCurrency": currency,
        "ProductInterestRate": _amount(rate),
        "ProductDate": {"OpeningDate": opened} if opened else {},
        "ProductCustomer": owner or person(),
        "ContractNumber": f"{number:04}",
        **{name: value for name, value in optional.items() if value is not None},
        **_narratives("Product", green=green, neutral=narrative),
        **_provenance(digest, bank),
        **more,
    }


def machine_client(owner: Stored | None = None, label: str = "nightly job", **more: Any) -> Stored:
    """One of `machine_clients`, with a secret that nobody knows."""
    return {
        "_id": ObjectId(),
        **(owner or person()),
        "Label": label,
        "Scopes": ["read"],
        "AuthMethod": "client_secret_basic",
        "SecretHash": Binary(_digest("secret")),
        "CreatedAt": WRITTEN,
        **more,
    }


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("/".join(parts).encode(), digest_size=16).digest()


def _amount(text: str | None) -> Any:
    return None if text is None else to_bson(exact_amount(text))


def _narratives(noun: str, *, green: str | None, neutral: str | None) -> Stored:
    text = neutral or green
    told = {f"{noun}Narrative": text} if text else {}
    return told | ({f"Green{noun}Narrative": green} if green else {})


def _provenance(digest: bytes, bank: str) -> Stored:
    return {
        "Source": {
            "Dialect": "leafy",
            "Bank": bank.lower().replace(" ", "_"),
            "MapperVersion": 1,
            "RawId": Binary(_digest("raw")),
            "RawPath": "/0",
            "FetchedAt": WRITTEN,
            "Content": Binary(digest),
        },
        "SchemaVersion": 1,
        "CreatedAt": WRITTEN,
        "UpdatedAt": WRITTEN,
        "Revision": 1,
    }
