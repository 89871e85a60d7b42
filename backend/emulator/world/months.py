"""Months as numbers that can be counted, and when in a month something falls due."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_FRIDAY: Final = 4


def month_of(day: date) -> int:
    """The month ``day`` lies in, counted since the year 0."""
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    """Its first day."""
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    """Its last day."""
    return day_in(month, 31)


def day_in(month: int, day: int) -> date:
    """That day of the month, or the last where it is shorter."""
    year, index = divmod(month, 12)
    return date(year, index + 1, min(day, calendar.monthrange(year, index + 1)[1]))


def workday_from(day: date) -> date:
    """``day``, or the Monday after it."""
    while day.weekday() > _FRIDAY:
        day += timedelta(days=1)
    return day


def workday_until(day: date) -> date:
    """``day``, or the Friday before it."""
    while day.weekday() > _FRIDAY:
        day -= timedelta(days=1)
    return day


def instant(day: date, zone: ZoneInfo, hour: int, minute: int = 0) -> datetime:
    """That local hour as an instant in UTC."""
    return datetime.combine(day, time(hour, minute), zone).astimezone(UTC)
