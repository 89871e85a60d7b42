"""The data: people with 10 to 50 accounts and a few products, the same in every run and at every size.

Whatever a person has follows from the person's number alone, so a person owns the same accounts among ten
thousand as among a million. Records have the shape of data/sample. Documents are what the real mapper makes
of them: one of each variety goes through it, the others are that one with their own figures and identity.
To load quickly, one ciphertext stands in for every sealed value; nothing measured ever opens one.
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from typing import Any, Final

from bson import ObjectId
from bson.binary import Binary
from bson.decimal128 import Decimal128
from pymongo.write_concern import WriteConcern

from backend.banks.contract import AccountKey, Kind, Rejected, Understood
from backend.banks.registry import Registry
from backend.documents.parts import Owner
from backend.documents.store import Store, Stored
from backend.ingest.extended_json import parse_record
from backend.ingest.identity import account_digest, account_group
from backend.ingest.normalise import Origin, candidate
from backend.ingest.samples import bank_of
from backend.kernel.ids import object_id, public_id

SEED: Final = 20_240_501
BATCH: Final = 1000
_AT: Final = datetime(2024, 5, 1, 8, 30, tzinfo=UTC)
_BANKS: Final = ("Green Bank", "MongoDB Bank")
_SPELLINGS: Final = {"Green Bank": "Green", "MongoDB Bank": "MDB"}
_LOADERS: Final = 3


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody by number; ``number`` decides everything else."""

    number: int

    @property
    def id(self) -> ObjectId:
        """UserId."""
        return ObjectId(_dice("person", self.number)[:12])

    @property
    def name(self) -> str:
        """UserName."""
        return f"person{self.number:08d}"

    @property
    def accounts(self) -> int:
        """How many accounts the person has: 10 to 50."""
        return 10 + _dice("accounts", self.number)[0] % 41

    @property
    def products(self) -> int:
        """How many products the person has: 1 to 5."""
        return 1 + _dice("products", self.number)[0] % 5

    def token(self, which: int = 0) -> str:
        """One of the person's bearer tokens."""
        return _dice("token", self.number, which).hex()


def people(accounts: int, *, first: int = 0) -> list[Person]:
    """As many people, from number ``first`` on, as it takes to have at least so many ``accounts``."""
    found: list[Person] = []
    while accounts > 0:
        found.append(Person(first + len(found)))
        accounts -= found[-1].accounts
    return found


def account_record(person: Person, which: int) -> dict[str, Any]:
    """The person's account as a bank's export has it, in extended JSON."""
    dice = _dice("account", person.number, which)
    bank = _BANKS[dice[0] % 2]
    kind = ("Savings", "Checking")[dice[1] % 2]
    record = {
        "_id": {"$oid": dice[20:32].hex()},
        "AccountNumber": str(100_000_000 + int.from_bytes(dice[2:6], "big") % 900_000_000),
        "AccountBank": bank,
        "AccountStatus": "Closed" if dice[6] < 13 else "Active",
        "AccountIdentificationType": "AccountNumber",
        "AccountDate": {"OpeningDate": {"$date": _day(dice[7:9]).isoformat().replace("+00:00", "Z")}},
        "AccountType": kind,
        "AccountBalance": None if dice[9] < 3 else {"$numberDecimal": str(_cents(dice[10:13]) - 5000)},
        "AccountCurrency": "EUR" if dice[13] < 51 else "USD",
        "AccountUser": {"UserName": person.name, "UserId": {"$oid": str(person.id)}},
    }
    return record | {f"{_SPELLINGS[bank]}AccountNarrative": f"{kind} account for everyday life at {bank}"}


def product_record(person: Person, which: int) -> dict[str, Any]:
    """The person's loan or mortgage as a bank's export has it, in extended JSON."""
    dice = _dice("product", person.number, which)
    bank = _BANKS[dice[0] % 2]
    kind = ("Loan", "Mortgage")[dice[1] % 2]
    amount = _cents(dice[2:5]) + 100
    worth = {"Address": "12 Linden Row", "PropertyValue": {"$numberDecimal": str(amount * 2)}}
    more = {"AmortizationPeriod": 20, "PropertyDetails": worth} if kind == "Mortgage" else {"RepaymentPeriod": 24}
    record = {
        "_id": {"$oid": dice[20:32].hex()},
        "ProductId": str(int.from_bytes(dice[5:11], "big")),
        "ProductBank": bank,
        "ProductStatus": "Closed" if dice[11] < 13 else "Active",
        "ProductType": kind,
        "ProductAmount": {"$numberDecimal": str(amount)},
        "ProductCurrency": "EUR" if dice[12] < 51 else "USD",
        "ProductInterestRate": {"$numberDecimal": ("2.62", "3.75", "4.45")[dice[13] % 3]},
        "ProductDate": {"OpeningDate": {"$date": _day(dice[14:16]).isoformat().replace("+00:00", "Z")}},
        "ProductCustomer": {"UserName": person.name, "UserId": {"$oid": str(person.id)}},
    }
    return record | more | {f"{_SPELLINGS[bank]}ProductNarrative": f"{kind} at {bank}"}


class Builder:
    """Makes stored documents as an import would, in a fraction of its time."""

    def __init__(self, store: Store, sealed: Binary) -> None:
        self._store = store
        self._sealed = sealed
        self._banks = Registry()
        self._templates: dict[tuple[Any, ...], Stored] = {}

    @classmethod
    async def over(cls, store: Store) -> "Builder":
        """A builder whose one ciphertext was really sealed, as an account number."""
        return cls(store, await store.sealer.seal(Person(0).id, "204515807"))

    def mapped(self, kind: Kind, record: dict[str, Any]) -> Stored:
        """What the real mapper and the real import make of ``record``, sealed values in clear."""
        value = parse_record(json.dumps(record).encode())
        bank = bank_of(self._banks, value)
        if isinstance(bank, Rejected):
            raise ValueError(f"A record of ours is of no bank: {bank}")  # noqa: TRY004 - it is the value that is wrong
        dialect = self._banks.dialect(bank)
        verdict = dialect.map(kind, value, bank)
        if not isinstance(verdict, Understood) or not (owner := verdict.mapped[0].owner):
            raise ValueError(f"The mapper refuses a record of ours: {verdict}")
        origin = Origin(_dice("payload", 0)[:16], "/0", _AT, dialect.version)
        return candidate(self._store, bank, verdict.mapped[0], owner, verdict.notes, origin).document

    def account(self, person: Person, which: int) -> Stored:
        """The stored form of an account, equal to ``mapped`` but for the seal and the digest of its content."""
        record = account_record(person, which)
        template = self._template("accounts", record, "AccountBank", "AccountType", "AccountCurrency", "AccountStatus")
        number, currency, balance = (
            record["AccountNumber"],
            record["AccountCurrency"],
            _amount(record["AccountBalance"]),
        )
        key = AccountKey("AccountNumber", number, currency)
        bank = self._banks.bank(template["Source"]["Bank"])
        owner = Owner(user_name=person.name, user_id=person.id)
        digest = account_digest(self._store.keyed_hash, owner, bank, key)
        group = account_group(self._store.keyed_hash, bank, key)
        document = template | {
            "_id": object_id(digest),
            "AccountId": public_id("acc", digest),
            "AccountGroupKey": group,
            "AccountBalance": balance,
            "AccountNumber": self._sealed,
            "AccountNumberMasked": f"••••{number[-4:]}",
            "AccountDate": {"OpeningDate": _instant(record["AccountDate"])},
            "AccountUser": {"UserName": person.name, "UserId": person.id},
            "Source": self._source(template, record),
        }
        if balance is not None:
            document["Balances"] = [template["Balances"][0] | {"Amount": balance}]
        return document

    def product(self, person: Person, which: int) -> Stored:
        """The stored form of a product, its address sealed."""
        document = self.mapped("products", product_record(person, which))
        if "PropertyDetails" in document:
            document["PropertyDetails"]["Address"] = self._sealed
        return document

    def _template(self, kind: Kind, record: dict[str, Any], *variety: str) -> Stored:
        key = (*(record[name] for name in variety), record["AccountBalance"] is None)
        if key not in self._templates:
            self._templates[key] = self.mapped(kind, record)
        return self._templates[key]

    def _source(self, template: Stored, record: dict[str, Any]) -> Stored:
        content = self._store.keyed_hash.digest("content", record["_id"]["$oid"])
        source: Stored = template["Source"]
        return source | {"ProviderId": record["_id"]["$oid"], "Content": content}


async def load(store: Store, persons: Sequence[Person], *, tokens: int) -> int:
    """Put the people with all they have into an empty store, scattered; how many accounts there are then.

    ``tokens`` bearer tokens go round: person after person, then a second one for each, and so on. A store
    that an earlier measurement filled stays as it is.
    """
    scatter = random.Random(SEED)  # noqa: S311 - an order, not a secret
    accounts = [(person, which) for person in persons for which in range(person.accounts)]
    products = [(person, which) for person in persons for which in range(person.products)]
    if await store.collection("external_accounts").find_one({}, {"_id": 1}):
        return len(accounts)
    builder = await Builder.over(store)
    scatter.shuffle(accounts)
    scatter.shuffle(products)
    await _insert(store, "users", persons, _user)
    await _insert(store, "tokens", list(tokens_of(persons, tokens)), lambda pair: _token(store, *pair))
    await _insert(store, "external_products", products, lambda pair: builder.product(*pair))
    await _insert(store, "external_accounts", accounts, lambda pair: builder.account(*pair))
    return len(accounts)


def tokens_of(persons: Sequence[Person], tokens: int) -> Iterator[tuple[Person, int]]:
    """Whose token each of the first ``tokens`` is, and which of that person's."""
    return ((persons[each % len(persons)], each // len(persons)) for each in range(tokens))


async def _insert(store: Store, name: str, sources: Sequence[Any], build: Callable[[Any], Stored]) -> None:
    collection = store.database.get_collection(name, write_concern=WriteConcern(w=1))
    pages = iter(range(0, len(sources), BATCH))

    async def loader() -> None:
        for start in pages:
            documents = [build(source) for source in sources[start : start + BATCH]]
            await collection.insert_many(documents, ordered=False)

    await asyncio.gather(*(loader() for _ in range(_LOADERS)))


def _user(person: Person) -> Stored:
    return {
        "_id": person.id,
        "UserName": person.name,
        "Roles": [],
        "LogIn": {"Failures": 0},
        "CreatedAt": _AT,
        "SchemaVersion": 1,
    }


def _token(store: Store, person: Person, which: int) -> Stored:
    return {
        "_id": ObjectId(_dice("token-id", person.number, which)[:12]),
        "UserName": person.name,
        "UserId": person.id,
        "BearerToken": store.keyed_hash.token(person.token(which)),
        "Kind": "session",
        "Scopes": ["read", "write"],
        "TokenDates": {"CreationDate": _AT, "LastUseDate": None},
    }


def _dice(what: str, *numbers: int) -> bytes:
    """32 bytes that look thrown, always the same for the same thing."""
    return blake2b(f"{SEED}:{what}:{numbers}".encode(), digest_size=32).digest()


def _cents(dice: bytes) -> Decimal:
    return Decimal(int.from_bytes(dice, "big") % 9_000_000).scaleb(-2)


def _day(dice: bytes) -> datetime:
    return datetime(2015, 1, 1, tzinfo=UTC) + timedelta(days=int.from_bytes(dice, "big") % 3_300)


@cache
def _parsed_day(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _instant(dates: dict[str, Any]) -> datetime:
    day: str = dates["OpeningDate"]["$date"]
    return _parsed_day(day)


def _amount(number: dict[str, str] | None) -> Decimal128 | None:
    return None if number is None else Decimal128(number["$numberDecimal"])
