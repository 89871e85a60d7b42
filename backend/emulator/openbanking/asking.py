"""What third parties write in queries and bodies, read strictly; what cannot be read is refused by its name."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.requests import Request

from backend.emulator.oauth.web.browsers import read_body
from backend.emulator.openbanking.refusals import Reason, Refused
from backend.kernel.errors import Malformed
from backend.kernel.strict_json import loads

PAGE_SIZE: Final = 100
PAGE_SIZE_MAX: Final = 500
_YEARS: Final = range(1900, 9999)


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in the body."""
    try:
        body = loads(await read_body(request))
    except Malformed as error:
        raise Refused(Reason.FIELD_INVALID, str(error), place="body") from None
    if not isinstance(body, dict):
        raise Refused(Reason.FIELD_INVALID, "The body is a JSON object", place="body")
    return body


def query(request: Request, *known: str) -> dict[str, str]:
    """The query's parameters; Refused for unknown ones and for one given twice."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise Refused(Reason.PARAMETER_UNKNOWN, "This parameter is not known here", place=name)
        if name in found:
            raise Refused(Reason.FIELD_INVALID, "This parameter is given twice", place=name)
        found[name] = value
    return found


def rest(asked: Mapping[str, str], cursor: str) -> dict[str, str]:
    """What was asked without the cursor: that which all pages of a read have in common."""
    return {name: value for name, value in asked.items() if name != cursor}


def page_size(asked: Mapping[str, str], name: str) -> int:
    """How many to a page: 100, or what was asked for from 1 to 500."""
    text = asked.get(name)
    if text is None:
        return PAGE_SIZE
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(PAGE_SIZE_MAX))):
        raise Refused(Reason.FIELD_INVALID, f"A number from 1 to {PAGE_SIZE_MAX}", place=name)
    size = int(text)
    if not 1 <= size <= PAGE_SIZE_MAX:
        raise Refused(Reason.FIELD_INVALID, f"A number from 1 to {PAGE_SIZE_MAX}", place=name)
    return size


def day(text: object, place: str) -> date:
    """A date such as 2026-11-01."""
    try:
        found = date.fromisoformat(text) if isinstance(text, str) and len(text) == len("2026-11-01") else None
    except ValueError:
        found = None
    if found is None or found.year not in range(_YEARS.start, _YEARS.stop + 1):
        raise Refused(Reason.FIELD_INVALID, "A date is written as 2026-11-01", place=place)
    return found


def instant(text: object, place: str) -> datetime:
    """An ISO 8601 date and time; without an offset it is UTC."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) and "T" in text else None
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise Refused(Reason.FIELD_INVALID, "A time is written as 2026-11-01T00:00:00Z", place=place)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def days_between(
    asked: Mapping[str, str], since: str, until: str, zone: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    """The instants at which the first day begins and the last one is over, where the bank is."""
    first = day(asked[since], since) if since in asked else None
    last = day(asked[until], until) if until in asked else None
    if first and last and first > last:
        raise Refused(Reason.PERIOD_INVALID, "The period ends before it begins", place=since)
    begins = _midnight(first, zone) if first else None
    ends = _midnight(last + timedelta(days=1), zone) if last and last.year in _YEARS else None
    return begins, ends


def instants_between(asked: Mapping[str, str], since: str, until: str) -> tuple[datetime | None, datetime | None]:
    """Two instants, of which the second is not before the first; a second one is the last that still belongs to it."""
    first = instant(asked[since], since) if since in asked else None
    last = instant(asked[until], until) if until in asked else None
    if first and last and first > last:
        raise Refused(Reason.PERIOD_INVALID, "The period ends before it begins", place=since)
    return first, last + timedelta(milliseconds=1) if last else None


def narrowed(
    period: tuple[datetime | None, datetime | None], since: datetime | None, until: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """The part of ``period`` that lies within ``since`` and ``until``."""
    begins = [each for each in (period[0], since) if each]
    ends = [each for each in (period[1], until) if each]
    return max(begins, default=None), min(ends, default=None)


def text(body: Mapping[str, Any], name: str, *, at_most: int = 140) -> str | None:
    """The text of that name, if there is one."""
    found = body.get(name)
    if found is None:
        return None
    if not isinstance(found, str) or not found.strip() or len(found) > at_most:
        raise Refused(Reason.FIELD_INVALID, f"A text of at most {at_most} characters", place=name)
    return found


def texts(body: Mapping[str, Any], name: str, place: str | None = None) -> list[str]:
    """The list of texts of that name; Refused if it is missing, empty or says a thing twice."""
    found = body.get(name)
    place = place or name
    if found is None:
        raise Refused(Reason.FIELD_MISSING, "This field is needed", place=place)
    if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
        raise Refused(Reason.FIELD_INVALID, "A list of texts, not empty", place=place)
    if len(set(found)) != len(found):
        raise Refused(Reason.FIELD_INVALID, "A thing is said once", place=place)
    return found


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
