"""Cursors: where a paged read goes on, sealed against change and bound to the consent and address it is for."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from backend.emulator.openbanking.refusals import Reason, Refused
from backend.kernel.ids import KeyedHash

_SEAL_BYTES: Final = 16
_PURPOSE: Final = "bank-page-cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Go on ``after`` that entry up to ``through``; ``since`` is when the last one seen was booked.

    ``read_id`` continues an unattended read that has been counted.
    """

    after: int
    through: int
    since: datetime | None = None
    read_id: str | None = None


class Cursors:
    """Seals and opens cursors."""

    def __init__(self, keyed_hash: KeyedHash) -> None:
        self._keyed_hash = keyed_hash

    def seal(self, cursor: Cursor, consent_id: str, resource: str, query: Mapping[str, str]) -> str:
        """``cursor`` as letters and digits that only work for the same consent, resource and query."""
        since = int(cursor.since.timestamp() * 1000) if cursor.since else None
        body = orjson.dumps([cursor.after, cursor.through, since, cursor.read_id])
        sealed = self._mark(body, consent_id, resource, query) + body
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, text: str, consent_id: str, resource: str, query: Mapping[str, str]) -> Cursor:
        """The cursor in ``text``; Refused unless it was sealed for exactly this."""
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        mark, body = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        if not hmac.compare_digest(mark, self._mark(body, consent_id, resource, query)):
            raise Refused(Reason.FIELD_INVALID, "The page asked for is none of this list", place="cursor")
        after, through, since, read_id = _read(body)
        begun = datetime.fromtimestamp(since / 1000, UTC) if since is not None else None
        return Cursor(after=after, through=through, since=begun, read_id=read_id)

    def _mark(self, body: bytes, consent_id: str, resource: str, query: Mapping[str, str]) -> bytes:
        asked = [part for name in sorted(query) for part in (name, query[name])]
        return self._keyed_hash.digest(_PURPOSE, body, consent_id, resource, *asked)


def _read(body: bytes) -> Any:
    return orjson.loads(body)
