"""Files of records into the store: MongoDB extended JSON arrays and NDJSON, through the same intake as banks.

What a file holds is told by its name, as mongoexport and Compass write it: ``<database>.<collection>.json``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, get_args

from backend.banks.contract import BadRecord, Bank, Kind, Record, Rejected
from backend.banks.registry import Registry
from backend.documents.store import Store
from backend.ingest.extended_json import parse_record
from backend.ingest.files import RawRecord, read_records
from backend.ingest.intake import Counts, Intake, Received
from backend.ingest.people import SECRETIVE, TAKERS, Moment
from backend.ingest.quarantine import NOBODY, SetAside, set_aside
from backend.ingest.raw import Payload, keep, payload_id
from backend.kernel import clock
from backend.kernel.errors import InvalidInput, Malformed

PAGE: Final = 1000
# One payload of a page, sealed, must fit into a document (16 MiB), however large its last record is.
PAGE_BYTES: Final = 4 * 1024 * 1024
SUFFIXES: Final = frozenset({".json", ".ndjson", ".jsonl"})
# Collection names of the systems we take over from, in the order in which they depend on each other.
KINDS: Final[Mapping[str, str]] = {
    "users": "users",
    "tokens": "tokens",
    "external_accounts": "accounts",
    "accounts": "accounts",
    "external_products": "products",
    "products": "products",
    "external_transactions": "transactions",
    "transactions": "transactions",
}
_ORDER: Final = tuple(dict.fromkeys(KINDS.values()))


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file and what it holds."""

    path: Path
    kind: str

    @property
    def size(self) -> int:
        """Bytes, for progress."""
        return self.path.stat().st_size


@dataclass(slots=True)
class FileReport:
    """What became of one file's records."""

    file: SampleFile
    counts: Counts = field(default_factory=Counts)


Progress = Callable[[SampleFile, int], None]


def find_files(paths: Sequence[Path], *, kind: str | None = None) -> list[SampleFile]:
    """The files to import, those that others depend on first; folders are looked into.

    Raises InvalidInput naming the first path that cannot be used, before anything is read.
    """
    found = [file for path in paths for file in _expand(path)]
    if not found:
        raise InvalidInput(f"No file ending in {', '.join(sorted(SUFFIXES))} is there")
    files = [SampleFile(path, kind or _kind_of(path)) for path in found]
    return sorted(files, key=lambda file: _ORDER.index(file.kind))


async def import_file(
    store: Store, banks: Registry, file: SampleFile, *, dry_run: bool = False, progress: Progress | None = None
) -> FileReport:
    """Take in one file, page by page, never holding more than a page in memory."""
    report, moment = FileReport(file), Moment(clock.now(), dry_run)
    intake = Intake(store, banks, bank_of=lambda record: bank_of(banks, record), dry_run=dry_run)
    records = read_records(file.path)
    while page := _page(records):
        received = [_received(record) for record in page]
        if file.kind in TAKERS:
            counts = await _take_people(store, file, received, moment)
        else:
            counts = await intake.take(_bank_kind(file.kind), received, origin=file.path.name, at=moment.at)
        report.counts.add(counts)
        if progress:
            progress(file, page[-1].end)
    return report


def _page(records: Iterator[RawRecord]) -> list[RawRecord]:
    """The next records: at most PAGE of them, and no more once they have PAGE_BYTES."""
    page: list[RawRecord] = []
    size = 0
    while len(page) < PAGE and size < PAGE_BYTES and (record := next(records, None)):
        page.append(record)
        size += len(record.raw)
    return page


def bank_of(banks: Registry, record: Record) -> Bank | Rejected:
    """The bank that a record says it is from; one that names none is from the bank that runs the store."""
    field = "ProductBank" if isinstance(record, Mapping) and "ProductBank" in record else "AccountBank"
    name = record.get(field) if isinstance(record, Mapping) else None
    if name is None:
        own = [bank for bank in banks if bank.own]
        return own[0] if own else Rejected("MISSING", "The record names no bank", f"/{field}")
    return banks.named(str(name)) or Rejected("UNKNOWN_BANK", "No row in data/banks has this bank's name", f"/{field}")


def _expand(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (inner for inner in sorted(path.iterdir()) if inner.suffix in SUFFIXES)
    elif path.is_file():
        yield path
    else:
        raise InvalidInput(f"{path} does not exist")


def _kind_of(path: Path) -> str:
    collection = path.stem.rpartition(".")[2]
    if collection not in KINDS:
        known = ", ".join(f"{name}.json" for name in KINDS)
        raise InvalidInput(
            f"{path.name} does not tell what it holds; rename it to end in one of {known}, or say --kind"
        )
    return KINDS[collection]


def _bank_kind(kind: str) -> Kind:
    return next(known for known in get_args(Kind) if known == kind)


def _received(record: RawRecord) -> Received:
    if record.broken:
        return Received(record.raw, Rejected("MALFORMED", record.broken, ""), record.place)
    try:
        return Received(record.raw, parse_record(record.raw), record.place)
    except Malformed as error:
        return Received(record.raw, Rejected("MALFORMED", str(error), ""), record.place)


async def _take_people(store: Store, file: SampleFile, page: Sequence[Received], moment: Moment) -> Counts:
    counts, taker = Counts(), TAKERS[file.kind]
    for received in page:
        verdict = received.value
        try:
            if not isinstance(verdict, Rejected):
                counts.count(await taker(store, _object(verdict), moment))
                continue
        except BadRecord as bad:
            verdict = Rejected(bad.code, str(bad), bad.pointer)
        counts.reject(received.place, verdict)
        if not moment.dry_run:
            await _set_aside(store, file, received, verdict, moment.at)
    return counts


def _object(value: object) -> Record:
    if not isinstance(value, Mapping):
        raise BadRecord("NOT_AN_OBJECT", "A record is a JSON object", "")
    return value


async def _set_aside(store: Store, file: SampleFile, received: Received, rejected: Rejected, at: datetime) -> None:
    # A token's bytes are a secret even when the record cannot be used, so only the place is kept.
    raw = b"{}" if file.kind in SECRETIVE else received.raw
    payload = Payload(NOBODY, raw, "application/json", file.kind, f"{file.path.name} {received.place}")
    await keep(store, [payload], received_at=at)
    raw_id = payload_id(store, payload)
    aside = SetAside(rejected, NOBODY, file.kind, raw_id, "", file.path.name, received.place)
    await set_aside(store, [aside], seen_at=at)
