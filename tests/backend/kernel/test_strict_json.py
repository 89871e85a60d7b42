import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kernel import strict_json
from backend.kernel.errors import Malformed

pytestmark = pytest.mark.unit

texts = st.text(st.characters(codec="utf-8"))
keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"))  # BSON cannot hold NUL in a key
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
)


@given(values, st.booleans())
def test_what_json_can_say_exactly_is_read_exactly(value, escaped):
    assert strict_json.loads(json.dumps(value, ensure_ascii=escaped).encode()) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'[{"x": {"a": 1, "a": 1}}]', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b"\xff\xfe", "UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"[" * 100_000, "deep"),
        (b'{"a":' * 100_000, "deep"),
        (b'{"a": 1', "line 1"),
        (b"", "line 1"),
        (b"{'a': 1}", "line 1"),
        (b"[1,]", "line 1"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_the_reason(text, reason):
    with pytest.raises(Malformed, match=reason):
        strict_json.loads(text)


def test_a_pair_of_surrogates_is_a_character():
    assert strict_json.loads(b'"\\ud83c\\udf31"') == "🌱"


def test_fractions_are_exact_and_never_floats():
    assert strict_json.loads(b"[12345678901234567.89, 1500.0000]") == [
        Decimal("12345678901234567.89"),
        Decimal("1500.0000"),
    ]


def test_numbers_that_no_field_can_hold_stay_text_for_the_reader_to_refuse():
    assert strict_json.loads(b"[1e400, 1E2, 9223372036854775808, 20190521599957000000]") == [
        "1e400",
        "1E2",
        "9223372036854775808",
        "20190521599957000000",
    ]


def test_an_integer_of_many_digits_costs_nothing_and_breaks_nothing():
    assert strict_json.loads(b"1" * 100_000) == "1" * 100_000


def test_a_byte_order_mark_is_not_data():
    assert strict_json.loads(b"\xef\xbb\xbf{}") == {}
