"""`openfinance quarantine`: what was set aside and why, and the bytes of one such record."""

import asyncio
import re
import sys
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.api.identity.audit import Audit, Event
from backend.bootstrap import open_store
from backend.cli.importing import said
from backend.documents.quarantine import Quarantined
from backend.documents.store import Store, Stored
from backend.ingest.people import SECRETIVE
from backend.ingest.pieces import piece
from backend.ingest.quarantine import NOBODY
from backend.ingest.raw import read_payload
from backend.kernel.errors import Conflict, InvalidInput, NotFound
from backend.kernel.settings import Settings

_ID_SHOWN: Final = 12
_ID_DIGITS: Final = 32
_ID: Final = re.compile(r"[0-9a-f]{8,32}")
_LIMIT_MAX: Final = 10_000
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

app = typer.Typer(invoke_without_command=True)
_console = Console(highlight=False, soft_wrap=True, markup=False)


@app.callback()
def quarantine(
    context: typer.Context,
    code: Annotated[str | None, typer.Option(help="Only what has this code, such as MISSING.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=_LIMIT_MAX)] = 50,
) -> None:
    """List what was set aside, newest first; `quarantine show ID` prints the bytes of one record."""
    if context.invoked_subcommand is None:
        asyncio.run(_list(code, limit))


@app.command()
def show(
    record: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it, or longer.")],
) -> None:
    """Print one record as it was received. That its owner's data was looked at is written into the record of events."""
    found, raw = asyncio.run(_read(record.lower()))
    told = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    told.print(f"{found['Origin']}, {found['Place']}: {_why(found)}")
    if found["Kind"] in SECRETIVE:
        told.print("Of this kind the bytes are secret, so they are not kept")
    # A terminal obeys control characters, and a record may hold any; a file or a program gets the bytes.
    typer.echo(_harmless(raw) if sys.stdout.isatty() else raw)


async def _list(code: str | None, limit: int) -> None:
    query = {"Code": {"$eq": code}} if code else {}
    async with open_store(Settings()) as store:
        collection = store.collection(Quarantined.Settings.name)
        order = [("FirstSeenAt", -1), ("_id", 1)]
        rows = await collection.find(query, sort=order, limit=limit).to_list()
        total = await collection.count_documents(query)
    if rows:
        _console.print(_table(rows))
    _console.print(f"{len(rows):,} of {total:,} set aside" if rows else "Nothing was set aside")


def _table(rows: list[Stored]) -> Table:
    table = Table(show_lines=True)
    table.add_column("id", no_wrap=True)
    for heading in ("file, place, kind", "code", "pointer – reason"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        where = f"{row['Origin']}, {row['Place']}, {row['Kind']}"
        why = f"{said(row['Pointer'])} – {row['Reason']}"
        table.add_row(row["_id"].hex()[:_ID_SHOWN], Text(where), Text(row["Code"]), Text(why))
    return table


def _why(row: Stored) -> str:
    return f"{row['Code']} at {said(row['Pointer'])} – {row['Reason']}"


async def _read(record: str) -> tuple[Stored, bytes]:
    async with open_store(Settings()) as store:
        found = await _find(store, record)
        try:
            payload = await read_payload(store, found["RawId"])
            raw = piece(payload, found["RawPath"], is_of_lines=found["Place"].startswith("line "))
        except KeyError:
            raise NotFound("The bytes of this record are not there any more") from None
        if found["UserId"] != NOBODY:
            await Audit(store).append(Event(found["UserId"], "command", "quarantine.shown", f"record:{record}"))
        return found, raw


async def _find(store: Store, record: str) -> Stored:
    if not _ID.fullmatch(record):
        raise InvalidInput("An ID is 8 to 32 hexadecimal digits; see `openfinance quarantine`")
    # All that begin with these digits, as one range of the index of _id.
    first, last = (bytes.fromhex(record.ljust(_ID_DIGITS, filler)) for filler in "0f")
    query = {"_id": {"$gte": first, "$lte": last}}
    found = await store.collection(Quarantined.Settings.name).find(query, limit=2).to_list()
    if not found:
        raise NotFound("Nothing that was set aside has this ID; see `openfinance quarantine`")
    if len(found) > 1:
        raise Conflict("Several IDs begin like this; give more digits")
    return found[0]


def _harmless(raw: bytes) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", raw.decode(errors="backslashreplace"))
