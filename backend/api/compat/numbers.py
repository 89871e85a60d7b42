"""Replies as older front ends read them: amounts are JSON numbers, written from the exact digits."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from bson import ObjectId
from bson.decimal128 import Decimal128

from backend.api.rendering import JsonBytes, decimal_text, instant_text


def reply(document: Any) -> JsonBytes:
    """``document`` as a response; an amount is a number that no float has rounded.

    Raises TypeError for binary values and everything else that has no business outside.
    """
    return JsonBytes(orjson.dumps(document, _rendered, orjson.OPT_PASSTHROUGH_DATETIME))


def _rendered(value: Any) -> Any:
    if isinstance(value, Decimal128):
        return orjson.Fragment(decimal_text(value))
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, datetime):
        return instant_text(value)
    raise TypeError(f"{type(value).__name__} is not rendered")
