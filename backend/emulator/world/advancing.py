"""Time going on: what falls due is held, booked, given up or declined, in its order, however large the step."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.ledger.book import REFUSALS
from backend.emulator.ledger.commands import Command
from backend.emulator.ledger.port import Ledger
from backend.emulator.ledger.posting import Poster
from backend.emulator.world.books import lapse, placing, posting, release, store_labels
from backend.emulator.world.clock import WorldClock
from backend.emulator.world.entry import Entry
from backend.emulator.world.history import interest_days, interest_entry, interest_on, rate_of
from backend.emulator.world.life import Life
from backend.emulator.world.reading import World
from backend.emulator.world.rows import Account
from backend.emulator.world.schema import DECLINED, PRODUCTS
from backend.kernel.errors import InvalidInput
from backend.kernel.money import parse_amount, to_bson
from backend.kernel.mongo.client import translated

Stored = dict[str, Any]
LONGEST_STEP: Final = timedelta(days=3660)
_HELD, _BOOKED, _INTEREST = range(3)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Event:
    """Something due at ``at``; equal instants are ordered by ``rank`` and ``id``."""

    at: datetime
    rank: int
    id: str
    life: Life = field(compare=False)
    entry: Entry | None = field(compare=False, default=None)
    account: Account | None = field(compare=False, default=None)
    month: int = field(compare=False, default=0)


@dataclass(slots=True)
class Advanced:
    """What happened on the way to ``now``: how many entries were booked, holds placed, and payments declined."""

    now: datetime
    booked: int = 0
    held: int = 0
    declined: int = 0


class TimeGoingOn:
    """Moves the world's clock, and everything that hangs on it."""

    def __init__(
        self,
        world: World,
        client: AsyncMongoClient[Stored],
        ledger_database: AsyncDatabase[Stored],
        database: AsyncDatabase[Stored],
    ) -> None:
        self._world = world
        self._poster = Poster(client, ledger_database)
        self._ledger = Ledger(client, ledger_database, poster=self._poster)
        self._database = database
        self._clock = WorldClock(database, cached_seconds=0)
        self._lives = [Life(world, persona) for persona in world.personas.values()]
        self._declined: set[str] = set()

    async def advance(self, by: timedelta) -> Advanced:
        """The world ``by`` later. Interrupted, it stands at the last day that was finished and can go on from there.

        InvalidInput for a step backwards or of more than ten years; Conflict if somebody else moves the clock too;
        Misconfigured if there is no world, or one that was built from other rows.
        """
        if not timedelta(0) < by <= LONGEST_STEP:
            raise InvalidInput("The clock goes forward, at most ten years at a time")
        await self._clock.stands(self._world)
        start = await self._clock.now()
        done = Advanced(start)
        with translated():
            self._declined = {each["_id"] async for each in self._database[DECLINED].find({}, {"_id": 1})}
            groups = list(_together(sorted(self._due(start, start + by))))
            for events, following in zip_longest(groups, groups[1:]):
                await self._carry_out(events, done)
                # What is due at one instant is done before the clock shows it, or an interruption would lose the rest.
                if not following or following[0].at > events[-1].at:
                    await self._move(done, events[-1].at)
        await self._move(done, start + by)
        return done

    async def _move(self, done: Advanced, to: datetime) -> None:
        if to > done.now:
            await self._clock.move(before=done.now, after=to)
            done.now = to

    def _due(self, since: datetime, until: datetime) -> Iterator[_Event]:
        for life in self._lives:
            for entry in life.between(since, until):
                if entry.held and since < entry.initiated_at <= until:
                    yield _Event(at=entry.initiated_at, rank=_HELD, id=entry.id, life=life, entry=entry)
                if since < entry.settled_at <= until:
                    yield _Event(at=entry.settled_at, rank=_BOOKED, id=entry.id, life=life, entry=entry)
            for account in life.persona.accounts:
                for month, at in interest_days(life, account, since, until):
                    yield _Event(at=at, rank=_INTEREST, id=account.id, life=life, account=account, month=month)

    async def _carry_out(self, events: Sequence[_Event], done: Advanced) -> None:
        if events[0].rank == _INTEREST:
            events = [interest for event in events if (interest := await self._interest(event))]
        due = [(event, event.entry) for event in events if event.entry and self._can_happen(event.entry)]
        outcomes = await asyncio.gather(
            *(self._poster.submit(_command(event, entry)) for event, entry in due), return_exceptions=True
        )
        happened = []
        for (event, entry), outcome in zip(due, outcomes, strict=True):
            if isinstance(outcome, REFUSALS):
                await self._decline(event, entry, str(outcome), done)
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                happened.append((event, entry))
        await self._remember(happened)
        done.held += sum(event.rank == _HELD for event, _ in happened)
        done.booked += sum(event.rank != _HELD and entry.booked_at is not None for event, entry in happened)

    def _can_happen(self, entry: Entry) -> bool:
        return entry.id not in self._declined and entry.follows not in self._declined

    async def _interest(self, event: _Event) -> _Event | None:
        """``event`` with what the account bears by what is on it; None if that is nothing."""
        if event.account is None:
            raise ValueError("Interest is borne by an account")
        life, account = event.life, event.account
        balance = await self._ledger.balance(account.id, at=event.at)
        amount = interest_on(balance.booked, rate_of(life.world, account), event.month)
        if not amount:
            return None
        entry = interest_entry(life.maker, account, event.month, event.at, amount)
        return _Event(at=event.at, rank=_BOOKED, id=entry.id, life=life, entry=entry)

    async def _decline(self, event: _Event, entry: Entry, reason: str, done: Advanced) -> None:
        if event.rank == _BOOKED and not entry.booked_at:
            return  # somebody else has ended the hold
        done.declined += 1
        self._declined.add(entry.id)
        facts = {"account": entry.account, "at": event.at, "reason": reason}
        await self._database[DECLINED].replace_one({"_id": entry.id}, facts, upsert=True)
        if event.rank == _BOOKED and entry.held:
            try:
                await self._poster.submit(release(entry, event.at))
            except REFUSALS:
                return  # somebody ended it already

    async def _remember(self, happened: Sequence[tuple[_Event, Entry]]) -> None:
        by_owner: dict[str, dict[str, Entry]] = {}
        for event, entry in happened:
            by_owner.setdefault(event.life.persona.id, {})[entry.id] = entry
            if event.rank == _BOOKED and "principal" in entry.details:
                await self._repaid(entry)
        for owner, entries in by_owner.items():
            await store_labels(self._database, owner, entries.values())

    async def _repaid(self, entry: Entry) -> None:
        """Less is outstanding; once, even if the step is repeated after an interruption."""
        principal = to_bson(-parse_amount(entry.details["principal"]))
        await self._database[PRODUCTS].update_one(
            {"_id": entry.details["product"], "last_paid": {"$ne": entry.id}},
            {"$inc": {"outstanding": principal}, "$set": {"last_paid": entry.id}},
        )


def _command(event: _Event, entry: Entry) -> Command:
    if event.rank == _HELD:
        return placing(entry)
    return posting(entry) if entry.booked_at else lapse(entry)


def _together(events: Sequence[_Event]) -> Iterator[list[_Event]]:
    """Events that may be decided at once: of one day, and none that depends on another's outcome."""
    group: list[_Event] = []
    for event in events:
        if group and _is_apart(group, event):
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def _is_apart(group: Sequence[_Event], event: _Event) -> bool:
    first = group[0]
    if first.at.date() != event.at.date() or (first.rank == _INTEREST) != (event.rank == _INTEREST):
        return True
    if not event.entry:
        return False
    return not {each.id for each in group}.isdisjoint({event.id, event.entry.follows})
