"""Group commit with admission: whatever waits, up to 200 commands, is decided and written as one transaction.

A posting of its own transaction pays for a majority acknowledgement each, and on a hot account for the conflicts as
well. Here the funds check is a fold over balances read inside the transaction; every balance is written once,
guarded by its version. Several processes may do this on one database: who loses a conflict decides anew.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from pymongo import AsyncMongoClient, InsertOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from backend.emulator.ledger.book import Book, Standing
from backend.emulator.ledger.commands import Command, HoldEnding, HoldPlacing, Posting
from backend.emulator.ledger.orphans import end_orphans
from backend.emulator.ledger.schema import BALANCES, HOLDS, JOURNAL, LEDGER_INBOX, LEDGER_OUTBOX
from backend.emulator.ledger.transactions import met_another
from backend.kernel.errors import DatabaseUnavailable, OpenFinanceError, Unavailable
from backend.kernel.mongo.client import translated

Stored = dict[str, Any]

BATCH: Final = 200
HISTORY_BATCH: Final = 1000
PATIENCE_SECONDS: Final = 10.0
_WHOLE_BATCH_TRIES: Final = 3
_MOST_WAITING: Final = 20_000
_UNKNOWN_COMMIT: Final = "UnknownTransactionCommitResult"


class Overtaken(Exception):
    """A guarded write met another version than the one decided on; the decision must be taken anew."""


@dataclass(slots=True, eq=False)
class _Waiting:
    command: Command
    answer: asyncio.Future[Stored]
    until: float = field(default_factory=lambda: time.monotonic() + PATIENCE_SECONDS)

    def settle(self, outcome: Stored | BaseException) -> None:
        if self.answer.done():  # its caller has gone away
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Poster:
    """The writer of one process: commands in, records out, in the order they came for each account."""

    def __init__(self, client: AsyncMongoClient[Stored], database: AsyncDatabase[Stored]) -> None:
        self._client = client
        self._database = database
        self._queue: list[_Waiting] = []
        self._blocked: dict[str, float] = {}
        self._next_look = 0.0
        self._one_batch = asyncio.Lock()
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, command: Command) -> Stored:
        """The journal record or hold that came of ``command``; {} if its message was handled before.

        Raises the refusal (see ``errors``), or DatabaseUnavailable: then repeat it with the same id. A command whose
        caller goes away while it waits is not carried out; one already being written is.
        """
        if len(self._queue) >= _MOST_WAITING:
            raise Unavailable("Too many postings are waiting; try again in a few seconds")
        waiting = _Waiting(command, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain())
        return await waiting.answer

    async def submit_history(self, postings: Sequence[Posting]) -> list[Stored]:
        """All ``postings`` in that order, in large transactions; those whose ids are known are not repeated.

        Raises the first refusal; the page of up to 1000 it stands in is then not booked, those before it are.
        """
        records: list[Stored] = []
        for start in range(0, len(postings), HISTORY_BATCH):
            page = postings[start : start + HISTORY_BATCH]
            with translated():
                async with self._one_batch:
                    records += await self._all_or_none(page)
        return records

    async def _all_or_none(self, page: Sequence[Posting]) -> list[Stored]:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                outcomes = await self._commit(page, is_retry=True, all_or_none=True)
            except (PyMongoError, Overtaken) as error:
                if not _is_conflict(error) or time.monotonic() > until:
                    raise
                await _back_off(3)
                continue
            for outcome in outcomes:
                if isinstance(outcome, OpenFinanceError):
                    raise outcome
            return [outcome for outcome in outcomes if isinstance(outcome, dict)]

    async def _drain(self) -> None:
        while self._queue:
            async with self._one_batch:
                batch = self._take()
                await self._settle(batch)
            if not batch:
                await asyncio.sleep(0.005)

    def _take(self) -> list[_Waiting]:
        """The next commands, without those of blocked accounts, and without any that would overtake one of these."""
        now = time.monotonic()
        self._blocked = {account: until for account, until in self._blocked.items() if until > now}
        if not self._blocked and len(self._queue) <= BATCH:
            taken, self._queue = self._queue, []
            return [each for each in taken if not each.answer.done()]
        taken, left, standing_back = [], [], set(self._blocked)
        for position, waiting in enumerate(self._queue):
            if len(taken) == BATCH:
                left += self._queue[position:]
                break
            if standing_back.isdisjoint(waiting.command.accounts):
                taken.append(waiting)
            else:
                standing_back.update(waiting.command.accounts)
                left.append(waiting)
        self._queue = left
        return [each for each in taken if not each.answer.done()]

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Carry ``batch`` out. One that keeps conflicting is split, so that a slow account delays only its own."""
        for attempt in range(_WHOLE_BATCH_TRIES if batch else 0):
            if not await self._try(batch, is_retry=attempt > 0):
                return
            await _back_off(attempt)
        for group in _apart(batch):
            if await self._try(group, is_retry=True):
                self._put_off(group)
        if self._blocked and time.monotonic() > self._next_look:
            self._next_look = time.monotonic() + 1
            await end_orphans(self._client)

    async def _try(self, batch: list[_Waiting], *, is_retry: bool) -> bool:
        """Whether ``batch`` met a conflict and has still to be carried out; else its callers have their answers."""
        try:
            outcomes = await self._commit([each.command for each in batch], is_retry=is_retry)
        except Exception as error:  # noqa: BLE001 - whatever happened, those who wait must hear of it
            if _is_conflict(error):
                return True
            if len(batch) > 1 and not isinstance(_in_our_words(error), DatabaseUnavailable):
                # Something in here cannot be written; alone, each finds out whether it is the one.
                for each in batch:
                    if await self._try([each], is_retry=True):
                        self._put_off([each])
                return False
            for each in batch:
                each.settle(_in_our_words(error))
            return False
        for each, outcome in zip(batch, outcomes, strict=True):
            each.settle(outcome)
        return False

    def _put_off(self, group: list[_Waiting]) -> None:
        now = time.monotonic()
        late = [each for each in group if each.until < now]
        for each in late:
            each.settle(Unavailable("The account is busy; repeat the call with the same identifiers"))
        self._queue[:0] = [each for each in group if each not in late]
        self._blocked.update({account: now + 0.02 for each in group for account in each.command.accounts})

    async def _commit(
        self, commands: Sequence[Command], *, is_retry: bool, all_or_none: bool = False
    ) -> list[Stored | OpenFinanceError]:
        async with self._client.start_session() as session:
            await session.start_transaction(read_concern=ReadConcern("snapshot"))
            book = await self._load(session, commands, is_retry=is_retry)
            outcomes = [book.apply(command) for command in commands]
            is_wanted = not all_or_none or all(isinstance(outcome, dict) for outcome in outcomes)
            if book.is_changed and is_wanted:
                await self._write(session, book)
                await _commit(session)
        # Leaving the session ends a transaction that was not committed.
        return outcomes

    async def _load(self, session: AsyncClientSession, commands: Sequence[Command], *, is_retry: bool) -> Book:
        accounts = {account for command in commands for account in command.accounts}
        balances = await self._found(BALANCES, accounts, session)
        return Book(
            [Standing.of(stored) for stored in balances],
            await self._found(HOLDS, _hold_ids(commands, is_retry=is_retry), session),
            known={
                record["_id"]: record
                for record in await self._found(JOURNAL, _known_ids(commands, is_retry=is_retry), session)
            },
            delivered=[record["_id"] for record in await self._found(LEDGER_INBOX, _message_ids(commands), session)],
            now_microseconds=time.time_ns() // 1000,
        )

    async def _found(self, collection: str, ids: Iterable[str], session: AsyncClientSession) -> list[Stored]:
        wanted = list(ids)
        if not wanted:
            return []
        return await self._database[collection].find({"_id": {"$in": wanted}}, session=session).to_list()

    async def _write(self, session: AsyncClientSession, book: Book) -> None:
        for collection, documents in (
            (JOURNAL, book.journal),
            (LEDGER_OUTBOX, book.outbox),
            (LEDGER_INBOX, book.inbox),
            (HOLDS, book.new_holds),
        ):
            if documents:
                writes = [InsertOne(document) for document in documents]
                await self._database[collection].bulk_write(writes, session=session, ordered=False)
        changed = [
            UpdateOne({"_id": each.id, "version": each.version}, {"$set": each.changes()})
            for each in book.standings.values()
            if each.is_changed
        ]
        await self._guarded(BALANCES, changed, session)
        ended = [UpdateOne({"_id": each["_id"], "state": "pending"}, {"$set": each}) for each in book.ended_holds]
        await self._guarded(HOLDS, ended, session)

    async def _guarded(self, collection: str, updates: list[UpdateOne], session: AsyncClientSession) -> None:
        if updates:
            result = await self._database[collection].bulk_write(updates, session=session, ordered=False)
            if result.matched_count != len(updates):
                raise Overtaken


def _hold_ids(commands: Sequence[Command], *, is_retry: bool) -> set[str]:
    ended = {command.hold for command in commands if isinstance(command, HoldEnding)}
    posted = {command.hold for command in commands if isinstance(command, Posting) and command.hold}
    placed = {command.id for command in commands if isinstance(command, HoldPlacing) and is_retry}
    return ended | posted | placed


def _known_ids(commands: Sequence[Command], *, is_retry: bool) -> set[str]:
    """After a commit whose outcome was lost, a first try may have succeeded."""
    return {each.id for each in commands if isinstance(each, Posting) and (each.is_repeat or is_retry)}


def _message_ids(commands: Sequence[Command]) -> set[str]:
    return {command.message for command in commands if isinstance(command, Posting) and command.message}


async def _commit(session: AsyncClientSession) -> None:
    """Commit, and ask again while the answer was lost: that is safe, the server knows the transaction."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label(_UNKNOWN_COMMIT) or time.monotonic() > until:
                raise
            await _back_off(3)
        else:
            return


async def _back_off(attempt: int) -> None:
    await asyncio.sleep(random.uniform(0.5, 1.5) * 0.002 * 2**attempt)  # noqa: S311 - not a secret


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, Overtaken) or met_another(error)


def _in_our_words(error: Exception) -> Exception:
    try:
        _raise_translated(error)
    except Exception as ours:  # noqa: BLE001 - it is returned, not swallowed
        return ours


def _raise_translated(error: Exception) -> NoReturn:
    with translated():
        raise error


def _apart(batch: list[_Waiting]) -> list[list[_Waiting]]:
    """``batch`` in groups that share no account, each in the order they came."""
    leader: dict[str, str] = {}

    def find(account: str) -> str:
        while leader.setdefault(account, account) != account:
            account = leader[account]
        return account

    for each in batch:
        first, *others = each.command.accounts
        for other in others:
            leader[find(other)] = find(first)
    groups: dict[str, list[_Waiting]] = {}
    for each in batch:
        groups.setdefault(find(each.command.accounts[0]), []).append(each)
    return list(groups.values())
