"""What a dialect offers: payloads split into records, and for each record a pure function to our models."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from bson import ObjectId
from pydantic import ValidationError

from backend.banks.ways import Ways
from backend.documents.account import Account, Balance
from backend.documents.parts import Note, Owner
from backend.documents.product import Product
from backend.documents.transaction import Transaction
from backend.kernel.errors import Misconfigured

Kind = Literal["accounts", "products", "transactions"]
# What is asked of a bank: its kinds, and balances where they are told apart from accounts.
Resource = Literal["accounts", "balances", "products", "transactions"]
Record = Mapping[str, Any]
WaysT = TypeVar("WaysT", bound=Ways)


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
    ways: Ways = field(default_factory=Ways)
    emulated: str | None = None

    def ways_of(self, kind: type[WaysT]) -> WaysT:
        """The ways as that dialect knows them; Misconfigured when the row was read for another one."""
        if not isinstance(self.ways, kind):
            raise Misconfigured(f"The ways of {self.name} are not those of {self.dialect}")
        return self.ways


@dataclass(frozen=True, slots=True)
class AccountKey:
    """What makes an account that account at its bank."""

    scheme: str
    identifier: str
    currency: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a payload from the request it answers. Of a file, nothing is.

    ``account`` is the account asked for; ``accounts`` are all known ones by the bank's own id for them;
    ``seen_on`` is the day at the bank on which it answered, which dates what has no date yet.
    """

    account: AccountKey | None = None
    accounts: Mapping[str, AccountKey] = field(default_factory=lambda: MappingProxyType({}))
    seen_on: date | None = None


@dataclass(frozen=True, slots=True)
class AccountReference:
    """An account as a payload refers to it: by the bank's own id, by a number, or by both."""

    provider_id: str | None = None
    scheme: str | None = None
    identifier: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stood in its payload, and what its surroundings say of it."""

    pointer: str = ""
    section: str = ""
    account: AccountReference = AccountReference()
    is_card: bool = False
    asked: Asked = Asked()


NOWHERE = Place()
NOTHING_KNOWN = Asked()


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
    """A transaction, the account it belongs to, and its key.

    A trusted key is the bank's own. One that is not is the fingerprint of the content: genuine twins share it,
    so it needs an ordinal, and it is as personal as the transaction, so it is hashed before it is stored.
    """

    model: Transaction
    account: AccountKey
    key: str
    owner: Owner | None = None
    provider_id: str | None = None
    is_trusted: bool = True


@dataclass(frozen=True, slots=True)
class MappedBalance:
    """A balance that is told apart from its account. ``limit`` is the credit granted, in it or beside it."""

    model: Balance
    account: AccountKey
    limit: Decimal | None = None
    provider_id: str | None = None
    extra: Mapping[str, Any] | None = None


Mapped = MappedAccount | MappedProduct | MappedTransaction


@dataclass(frozen=True, slots=True)
class Understood:
    """A record that was mapped (into several models where the bank batches), with what is odd about it."""

    mapped: tuple[Mapped, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class UnderstoodBalance:
    """A balance that was mapped, with what is odd about it."""

    mapped: tuple[MappedBalance, ...]
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
class Placed:
    """One record of a payload, or why that part of it is none."""

    resource: Resource
    value: Any
    place: Place


@dataclass(frozen=True, slots=True)
class Read:
    """One record of a payload and what it was found to say."""

    placed: Placed
    verdict: Understood | UnderstoodBalance | Rejected


Mapper = Callable[[Record, Bank, Place], Understood]
BalanceMapper = Callable[[Record, Bank, Place], UnderstoodBalance]
Splitter = Callable[[Resource, Any, Asked], Iterator[Placed]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way of speaking that banks share. ``version`` grows whenever a mapper's answer changes."""

    name: str
    version: int
    mappers: Mapping[Kind, Mapper]
    split: Splitter
    balances: BalanceMapper | None = None
    ways: type[Ways] = Ways
    owner_of: Callable[[Record], ObjectId | None] = lambda _record: None

    def map(self, kind: Kind, record: object, bank: Bank, place: Place = NOWHERE) -> Understood | Rejected:
        """``record`` in our words, or why not. Pure: equal input, equal answer; the input is untouched."""
        return self._try(self.mappers.get(kind), kind, record, bank, place)

    def read(self, resource: Resource, payload: object, bank: Bank, asked: Asked = NOTHING_KNOWN) -> list[Read]:
        """Every record of ``payload`` (strictly parsed JSON), in order, mapped or rejected; never raises."""
        return [Read(placed, self._verdict(placed, bank)) for placed in self.split(resource, payload, asked)]

    def _verdict(self, placed: Placed, bank: Bank) -> Understood | UnderstoodBalance | Rejected:
        if placed.resource == "balances":
            return self._try(self.balances, placed.resource, placed.value, bank, placed.place)
        return self.map(placed.resource, placed.value, bank, placed.place)

    def _try(
        self,
        mapper: "Callable[[Record, Bank, Place], UnderstoodT] | None",
        resource: Resource,
        record: object,
        bank: Bank,
        place: Place,
    ) -> "UnderstoodT | Rejected":
        if isinstance(record, Rejected):
            return record
        if not isinstance(record, Mapping):
            return Rejected("NOT_AN_OBJECT", "A record is a JSON object", "")
        if mapper is None:
            return Rejected("UNSUPPORTED", f"The dialect {self.name} has no {resource}", "")
        try:
            return mapper(record, bank, place)
        except BadRecord as bad:
            return Rejected(bad.code, str(bad), bad.pointer, self.owner_of(record))
        except ValidationError as error:
            # Each field could be read, but our model cannot hold it: a rate of 18 decimals, say.
            field = ".".join(map(str, error.errors()[0]["loc"]))
            return Rejected("CANNOT_BE_HELD", f"{field} is beyond what we can hold", "", self.owner_of(record))


UnderstoodT = TypeVar("UnderstoodT", Understood, UnderstoodBalance)
