"""What a dialect offers: for each kind of record a pure function from the bank's words to our models."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

from bson import ObjectId

from backend.documents.account import Account
from backend.documents.parts import Note, Owner
from backend.documents.product import Product
from backend.documents.transaction import Transaction

Kind = Literal["accounts", "products", "transactions"]
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bank:
    """One row of data/banks: who the bank is, how it speaks, and its ways within the dialect."""

    id: str
    name: str
    dialect: str
    country: str
    zone: ZoneInfo
    kinds: frozenset[Kind]
    own: bool = False
    ways: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class AccountKey:
    """What makes an account that account at its bank."""

    scheme: str
    identifier: str
    currency: str


@dataclass(frozen=True, slots=True)
class MappedAccount:
    """An account, its key, and whose it is when the payload itself says so."""

    model: Account
    key: AccountKey
    owner: Owner | None = None
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class MappedProduct:
    """A product, its contract number as key, and whose it is when the payload itself says so."""

    model: Product
    owner: Owner | None = None
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class MappedTransaction:
    """A transaction, the account it belongs to, and its trusted key when the bank has one."""

    model: Transaction
    account: AccountKey
    key: str
    owner: Owner | None = None
    provider_id: str | None = None


Mapped = MappedAccount | MappedProduct | MappedTransaction


@dataclass(frozen=True, slots=True)
class Understood:
    """A record that was mapped (into several models where the bank batches), with what is odd about it."""

    mapped: tuple[Mapped, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be used: a stable code, a sentence, and a JSON pointer to what is wrong."""

    code: str
    reason: str
    pointer: str
    owner_id: ObjectId | None = None


class BadRecord(Exception):
    """Raised inside a mapper to give a record up; never leaves this package."""

    def __init__(self, code: str, reason: str, pointer: str) -> None:
        super().__init__(reason)
        self.code = code
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way of speaking that banks share. ``version`` grows whenever a mapper's answer changes."""

    name: str
    version: int
    mappers: Mapping[Kind, Callable[[Record, Bank], Understood]]
    owner_of: Callable[[Record], ObjectId | None] = lambda _record: None

    def map(self, kind: Kind, record: object, bank: Bank) -> Understood | Rejected:
        """``record`` in our words, or why not. Pure: equal input, equal answer; the input is untouched."""
        if not isinstance(record, Mapping):
            return Rejected("NOT_AN_OBJECT", "A record is a JSON object", "")
        mapper = self.mappers.get(kind)
        if mapper is None:
            return Rejected("UNSUPPORTED", f"The dialect {self.name} has no {kind}", "")
        try:
            return mapper(record, bank)
        except BadRecord as bad:
            return Rejected(bad.code, str(bad), bad.pointer, self.owner_of(record))
