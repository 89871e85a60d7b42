"""Entries put into the ledger's words, and their labels and mandates into the world's own."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.ledger.commands import HoldEnding, HoldPlacing, Posting
from backend.emulator.ledger.port import HistoricalEntry
from backend.emulator.ledger.schema import SYSTEM_CASH
from backend.emulator.world.entry import Entry
from backend.emulator.world.numbers import invented_account
from backend.emulator.world.reading import World
from backend.emulator.world.rows import Persona, Stream, Transfer
from backend.emulator.world.schema import LABELS
from backend.kernel.money import Money, to_bson

Stored = dict[str, Any]
_HELD_AT_MOST: Final = timedelta(days=30)


def posting(entry: Entry) -> Posting:
    """``entry`` as the ledger books it, now that its time has come."""
    debit, credit = _sides(entry)
    return Posting(
        id=entry.id,
        debit=debit,
        credit=credit,
        amount=abs(entry.amount),
        currency=entry.currency,
        at=entry.settled_at,
        description=entry.description,
        details=entry.details,
        hold=entry.hold_id if entry.held else None,
        is_repeat=True,
    )


def historical(entry: Entry) -> HistoricalEntry:
    """``entry`` as the ledger books it long after."""
    debit, credit = _sides(entry)
    return HistoricalEntry(
        id=entry.id,
        debit=debit,
        credit=credit,
        amount=Money(abs(entry.amount), entry.currency),
        at=entry.settled_at,
        description=entry.description,
        details=entry.details,
    )


def _sides(entry: Entry) -> tuple[str, str]:
    """Who pays and who is paid."""
    other = entry.counter or SYSTEM_CASH
    return (entry.account, other) if entry.amount < 0 else (other, entry.account)


def placing(entry: Entry) -> HoldPlacing:
    """The money that ``entry`` sets aside until it is booked."""
    if entry.held is None:
        raise ValueError("Nothing is held for this entry")
    return HoldPlacing(
        id=entry.hold_id,
        account=entry.account,
        amount=entry.held,
        currency=entry.currency,
        at=entry.initiated_at,
        expires_at=entry.lapses_at or entry.initiated_at + _HELD_AT_MOST,
        description=entry.description,
        details=entry.pending_details,
    )


def lapse(entry: Entry) -> HoldEnding:
    """The end of what was set aside and never claimed."""
    hold = entry.hold_id
    return HoldEnding(id=f"end_{hold[5:]}", hold=hold, account=entry.account, state="expired", at=entry.settled_at)


def release(entry: Entry, at: datetime) -> HoldEnding:
    """The end of what was set aside for an entry that could not be booked."""
    hold = entry.hold_id
    return HoldEnding(id=f"end_{hold[5:]}", hold=hold, account=entry.account, state="released", at=at)


async def store_labels(database: AsyncDatabase[Stored], owner: str, entries: Iterable[Entry]) -> None:
    """The truth about ``entries`` of a persona, under the ids that the ledger books them by."""
    writes = [ReplaceOne({"_id": entry.id}, _label(owner, entry), upsert=True) for entry in entries]
    if writes:
        await database[LABELS].bulk_write(writes, ordered=False)


def _label(owner: str, entry: Entry) -> Stored:
    label = entry.label
    truth = {
        "hold": entry.hold_id if entry.held else None,
        "category": label.category,
        "stream": label.stream,
        "transfer": label.transfer,
        "refund_of": label.refund_of,
        "twin": label.twin,
    }
    known = {name: value for name, value in truth.items() if value is not None}
    return {"_id": entry.id, "owner": owner, "account": entry.account} | known


def mandates(world: World, persona: Persona) -> Iterator[Stored]:
    """The persona's standing orders and direct debits as their banks know them."""
    for stream in persona.streams:
        if stream.means in ("direct_debit", "standing_order"):
            yield _mandate(world, persona, stream)
    for transfer in persona.transfers:
        target = persona.by_key[transfer.target]
        yield _instruction(world, persona, transfer, transfer.source) | {
            "kind": "standing_order",
            "counterparty": persona.full_name,
            "counterparty_account": world.iban_of(target) or target.number,
        }


def _mandate(world: World, persona: Persona, stream: Stream) -> Stored:
    country = stream.country or world.bank_of(persona.by_key[stream.account]).country
    return _instruction(world, persona, stream, stream.account) | {
        "kind": stream.means,
        "counterparty": stream.counterparty,
        "counterparty_account": invented_account(country, stream.counterparty),
        "months": list(stream.months),
        "until": stream.until.isoformat() if stream.until else None,
        "changes": [{"since": change.since.isoformat(), "amount": to_bson(change.amount)} for change in stream.changes],
    }


def _instruction(world: World, persona: Persona, row: Stream | Transfer, key: str) -> Stored:
    account = persona.by_key[key]
    return {
        "_id": f"{persona.user_name}:{row.id}",
        "owner": persona.id,
        "account": account.id,
        "amount": to_bson(row.amount),
        "currency": world.currency_of(account),
        "day": row.day,
        "months": list(range(1, 13)),
        "until": None,
        "changes": [],
        "text": row.text,
    }
