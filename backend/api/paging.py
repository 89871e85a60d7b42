"""Paging: opaque keyset cursors that only we can write, each good for one route, its filters and one person."""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Any, Final

from bson import ObjectId, json_util
from fastapi import Query
from pydantic import BeforeValidator

from backend.api.rendering import render
from backend.kernel.errors import InvalidInput
from backend.kernel.ids import KeyedHash

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
_SEAL_BYTES = 16
_BSON: Final = json_util.CANONICAL_JSON_OPTIONS.with_options(tz_aware=True, tzinfo=UTC)


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("A limit is written in digits alone")
    return value


Limit = Annotated[int, BeforeValidator(_digits), Query(ge=1, le=LIMIT_MAX, description="How many at most")]
CursorText = Annotated[
    str | None, Query(max_length=1024, description="`next_cursor` of the page before, with the same filters")
]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows, and the cursor of the next, None on the last page."""

    data: Sequence[Any]
    next_cursor: str | None

    def render(self) -> bytes:
        """The envelope ``{"data": […], "next_cursor": "…"|null}`` as JSON."""
        return render({"data": self.data, "next_cursor": self.next_cursor})


@dataclass(frozen=True, slots=True)
class Cursors:
    """Writes and reads the cursors of one list: one route, one set of filters, one person."""

    keyed_hash: KeyedHash
    route: str
    user_id: ObjectId
    filters: Mapping[str, str | None]

    def write(self, position: Sequence[Any]) -> str:
        """The cursor that continues after ``position`` (BSON values: the last row's sort keys)."""
        payload = json_util.dumps(list(position), json_options=_BSON).encode()
        return _text(self._seal(payload) + payload)

    def read(self, cursor: str) -> list[Any]:
        """The position in ``cursor``; InvalidInput when we did not write it for this very list."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidInput("The cursor is not one of ours; start again without it") from error
        seal, payload = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        # The last letter has bits that decoding drops; a cursor has only one spelling nevertheless.
        if _text(raw) != cursor or not hmac.compare_digest(seal, self._seal(payload)):
            raise InvalidInput("The cursor belongs to another list, filter or person; start again without it")
        position: list[Any] = json_util.loads(payload, json_options=_BSON)
        return position

    def _seal(self, payload: bytes) -> bytes:
        filters = json.dumps({name: value for name, value in self.filters.items() if value}, sort_keys=True)
        return self.keyed_hash.digest("cursor", self.route, self.user_id.binary, filters, payload)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def page_of(rows: Sequence[Any], *, limit: int, keys: Sequence[str], cursors: Cursors) -> Page:
    """The page for ``rows`` that were asked for with ``limit + 1``; ``keys`` are their sort fields."""
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], cursors.write([last[key] for key in keys]))
