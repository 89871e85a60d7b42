"""Cursors: only ours, only for the list they were written for."""

import base64
from datetime import UTC, datetime

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from backend.api.paging import Cursors, page_of
from backend.kernel.errors import InvalidInput
from backend.kernel.ids import KeyedHash

pytestmark = pytest.mark.unit

USER = ObjectId("65a546ae4a8f64e8f88fb89e")
HASH = KeyedHash(b"k" * 32)
ACCOUNTS = Cursors(HASH, "/accounts", USER, {"currency": "EUR"})
POSITION = ["2024-05-01", b"x" * 16, ObjectId(), datetime(2024, 5, 1, tzinfo=UTC), 7]


def test_a_cursor_leads_back_to_its_position():
    assert ACCOUNTS.read(ACCOUNTS.write(POSITION)) == POSITION


@pytest.mark.parametrize(
    "other",
    [
        Cursors(HASH, "/products", USER, {"currency": "EUR"}),
        Cursors(HASH, "/accounts", ObjectId(), {"currency": "EUR"}),
        Cursors(HASH, "/accounts", USER, {"currency": "USD"}),
        Cursors(HASH, "/accounts", USER, {"currency": "EUR", "type": "Savings"}),
        Cursors(HASH, "/accounts", USER, {}),
        Cursors(KeyedHash(b"o" * 32), "/accounts", USER, {"currency": "EUR"}),
    ],
)
def test_a_cursor_is_good_for_one_list_alone(other):
    with pytest.raises(InvalidInput):
        other.read(ACCOUNTS.write(POSITION))


def test_filters_that_are_not_set_do_not_matter():
    written = Cursors(HASH, "/accounts", USER, {"currency": "EUR", "type": None}).write(POSITION)
    assert ACCOUNTS.read(written) == POSITION


@given(st.integers(0), st.integers(0, 7))
def test_one_changed_bit_is_noticed(index, bit):
    cursor = ACCOUNTS.write(POSITION)
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[index % len(raw)] ^= 1 << bit
    with pytest.raises(InvalidInput):
        ACCOUNTS.read(base64.urlsafe_b64encode(raw).decode().rstrip("="))


def test_a_cursor_has_one_spelling():
    cursor = ACCOUNTS.write(POSITION)
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        if last != cursor[-1]:
            with pytest.raises(InvalidInput):
                ACCOUNTS.read(cursor[:-1] + last)


@given(st.text(max_size=80))
def test_any_other_text_is_refused(text):
    with pytest.raises(InvalidInput):
        ACCOUNTS.read(text)


def test_a_page_ends_where_the_next_begins():
    rows = [{"_id": number} for number in range(4)]
    page = page_of(rows, limit=3, keys=["_id"], cursors=ACCOUNTS)
    assert page.data == rows[:3]
    assert page.next_cursor is not None
    assert ACCOUNTS.read(page.next_cursor) == [2]
    assert page_of(rows, limit=4, keys=["_id"], cursors=ACCOUNTS).next_cursor is None
