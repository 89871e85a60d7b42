"""Days at the bank and instants: read in the declared formats only, and never turned into each other."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from backend.banks.ways import DateWays

Precision = Literal["DATE", "INSTANT", "DATE_AS_INSTANT"]
_FORMATS: Final = {
    "YYYY-MM-DD": re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})\Z"),
    "DD-MM-YYYY": re.compile(r"(?P<day>[0-9]{2})-(?P<month>[0-9]{2})-(?P<year>[0-9]{4})\Z"),
    "DD.MM.YYYY": re.compile(r"(?P<day>[0-9]{2})\.(?P<month>[0-9]{2})\.(?P<year>[0-9]{4})\Z"),
}
_DATE_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?\Z"
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day at the bank as YYYY-MM-DD, and the instant within it when the bank told one."""

    local: str
    precision: Precision
    at: datetime | None = None
    is_naive: bool = False


def read_day(value: Any, zone: ZoneInfo, ways: DateWays) -> Day | None:
    """The day that ``value`` writes; None for a day that stands for none. Raises ValueError for anything else."""
    text = str(value).strip()
    found = _read_date(text, ways)
    if found is None:
        return _read_instant(text, zone, ways)
    return None if found.isoformat() in ways.sentinels else Day(found.isoformat(), "DATE")


def _read_date(text: str, ways: DateWays) -> date | None:
    for name in ways.formats:
        if match := _FORMATS[name].match(text):
            return date(**{part: int(digits) for part, digits in match.groupdict().items()})
    return None


def _read_instant(text: str, zone: ZoneInfo, ways: DateWays) -> Day | None:
    if not _DATE_TIME.match(text):
        raise ValueError("is not a date or a time as this bank writes them")
    written = datetime.fromisoformat(text)
    if written.date().isoformat() in ways.sentinels:
        return None
    if ways.midnight == "DATE" and written.time() == time():
        return Day(written.date().isoformat(), "DATE_AS_INSTANT")
    clock = zone if ways.naive == "BANK" else UTC
    try:
        at = (written if written.tzinfo else written.replace(tzinfo=clock)).astimezone(UTC)
        return Day(at.astimezone(zone).date().isoformat(), "INSTANT", at, is_naive=written.tzinfo is None)
    except OverflowError as error:
        raise ValueError("is beyond the calendar") from error
