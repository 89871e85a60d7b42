"""Rendering: stored documents as JSON bytes, amounts as text, in one pass and without a model per row."""

import struct
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import orjson
from bson import ObjectId
from bson.decimal128 import Decimal128
from starlette.responses import JSONResponse

_HALVES: Final = struct.Struct("<QQ")
_EXPONENT_BIAS = 6176
_EXPONENT_SHIFT = 49
_EXPONENT_MASK = 0x3FFF
# Bits of the upper half that are set only when the coefficient is beyond 64 bits, or it is no number.
_BEYOND_64_BITS = (1 << _EXPONENT_SHIFT) - 1
_UNUSUAL = 0x6000_0000_0000_0000
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS


def render(documents: Any) -> bytes:
    """``documents`` (dicts, lists, BSON values) as JSON.

    Decimal128 and Decimal are text in plain digits, ObjectId is hexadecimal, instants are ISO 8601 with
    ``Z`` and milliseconds.

    Raises TypeError for binary values and everything else that has no business outside.
    """
    return orjson.dumps(documents, _rendered, _OPTIONS)


def decimal_text(value: Decimal128) -> str:
    """``format(value.to_decimal(), "f")``, several times as fast for coefficients below 2**64."""
    low, high = _HALVES.unpack(value.bid)
    if high & _BEYOND_64_BITS or high & _UNUSUAL == _UNUSUAL:
        return format(value.to_decimal(), "f")
    exponent = (high >> _EXPONENT_SHIFT & _EXPONENT_MASK) - _EXPONENT_BIAS
    digits = str(low)
    if exponent < 0:
        digits = digits.zfill(1 - exponent)
        digits = f"{digits[:exponent]}.{digits[exponent:]}"
    elif exponent and low:
        digits += "0" * exponent
    return f"-{digits}" if high >> 63 else digits


@lru_cache(4096)  # one import or sync stamps a thousand rows with one instant
def instant_text(value: datetime) -> str:
    """``value`` in UTC as ``2024-05-01T08:30:00.000Z``; one without a zone is UTC, as BSON keeps them."""
    if value.tzinfo is not None and value.utcoffset():
        value = value.astimezone(UTC)
    return f"{value.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _rendered(value: Any) -> Any:
    kind = type(value)
    if kind is Decimal128:
        return decimal_text(value)
    if kind is ObjectId:
        return str(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if kind is Decimal:
        return format(value, "f")
    if isinstance(value, int | str):  # Int64 and the like
        return int(value) if isinstance(value, int) else str(value)
    raise TypeError(f"{kind.__name__} is not rendered")


class JsonBytes(JSONResponse):
    """A response whose body is JSON already, as ``render`` makes it."""

    def render(self, content: bytes) -> bytes:
        """``content`` as it is."""
        return content
