"""Facts loaded from the ledger and the world's own documents; this room only reads."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.ledger import journal
from backend.emulator.ledger.errors import UnknownAccount
from backend.emulator.ledger.port import Ledger
from backend.emulator.ledger.schema import SYSTEM_CASH
from backend.emulator.openbanking.facts import Account, Balance, Holding, Mandate, Page, Party, Product, Transaction
from backend.emulator.openbanking.world_time import WorldTime
from backend.emulator.world.schema import MANDATES, PRODUCTS
from backend.kernel.mongo.client import translated

Stored = dict[str, Any]
Database = AsyncDatabase[Stored]
_LOAN: Final = "loan_"
_ALL_MONTHS: Final = tuple(range(1, 13))


def loan_id(bank: str, number: str) -> str:
    """The id under which a loan is shown, chosen and asked for."""
    return f"{_LOAN}{bank}-{number}"


class Books:
    """Everything the banks know, by account."""

    def __init__(self, ledger: Ledger, world: Database, time: WorldTime) -> None:
        self._ledger = ledger
        self._world = world
        self._time = time

    async def accounts(self, bank: str, ids: Iterable[str]) -> list[Account]:
        """Those of ``ids`` that are accounts at ``bank``, in their order; loans are not."""
        found = [await self.account(bank, each) for each in ids if not each.startswith(_LOAN)]
        return [account for account in found if account]

    async def account(self, bank: str, account: str) -> Account | None:
        """The account, if ``bank`` keeps it."""
        try:
            with translated():
                stored = await self._ledger.account(account)
        except UnknownAccount:
            return None
        return _account(stored) if stored["bank"] == bank else None

    async def of_owner(self, bank: str, owner: str) -> list[Account]:
        """The open accounts of a customer of ``bank``."""
        with translated():
            stored = await self._ledger.accounts(owner=owner, bank=bank)
        return [_account(each) for each in stored if each["status"] == "active"]

    async def balance(self, account: Account) -> Balance:
        """What is on the account now."""
        with translated():
            found = await self._ledger.balance(account.id)
        return Balance(
            booked=found.booked,
            held=found.held,
            limit=found.available - found.booked + found.held,
            currency=found.currency,
            at=await self._time.now(),
            seq=found.seq,
        )

    async def holding(self, account: Account) -> Holding:
        """The account and what is on it."""
        return Holding(account=account, balance=await self.balance(account))

    async def booked(
        self,
        account: Account,
        *,
        since: datetime | None,
        until: datetime | None,
        after: int,
        through: int,
        limit: int,
        wanted: Callable[[journal.Entry], bool] | None = None,
    ) -> Page:
        """Up to ``limit`` entries numbered above ``after`` and not above ``through``, those ``wanted`` only.

        The chain is numbered in order of booking, so what is booked while somebody pages comes above ``through``.
        """
        picked: list[journal.Entry] = []
        while len(picked) <= limit and after < through:
            with translated():
                batch = await self._ledger.entries(account.id, since=since, until=until, after=after, limit=limit + 1)
            picked += [entry for entry in batch if entry.seq <= through and (wanted is None or wanted(entry))]
            if len(batch) <= limit:
                break
            # The next batch need not be looked for among what was booked before this one.
            after, since = batch[-1].seq, batch[-1].booked_at
        shown = picked[:limit]
        transactions = await self._seen(account, shown)
        if len(picked) <= limit:
            return Page(transactions=transactions, after=None, since=None)
        return Page(transactions=transactions, after=shown[-1].seq, since=shown[-1].booked_at)

    async def pending(self, account: Account) -> list[Transaction]:
        """What is held on the account, as movements that are still to come."""
        with translated():
            holds = await self._ledger.holds(account.id)
        return [_held(account, hold) for hold in holds]

    async def products(self, bank: str, ids: Iterable[str]) -> list[Product]:
        """Those of ``ids`` that are loans of ``bank``."""
        numbers = [each.rpartition("-")[2] for each in ids if each.startswith(_LOAN)]
        return await self._products({"bank": bank, "product_id": {"$in": numbers}}) if numbers else []

    async def products_of(self, bank: str, owner: str) -> list[Product]:
        """All loans of a customer of ``bank``."""
        return await self._products({"bank": bank, "owner": owner})

    async def standing_orders(self, account: Account) -> list[Mandate]:
        """The account's standing orders, those that have ended left out."""
        today = (await self._time.now()).date()
        with translated():
            found = await self._world[MANDATES].find({"account": account.id, "kind": "standing_order"}).to_list()
        mandates = [_mandate(each, today) for each in sorted(found, key=lambda each: str(each["_id"]))]
        return [mandate for mandate in mandates if mandate.until is None or mandate.until >= today]

    async def _products(self, wanted: Stored) -> list[Product]:
        with translated():
            found = await self._world[PRODUCTS].find(wanted).sort("_id", 1).to_list()
        return [_product(each) for each in found]

    async def _seen(self, account: Account, entries: Sequence[journal.Entry]) -> tuple[Transaction, ...]:
        others = {entry.counter_account for entry in entries} - {SYSTEM_CASH}
        known = {other: _account(await self._ledger.account(other)) for other in sorted(others)}
        return tuple(_booked(account, entry, known.get(entry.counter_account)) for entry in entries)


def _account(stored: Stored) -> Account:
    facts = stored["details"]
    opened = facts.get("opened")
    return Account(
        id=stored["_id"],
        owner=stored["owner"],
        name=stored["name"],
        currency=stored["currency"],
        kind=facts.get("kind", "checking"),
        number=facts.get("number", stored["_id"]),
        holder=facts.get("holder", ""),
        user_name=facts.get("user_name", ""),
        is_open=stored["status"] == "active",
        opened=date.fromisoformat(opened) if opened else stored["created_at"].date(),
        closed_at=stored.get("closed_at"),
        **{name: facts.get(name) for name in _OPTIONAL},
    )


_OPTIONAL: Final = ("iban", "bic", "sort_code", "card", "interest_rate", "narrative", "object_id")


def _booked(account: Account, entry: journal.Entry, other: Account | None) -> Transaction:
    name = other.holder if other else entry.details.get("counterparty", "")
    number = (other.iban or other.number) if other else entry.details.get("counterparty_account")
    paid_on = entry.details.get("transaction_date")
    began = datetime.combine(date.fromisoformat(paid_on), datetime.min.time(), UTC) if paid_on else entry.booked_at
    return Transaction(
        id=entry.id,
        account=account.id,
        amount=entry.amount.amount,
        currency=entry.amount.currency,
        initiated_at=min(began, entry.booked_at),
        booked_at=entry.booked_at,
        text=entry.description,
        party=Party(name=name, number=number, account=other),
        balance=entry.balance,
        hold=entry.hold,
        facts=entry.details,
    )


def _held(account: Account, hold: Stored) -> Transaction:
    return Transaction(
        id=hold["_id"],
        account=account.id,
        amount=-hold["amount"].to_decimal(),
        currency=hold["currency"],
        initiated_at=hold["placed_at"],
        booked_at=None,
        text=hold["description"],
        party=Party(name=hold["details"].get("counterparty", "")),
        hold=hold["_id"],
        facts=hold["details"],
    )


def _product(stored: Stored) -> Product:
    home = stored["property"] or {}
    outstanding: Decimal = stored["outstanding"].to_decimal()
    return Product(
        id=loan_id(stored["bank"], stored["product_id"]),
        owner=stored["owner"],
        user_name=stored["user_name"],
        number=stored["product_id"],
        kind=stored["kind"],
        outstanding=outstanding,
        currency=stored["currency"],
        rate=stored["rate"].to_decimal(),
        opened=date.fromisoformat(stored["opened"]),
        term=stored["term"],
        is_open=outstanding > 0,
        collateral=stored["collateral"],
        address=home.get("address"),
        value=home["value"].to_decimal() if home else None,
        narrative=stored["narrative"],
        object_id=stored["object_id"],
    )


def _mandate(stored: Stored, today: date) -> Mandate:
    amount = stored["amount"].to_decimal()
    for change in stored.get("changes", ()):
        if date.fromisoformat(change["since"]) <= today:
            amount = change["amount"].to_decimal()
    until = stored.get("until")
    return Mandate(
        id=stored["_id"],
        account=stored["account"],
        counterparty=stored["counterparty"],
        number=stored.get("counterparty_account"),
        amount=amount,
        currency=stored["currency"],
        day=stored["day"],
        months=tuple(stored.get("months") or _ALL_MONTHS),
        until=date.fromisoformat(until) if until else None,
        text=stored["text"],
    )
