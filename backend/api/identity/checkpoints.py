"""Checkpoints of the record: how far every chain had come, signed and kept outside the database.

A chain whose newest links were cut off is right in itself; only what was written down before tells. A line of
the file holds the heads that moved since the line above it, so all lines together know every head. Who may
write to this file too can take away its last lines: a copy elsewhere tells even that.
"""

import base64
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import rfc8785
from bson import ObjectId
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from backend.api.identity.audit import Head, Survey
from backend.kernel import clock
from backend.kernel.errors import OpenFinanceError
from backend.kernel.ids import KeyedHash

if sys.platform != "win32":
    import fcntl

FILE_NAME: Final = "audit.checkpoints"
_NOTHING: Final = ""


class CheckpointsDamaged(OpenFinanceError):
    """A line of the file was changed, is missing, or was written with another hash key."""

    kind = "checkpoints-damaged"


class Checkpoint(BaseModel):
    """One line. ``heads`` has number and hash of the heads that moved, ``digest`` is over all of them."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime
    count: int
    digest: str
    heads: dict[str, tuple[int, str]]
    above: str
    mac: str

    def proof(self, keyed_hash: KeyedHash) -> str:
        """The ``mac`` that belongs to all the rest."""
        rest = self.model_dump(mode="json", exclude={"mac"})
        return _text(keyed_hash.mac("checkpoint", rfc8785.dumps(rest)))


@dataclass(frozen=True, slots=True)
class Known:
    """What all lines together say; ``last`` is None when there is none."""

    heads: Mapping[ObjectId, Head]
    last: Checkpoint | None


class Checkpoints:
    """The file, while it is open; nobody else writes a line meanwhile."""

    def __init__(self, descriptor: int, path: Path, keyed_hash: KeyedHash) -> None:
        self._descriptor = descriptor
        self._path = path
        self._keyed_hash = keyed_hash

    @classmethod
    @contextmanager
    def opened(cls, home: Path, keyed_hash: KeyedHash) -> Iterator[Self]:
        """The file in ``home``, made if it is not there: readable by its owner alone, only ever added to."""
        path = home / FILE_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield cls(descriptor, path, keyed_hash)
        finally:
            os.close(descriptor)

    def read(self) -> Known:
        """Every head that was written down. Raises CheckpointsDamaged with the number of the first bad line."""
        heads: dict[ObjectId, Head] = {}
        last: Checkpoint | None = None
        number = 0
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                last = self._checked(line, last, number)
                heads |= {ObjectId(chain): Head(seq, _bytes(text)) for chain, (seq, text) in last.heads.items()}
        if last and last.digest != _digest(heads):
            raise self._damaged(number)
        return Known(heads, last)

    def append(self, survey: Survey, known: Known) -> None:
        """Write down how far the chains of ``survey`` have come; it is on the disk when this returns."""
        moved = {
            str(chain): (head.seq, _text(head.hash))
            for chain, head in survey.heads.items()
            if known.heads.get(chain) != head
        }
        line = Checkpoint(
            at=clock.now(),
            count=survey.links,
            digest=_digest(survey.heads),
            heads=moved,
            above=known.last.mac if known.last else _NOTHING,
            mac=_NOTHING,
        )
        signed = line.model_copy(update={"mac": line.proof(self._keyed_hash)})
        _write_all(self._descriptor, signed.model_dump_json().encode() + b"\n")
        os.fsync(self._descriptor)

    def _checked(self, line: bytes, above: Checkpoint | None, number: int) -> Checkpoint:
        try:
            found = Checkpoint.model_validate_json(line)
        except ValidationError:
            raise self._damaged(number) from None
        expected = (above.mac if above else _NOTHING, found.proof(self._keyed_hash))
        if (found.above, found.mac) != expected:
            raise self._damaged(number)
        return found

    def _damaged(self, number: int) -> CheckpointsDamaged:
        return CheckpointsDamaged(
            f"Line {number} of {self._path} is not as it was written, or the one above it is missing; "
            "put the file back from a copy"
        )


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _digest(heads: Mapping[ObjectId, Head]) -> str:
    state = hashlib.sha256()
    for chain, head in sorted(heads.items()):
        state.update(chain.binary + head.seq.to_bytes(8, "big") + head.hash)
    return state.hexdigest()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
