"""Reads of transactions, page by page: counted once, the same to the end, whatever is booked meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from backend.emulator.ledger.journal import Entry
from backend.emulator.openbanking.books import Books
from backend.emulator.openbanking.cursors import Cursor, Cursors
from backend.emulator.openbanking.facts import Account, Balance, Transaction
from backend.emulator.openbanking.gate import Admitted, Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What of an account's transactions is wanted. ``query`` is what the cursor is bound to beside the resource."""

    resource: str
    query: Mapping[str, str]
    limit: int
    cursor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    has_booked: bool = True
    has_pending: bool = False
    wanted: Callable[[Entry], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A page of a read. What is pending comes with the first one; ``next_cursor`` is None on the last."""

    account: Account
    balance: Balance
    booked: tuple[Transaction, ...]
    pending: tuple[Transaction, ...]
    next_cursor: str | None
    is_first: bool


class Reader:
    """Reads one bank's accounts for those the gate has admitted."""

    def __init__(self, gate: Gate, books: Books, cursors: Cursors) -> None:
        self._gate = gate
        self._books = books
        self._cursors = cursors

    async def statement(self, admitted: Admitted, account: Account, wish: Wish) -> Statement:
        """One page of what is wished for; Refused for a cursor of another list, or one read too many."""
        opened = self._opened(admitted, wish)
        read_id = await self._gate.count(admitted, wish.resource, opened.read_id if opened else None)
        balance = await self._books.balance(account)
        begin = opened or Cursor(after=0, through=balance.seq)
        booked: tuple[Transaction, ...] = ()
        next_cursor = None
        if wish.has_booked:
            page = await self._books.booked(
                account,
                since=_later(wish.since, begin.since),
                until=wish.until,
                after=begin.after,
                through=begin.through,
                limit=wish.limit,
                wanted=wish.wanted,
            )
            booked = page.transactions
            if page.after is not None:
                following = Cursor(after=page.after, through=begin.through, since=page.since, read_id=read_id)
                next_cursor = self._cursors.seal(following, admitted.consent.id, wish.resource, wish.query)
        pending = await self._books.pending(account) if wish.has_pending and opened is None else []
        return Statement(
            account=account,
            balance=balance,
            booked=booked,
            pending=tuple(each for each in pending if _within(each, wish)),
            next_cursor=next_cursor,
            is_first=opened is None,
        )

    def _opened(self, admitted: Admitted, wish: Wish) -> Cursor | None:
        if wish.cursor is None:
            return None
        return self._cursors.open(wish.cursor, admitted.consent.id, wish.resource, wish.query)


def _within(transaction: Transaction, wish: Wish) -> bool:
    begun = transaction.initiated_at
    return (wish.since is None or begun >= wish.since) and (wish.until is None or begun < wish.until)


def _later(first: datetime | None, second: datetime | None) -> datetime | None:
    known = [instant for instant in (first, second) if instant]
    return max(known) if known else None
