from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.banks.rules.dates import Day, read_day
from backend.banks.ways import DateWays

pytestmark = pytest.mark.unit

HELSINKI, LONDON, NEW_YORK = ZoneInfo("Europe/Helsinki"), ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
ANY = DateWays(formats=("YYYY-MM-DD", "DD-MM-YYYY", "DD.MM.YYYY"))
zones = st.sampled_from([HELSINKI, LONDON, NEW_YORK, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")])


@given(st.dates(min_value=date(1, 1, 2), max_value=date(9999, 12, 30)), zones)
def test_a_day_stays_that_day_wherever_the_bank_is(day, zone):
    for text in (day.isoformat(), day.strftime("%d.%m.") + f"{day.year:04}", day.strftime("%d-%m-") + f"{day.year:04}"):
        assert read_day(text, zone, ANY) == Day(day.isoformat(), "DATE")


@given(st.timedeltas(timedelta(days=1), timedelta(days=3_600_000)), st.integers(-720, 840), zones)
def test_an_instant_stays_that_instant_and_falls_on_the_banks_day(since, minutes, zone):
    written = (datetime(2, 1, 1, tzinfo=UTC) + since).astimezone(timezone(timedelta(minutes=minutes)))
    found = read_day(written.isoformat(), zone, ANY)
    assert found.at == written
    assert found.at.tzinfo is UTC
    assert found.local == written.astimezone(zone).date().isoformat()


def test_midnight_that_stands_for_a_day_is_no_instant_and_never_moves_to_another_day():
    ways = DateWays(midnight="DATE")
    assert read_day("2026-10-28T00:00:00+00:00", NEW_YORK, ways) == Day("2026-10-28", "DATE_AS_INSTANT")
    assert read_day("2026-10-28T00:00:00+00:00", NEW_YORK, DateWays()).local == "2026-10-27"


def test_a_time_without_offset_is_on_the_clock_that_the_row_names():
    here = read_day("2026-07-01T09:30:00", HELSINKI, DateWays())
    there = read_day("2026-07-01T09:30:00", HELSINKI, DateWays(naive="UTC"))
    assert (here.at.hour, there.at.hour) == (6, 9)
    assert here.is_naive
    assert there.is_naive


@pytest.mark.parametrize("sentinel", ["0001-01-01", "9999-12-31", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+00:00"])
def test_days_that_stand_for_none_are_none(sentinel):
    assert read_day(sentinel, HELSINKI, DateWays()) is None


@pytest.mark.parametrize(
    "text",
    ["28.10.2026", "2026-02-30", "20261028", "2026-W44-3", "2026-10-28T209:22:00Z", "1792000000", "２０２６-10-28",
     "soon", "9998-12-31T23:59:59-99:00", "2026-10-28T10:00:00Zulu"],
)  # fmt: skip
def test_formats_that_the_row_does_not_name_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - any reason will do
        read_day(text, HELSINKI, DateWays())


def test_seven_digits_of_a_second_are_read():
    assert read_day("2026-10-28T10:00:00.1234567Z", LONDON, DateWays()).at.microsecond == 123456
