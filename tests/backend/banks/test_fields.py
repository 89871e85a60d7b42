from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.banks.contract import BadRecord
from backend.banks.fields import Fields

pytestmark = pytest.mark.unit

NEW_YORK = ZoneInfo("America/New_York")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(anything, st.sampled_from(["text", "amount", "currency", "whole", "object_id", "object", "objects"]))
def test_whatever_a_field_holds_it_is_read_or_the_record_is_refused(value, reader):
    try:
        getattr(Fields({"field": value}), reader)("field")
    except BadRecord as bad:
        assert bad.pointer == "/field"


@given(anything)
def test_whatever_a_date_holds_it_is_read_or_the_record_is_refused(value):
    try:
        found = Fields({"at": value}).instant("at", NEW_YORK)
    except BadRecord as bad:
        assert bad.code == "NOT_A_DATE"
    else:
        assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize("absent", [{}, {"a": None}, {"a": ""}])
def test_absent_null_and_empty_are_none_and_never_zero(absent):
    assert Fields(absent).amount("a") is None
    assert Fields(absent).text("a") is None


def test_zero_is_zero():
    assert Fields({"a": 0}).amount("a") == Decimal(0)


def test_a_float_was_inexact_before_it_came_and_is_refused():
    with pytest.raises(BadRecord):
        Fields({"a": 78.25}).amount("a")


def test_a_time_without_offset_is_local_time_at_the_bank():
    at = Fields({"at": "2024-07-01T09:30:00"}).instant("at", NEW_YORK)
    assert at == datetime(2024, 7, 1, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize("sentinel", ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z"])
def test_sentinel_dates_are_no_dates(sentinel):
    assert Fields({"at": sentinel}).instant("at", NEW_YORK) is None


def test_a_pointer_leads_through_nested_objects_and_lists():
    outer = Fields({"a/b": {"list": [{}, {"amount": "x"}]}})
    with pytest.raises(BadRecord) as raised:
        outer.required_object("a/b").objects("list")[1].amount("amount")
    assert raised.value.pointer == "/a~1b/list/1/amount"


def test_one_object_where_a_list_should_be_is_a_list_of_one():
    assert len(Fields({"a": {"x": 1}}).objects("a")) == 1


def test_what_nobody_asked_for_is_kept_wherever_it_stands():
    read = Fields({"known": 1, "strange": 2, "inner": {"known": 3, "odd": 4}})
    read.text("known")
    read.required_object("inner").text("known")
    assert read.rest() == {"strange": 2, "inner": {"odd": 4}}
