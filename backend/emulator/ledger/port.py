"""The ledger for programs: accounts, postings and holds by direct call, for those who make a world or a card network.

Every call is durable when it returns. Banking and query hear of it by the same messages as of anything else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from pymongo import AsyncMongoClient

from backend.emulator.ledger import journal
from backend.emulator.ledger.commands import HoldEnding, HoldPlacing, Posting, new_id
from backend.emulator.ledger.errors import UnknownAccount, UnknownHold
from backend.emulator.ledger.journal import Balance, Database, Entry, Stored
from backend.emulator.ledger.posting import Poster
from backend.emulator.ledger.schema import HOLDS, SYSTEM_CASH
from backend.emulator.ledger.services.accounts import AccountsService, NewAccount
from backend.emulator.ledger.transactions import in_transaction
from backend.kernel.clock import now
from backend.kernel.errors import Conflict
from backend.kernel.money import Money, to_bson

NO_DETAILS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricalEntry:
    """A posting of the past: ``amount`` from ``debit`` to ``credit``, either of which may be SYSTEM_CASH.

    With an ``id`` (``txn_`` and 32 hexadecimal digits) it is booked once, however often it is brought.
    """

    debit: str
    credit: str
    amount: Money
    at: datetime
    description: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None


class Ledger:
    """One ledger for all banks of the world.

    Amounts are greater than zero and in the account's currency. What is refused raises an error of ``errors`` (or
    InvalidInput) and changes nothing; after DatabaseUnavailable, repeat the call with the same ``transaction_id``
    or ``hold_id``. ``at`` is when it happens: now by default, and then never before the account's latest entry; an
    explicit one that is earlier is refused as Backdated.
    """

    def __init__(self, client: AsyncMongoClient[Stored], database: Database, *, poster: Poster | None = None) -> None:
        self._client = client
        self._database = database
        self._accounts = AccountsService(client, database)
        self._poster = poster or Poster(client, database)

    async def open_account(self, account: NewAccount) -> Stored:
        """The account as stored (``_id``, owner, bank, name, currency, status, details …), usable at once."""
        return await in_transaction(self._client, lambda session: self._accounts.open(account, session))

    async def close_account(self, account: str, *, reason: str | None = None, at: datetime | None = None) -> None:
        """Close it for good; AccountNotEmpty unless its balance and its holds are zero."""
        when = at or now()
        await in_transaction(self._client, lambda session: self._accounts.close(account, when, session, reason=reason))

    async def accounts(self, *, owner: str, bank: str | None = None) -> list[Stored]:
        """The owner's accounts, at one bank or at all, in order of opening; closed ones too."""
        return await self._accounts.list(owner=owner, bank=bank)

    async def account(self, account: str) -> Stored:
        """The account as stored, or UnknownAccount."""
        return await self._accounts.get(account)

    async def deposit(
        self,
        account: str,
        amount: Money,
        *,
        description: str = "",
        details: Mapping[str, str] = NO_DETAILS,
        at: datetime | None = None,
        transaction_id: str | None = None,
    ) -> Entry:
        """Money from outside; the account's new entry."""
        moved = HistoricalEntry(
            debit=SYSTEM_CASH, credit=account, amount=amount, at=at or now(), description=description, details=details
        )
        return journal.entry_of(await self._post(moved, transaction_id, is_dated=at is not None), account)

    async def withdraw(
        self,
        account: str,
        amount: Money,
        *,
        description: str = "",
        details: Mapping[str, str] = NO_DETAILS,
        at: datetime | None = None,
        transaction_id: str | None = None,
    ) -> Entry:
        """Money to the outside, if it is available; the account's new entry."""
        moved = HistoricalEntry(
            debit=account, credit=SYSTEM_CASH, amount=amount, at=at or now(), description=description, details=details
        )
        return journal.entry_of(await self._post(moved, transaction_id, is_dated=at is not None), account)

    async def transfer(
        self,
        *,
        debit: str,
        credit: str,
        amount: Money,
        description: str = "",
        details: Mapping[str, str] = NO_DETAILS,
        at: datetime | None = None,
        transaction_id: str | None = None,
    ) -> Entry:
        """Money from one account to another, if it is available; the new entry of ``debit``."""
        moved = HistoricalEntry(
            debit=debit, credit=credit, amount=amount, at=at or now(), description=description, details=details
        )
        return journal.entry_of(await self._post(moved, transaction_id, is_dated=at is not None), debit)

    async def post_history(self, entries: Iterable[HistoricalEntry]) -> int:
        """Book many past entries fast, by date (those of one date in the order given); how many there are.

        Held to everything that a single posting is. The first refusal is raised; the page of up to 1000 it stands in
        is then not booked, those before it are, so entries with ids can simply be brought again.
        """
        by_date = sorted(entries, key=lambda entry: entry.at)
        return len(await self._poster.submit_history([_posting(entry, entry.id, is_dated=True) for entry in by_date]))

    async def hold(
        self,
        account: str,
        amount: Money,
        *,
        expires_at: datetime,
        description: str = "",
        details: Mapping[str, str] = NO_DETAILS,
        at: datetime | None = None,
        hold_id: str | None = None,
    ) -> str:
        """Set money aside if it is available; the hold's id."""
        placing = HoldPlacing(
            id=hold_id or new_id("hold"),
            account=account,
            amount=amount.amount,
            currency=amount.currency,
            at=at or now(),
            expires_at=expires_at,
            description=description,
            details=details,
        )
        hold = await self._poster.submit(placing)
        wanted = (account, to_bson(placing.amount), placing.currency)
        if (hold["account"], hold["amount"], hold["currency"]) != wanted:
            raise Conflict("This id belongs to another hold")
        return placing.id

    async def post_hold(
        self,
        hold: str,
        *,
        amount: Money | None = None,
        credit: str = SYSTEM_CASH,
        description: str | None = None,
        at: datetime | None = None,
        transaction_id: str | None = None,
    ) -> Entry:
        """Turn the hold into an entry: all of it, or another ``amount`` (more only if available); the rest is freed."""
        held = await self._hold(hold)
        posting = HistoricalEntry(
            debit=held["account"],
            credit=credit,
            amount=amount or Money(held["amount"].to_decimal(), held["currency"]),
            at=at or now(),
            description=held["description"] if description is None else description,
            details=held["details"],
        )
        command = replace(_posting(posting, transaction_id, is_dated=at is not None), hold=hold)
        return journal.entry_of(await self._poster.submit(command), held["account"])

    async def release_hold(self, hold: str, *, at: datetime | None = None) -> None:
        """Give the held money free."""
        held = await self._hold(hold)
        await self._poster.submit(
            HoldEnding(id=new_id("end"), hold=hold, account=held["account"], state="released", at=at or now())
        )

    async def expire_holds(self, at: datetime) -> int:
        """End all holds whose time is up at ``at``; how many."""
        due = self._database[HOLDS].find({"state": "pending", "expires_at": {"$lte": at}})
        expired = 0
        async for hold in due:
            ending = HoldEnding(id=new_id("end"), hold=hold["_id"], account=hold["account"], state="expired", at=at)
            try:
                await self._poster.submit(ending)
            except Conflict:
                continue  # somebody ended it in this moment
            expired += 1
        return expired

    async def holds(self, account: str, *, state: str = "pending") -> list[Stored]:
        """The account's holds in that state (pending, posted, released, expired), by date."""
        found = self._database[HOLDS].find({"account": account, "state": state})
        return await found.sort([("placed_at", 1), ("_id", 1)]).to_list()

    async def balance(self, account: str, *, at: datetime | None = None) -> Balance:
        """What is on the account now; with ``at``, what was booked when that instant was over (held is then zero)."""
        current = await journal.load_balance(self._database, account)
        if current is None:
            raise UnknownAccount("There is no such account")
        if at is None:
            return current
        nothing = current.booked * 0
        booked = await journal.booked_balance_at(self._database, account, at)
        booked = nothing if booked is None else booked
        return replace(current, booked=booked, held=nothing, available=booked)

    async def entries(
        self,
        account: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 0,
    ) -> list[Entry]:
        """The account's entries booked at ``since`` or later and before ``until``, oldest first.

        A page goes on ``after`` the ``seq`` of the last entry seen; ``limit`` 0 is no limit.
        """
        return await journal.load_entries(self._database, account, since=since, until=until, after=after, limit=limit)

    async def _post(self, moved: HistoricalEntry, transaction: str | None, *, is_dated: bool) -> Stored:
        return await self._poster.submit(_posting(moved, transaction, is_dated=is_dated))

    async def _hold(self, hold: str) -> Stored:
        found = await self._database[HOLDS].find_one({"_id": hold})
        if not found:
            raise UnknownHold("There is no such hold")
        return found


def _posting(entry: HistoricalEntry, transaction: str | None, *, is_dated: bool) -> Posting:
    return Posting(
        id=transaction or new_id("txn"),
        debit=entry.debit,
        credit=entry.credit,
        amount=entry.amount.amount,
        currency=entry.amount.currency,
        at=entry.at,
        description=entry.description,
        details=entry.details,
        is_dated=is_dated,
        is_repeat=transaction is not None,
    )


__all__ = ["HistoricalEntry", "Ledger", "NewAccount"]
