"""One page of records, from bytes to documents: judge, keep the bytes, set aside, write what changed, count."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from bson import ObjectId

from backend.banks.contract import Bank, Kind, Mapped, MappedTransaction, Record, Rejected, Understood
from backend.banks.registry import Registry
from backend.documents.balance import ExternalBalance
from backend.documents.store import Store, Stored
from backend.ingest.normalise import TARGETS, Origin, balance_documents, candidate, seal_all
from backend.ingest.people import Moment, Person, ensure_users
from backend.ingest.quarantine import NOBODY, SetAside, set_aside
from backend.ingest.raw import Payload, insert_new, keep, payload_id
from backend.ingest.upsert import Candidate, Outcome, upsert

BankOf = Callable[[Record], Bank | Rejected]


@dataclass(frozen=True, slots=True)
class Received:
    """One record as received: its bytes, what they say (or why they say nothing), and where it stood."""

    raw: bytes
    value: Any
    place: str


@dataclass(slots=True)
class Counts:
    """What became of records: ``read`` is always the sum of the other four."""

    KEPT_PROBLEMS: ClassVar[int] = 50

    read: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    quarantined: int = 0
    problems: list[tuple[str, Rejected]] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """One more record that was written or found the same."""
        self.read += 1
        setattr(self, outcome, getattr(self, outcome) + 1)

    def reject(self, place: str, rejected: Rejected) -> None:
        """One more record that was set aside; the first 50 are remembered for the reader."""
        self.read += 1
        self.quarantined += 1
        if len(self.problems) < self.KEPT_PROBLEMS:
            self.problems.append((place, rejected))

    def add(self, other: "Counts") -> None:
        """Count another page in."""
        for name in ("read", "new", "changed", "same", "quarantined"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.problems.extend(other.problems[: self.KEPT_PROBLEMS - len(self.problems)])


@dataclass(frozen=True, slots=True)
class _Judged:
    received: Received
    verdict: Understood | Rejected
    bank: Bank | None = None

    def owners(self) -> list[Person]:
        """Everybody who owns a part of an understood record."""
        mapped = self.verdict.mapped if isinstance(self.verdict, Understood) else ()
        return [(part.owner.user_id, part.owner.user_name) for part in mapped if part.owner]

    def keepers(self) -> list[ObjectId]:
        """Under whose key the record's bytes are kept."""
        if isinstance(self.verdict, Rejected):
            return [self.verdict.owner_id or NOBODY]
        return list(dict.fromkeys(user_id for user_id, _ in self.owners()))


# Where a record's bytes are kept for one of its owners: _id of the payload, and JSON pointer into it.
_Places = dict[tuple[int, ObjectId], tuple[bytes, str]]


class Intake:
    """Takes pages of records of one kind from one origin into the store."""

    def __init__(self, store: Store, banks: Registry, *, bank_of: BankOf, dry_run: bool = False) -> None:
        self._store = store
        self._banks = banks
        self._bank_of = bank_of
        self._dry_run = dry_run

    async def take(self, kind: Kind, page: Sequence[Received], *, origin: str, at: datetime) -> Counts:
        """What became of every record of the page. All of it is stored on a majority when this returns."""
        judged = await self._refuse_false_owners([self._judge(kind, received) for received in page], at)
        payloads, places = _pack(self._store, kind, origin, judged)
        if not self._dry_run:
            await keep(self._store, payloads, received_at=at)
            await set_aside(self._store, list(_aside(kind, origin, judged, places)), seen_at=at)
        return await self._write(judged, places, at)

    def _judge(self, kind: Kind, received: Received) -> _Judged:
        if isinstance(received.value, Rejected):
            return _Judged(received, received.value)
        bank = self._bank_of(received.value)
        if isinstance(bank, Rejected):
            return _Judged(received, bank)
        verdict = self._banks.dialect(bank).map(kind, received.value, bank)
        return _Judged(received, _storable(verdict), bank)

    async def _refuse_false_owners(self, judged: list[_Judged], at: datetime) -> list[_Judged]:
        owners = [owner for one in judged for owner in one.owners()]
        refused = await ensure_users(self._store, owners, Moment(at, self._dry_run))
        if not refused:
            return judged
        return [
            next((replace(one, verdict=refused[owner]) for owner in one.owners() if owner in refused), one)
            for one in judged
        ]

    async def _write(self, judged: list[_Judged], places: _Places, at: datetime) -> Counts:
        outcomes: dict[int, list[Outcome]] = {}
        for part, placed in self._candidates(judged, places, at).items():
            results = await self._upsert(part, [found for _, found in placed])
            for (position, _), outcome in zip(placed, results, strict=True):
                outcomes.setdefault(position, []).append(outcome)
        counts = Counts()
        for position, one in enumerate(judged):
            if isinstance(one.verdict, Rejected):
                counts.reject(one.received.place, one.verdict)
            else:
                counts.count(_strongest(outcomes[position]))
        return counts

    def _candidates(
        self, judged: list[_Judged], places: _Places, at: datetime
    ) -> dict[type[Mapped], list[tuple[int, Candidate]]]:
        """The documents that the page's records ask for, with the position of their record."""
        found: dict[type[Mapped], list[tuple[int, Candidate]]] = {}
        for position, one in enumerate(judged):
            if not isinstance(one.verdict, Understood) or one.bank is None:
                continue
            version = self._banks.dialect(one.bank).version
            for part in one.verdict.mapped:
                owner = part.owner
                if owner is None:
                    continue
                source = Origin(*places[position, owner.user_id], at, version)
                made = candidate(self._store, one.bank, part, owner, one.verdict.notes, source)
                found.setdefault(type(part), []).append((position, made))
        return found

    async def _upsert(self, part: type[Mapped], candidates: list[Candidate]) -> list[Outcome]:
        target = TARGETS[part]

        async def finish(documents: Sequence[Stored]) -> None:
            # Balances first: if we die in between, the account is still to be written and both come again.
            history = [row for document in documents for row in balance_documents(self._store, document)]
            if history:
                await insert_new(self._store, ExternalBalance.Settings.name, history)
            await seal_all(self._store, target, documents)

        name = target.Settings.name
        return await upsert(self._store, name, candidates, finish=finish, dry_run=self._dry_run)


def _storable(verdict: Understood | Rejected) -> Understood | Rejected:
    """The verdict, unless what was understood cannot be stored from a file of records alone."""
    if isinstance(verdict, Rejected):
        return verdict
    if not all(part.owner for part in verdict.mapped):
        return Rejected("MISSING", "The record does not say whose it is", "")
    if not all(part.is_trusted for part in verdict.mapped if isinstance(part, MappedTransaction)):
        return Rejected("NO_ID", "Without an id to trust, only a fetch of the whole account tells twins apart", "")
    return verdict


def _pack(store: Store, kind: Kind, origin: str, judged: list[_Judged]) -> tuple[list[Payload], _Places]:
    """The page's bytes as one JSON array for each owner, and where in it each record stands."""
    shelves: dict[ObjectId, list[int]] = {}
    for position, one in enumerate(judged):
        for owner in one.keepers():
            shelves.setdefault(owner, []).append(position)
    payloads: list[Payload] = []
    places: _Places = {}
    for owner, positions in shelves.items():
        body = b"[" + b",\n".join(judged[position].received.raw for position in positions) + b"]"
        payload = Payload(owner, body, "application/json", kind, origin)
        payloads.append(payload)
        raw_id = payload_id(store, payload)
        places |= {(position, owner): (raw_id, f"/{index}") for index, position in enumerate(positions)}
    return payloads, places


def _aside(kind: Kind, origin: str, judged: list[_Judged], places: _Places) -> Iterator[SetAside]:
    for position, one in enumerate(judged):
        if isinstance(one.verdict, Rejected):
            owner = one.verdict.owner_id or NOBODY
            yield SetAside(one.verdict, owner, kind, *places[position, owner], origin, one.received.place)


def _strongest(outcomes: list[Outcome]) -> Outcome:
    return next(outcome for outcome in ("new", "changed", "same") if outcome in outcomes)
