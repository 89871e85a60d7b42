"""MongoDB extended JSON (v2, relaxed and canonical) read strictly: `$oid`, `$date` and the `$number…` family."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from bson import json_util
from bson.errors import BSONError
from bson.json_util import JSONOptions

from backend.kernel import strict_json
from backend.kernel.errors import InvalidMoney, Malformed
from backend.kernel.money import parse_amount

_OPTIONS: Final = JSONOptions(tz_aware=True)


def parse_record(raw: bytes) -> Any:
    """One record; numbers exact, ids and dates as such. Raises Malformed with the reason."""
    return strict_json.loads(raw, convert=_convert)


def _convert(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        (name,) = found
        if reader := _READERS.get(name):
            return reader(found)
    return found


def _bson(found: dict[str, Any]) -> Any:
    try:
        return json_util.object_hook(found, _OPTIONS)
    except (BSONError, TypeError, ValueError, OverflowError) as error:
        raise Malformed(f"{next(iter(found))} does not hold what it says") from error


def _date(found: dict[str, Any]) -> Any:
    """Text is read here, because the driver takes fifteen times as long for it; numbers are the driver's."""
    (said,) = found.values()
    if not isinstance(said, str):
        return _bson(found)
    try:
        at = datetime.fromisoformat(said)
    except ValueError as error:
        raise Malformed("$date does not hold an ISO 8601 date") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _number(found: dict[str, Any]) -> Decimal | str:
    """The exact number that was written; text that writes none (NaN, 1e9) stays text, for the mapper to refuse."""
    (text,) = found.values()
    try:
        return parse_amount(text) if isinstance(text, str) else str(text)
    except InvalidMoney:
        return str(text)


_READERS: Final[Mapping[str, Callable[[dict[str, Any]], Any]]] = {
    "$oid": _bson,
    "$date": _date,
    "$numberInt": _number,
    "$numberLong": _number,
    "$numberDouble": _number,
    "$numberDecimal": _number,
}
