"""Which transaction it is: the first trusted key its bank gives, else the fingerprint of its content."""

import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from backend.banks.contract import MappedTransaction
from backend.banks.ways import IdentityWays
from backend.documents.transaction import Counterparty, Remittance, Transaction
from backend.kernel.money import render_amount

_BOOKED: Final = "BOOK"
_FINGERPRINT: Final = "fingerprint"


def key_for(model: Transaction, ways: IdentityWays) -> tuple[str, bool]:
    """The transaction's key within its account, and whether it is the bank's own.

    What is not booked lives apart from what is: the same id may mean another amount there.
    """
    rules = ways.booked if model.status == _BOOKED else ways.pending
    for rule in rules:
        facts = [_fact(model, name, ways) for name in rule.split("+")]
        if all(facts):
            return _apart(model, f"{rule}:{_canonical(facts)}"), True
    return fingerprint(model), False


def fingerprint(model: Transaction) -> str:
    """The content that makes a transaction what it is, in one canonical text. Genuine twins have the same."""
    code = model.bank_transaction_code
    facts = [
        model.booking_date_local,
        model.value_date_local,
        _plain(model.amount),
        model.currency,
        _counterparty(model.counterparty),
        _written(model.remittance),
        (code.iso or code.proprietary) if code else None,
    ]
    return _apart(model, f"{_FINGERPRINT}:{_canonical(facts)}")


def occurrences(keys: Iterable[str]) -> list[int]:
    """For each key how many equal ones came before it: with it, twins of one complete fetch stay two."""
    seen: Counter[str] = Counter()
    ordinals = []
    for key in keys:
        ordinals.append(seen[key])
        seen[key] += 1
    return ordinals


def without_false_ids(transactions: Sequence[MappedTransaction]) -> list[MappedTransaction]:
    """The transactions of one fetch; a key that several different ones of an account share is not theirs.

    Those go by their fingerprint instead. A row that came twice keeps its key: it is the same row.
    """
    said: defaultdict[tuple[object, str], set[str]] = defaultdict(set)
    for each in transactions:
        said[each.account, each.key].add(fingerprint(each.model))
    return [
        replace(each, key=fingerprint(each.model), is_trusted=False)
        if each.is_trusted and len(said[each.account, each.key]) > 1
        else each
        for each in transactions
    ]


def _fact(model: Transaction, name: str, ways: IdentityWays) -> str | None:
    if name == "amount":
        return _plain(model.amount)
    if name in ("booking_date", "value_date"):
        return model.booking_date_local if name == "booking_date" else model.value_date_local
    found: str | None = getattr(model.references, name)
    return None if found in ways.not_ids else found


def _apart(model: Transaction, key: str) -> str:
    return key if model.status == _BOOKED else f"{model.status}:{key}"


def _plain(amount: Decimal) -> str:
    return render_amount(amount.normalize())


def _counterparty(party: Counterparty | None) -> str | None:
    if party is None:
        return None
    return str(party.identifier) if party.identifier else _folded(str(party.name) if party.name else None)


def _written(remittance: Remittance | None) -> str | None:
    if remittance is None:
        return None
    return _folded(" ".join([*remittance.unstructured, *(each.reference for each in remittance.structured or [])]))


def _folded(text: str | None) -> str | None:
    """Capitals, width and blanks aside, which banks change from one day to the next."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()) if text else None


def _canonical(facts: Sequence[str | None]) -> str:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
