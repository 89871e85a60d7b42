"""Rendering: what leaves as JSON, and what never does."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal

import orjson
import pytest
from bson import ObjectId
from bson.binary import Binary
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from hypothesis import example, given
from hypothesis import strategies as st

from backend.api.rendering import decimal_text, render

pytestmark = pytest.mark.unit

DECIMAL128 = Context(prec=34, Emin=-6143, Emax=6144)
EXPONENTS = st.one_of(st.integers(-40, 40), st.integers(-6176, 6111))


@given(st.integers(0, 10**34 - 1), EXPONENTS, st.booleans())
@example(0, 3, True)
@example(0, -6176, True)
@example(2**64 - 1, -2, False)
@example(2**64, -2, False)
@example(10**34 - 1, 6111, False)
def test_an_amount_reads_as_python_writes_it(coefficient, exponent, negative):
    value = Decimal128(Decimal((int(negative), tuple(map(int, str(coefficient))), exponent)))
    assert decimal_text(value) == format(value.to_decimal(), "f")


@given(st.binary(min_size=16, max_size=16))
@example(Decimal128("NaN").bid)
@example(Decimal128("sNaN").bid)
@example(Decimal128("-Infinity").bid)
def test_any_sixteen_bytes_are_rendered_without_a_crash(bid):
    value = Decimal128.from_bid(bid)
    assert decimal_text(value) == format(value.to_decimal(), "f")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal128("7825.10"), '"7825.10"'),
        (Decimal128("-0.05"), '"-0.05"'),
        (Decimal128("1E+3"), '"1000"'),
        (Decimal("0.0375"), '"0.0375"'),
        (ObjectId("65a546ae4a8f64e8f88fb89e"), '"65a546ae4a8f64e8f88fb89e"'),
        (Int64(2**53 + 1), "9007199254740993"),
        (datetime(2024, 5, 1, 8, 30, tzinfo=UTC), '"2024-05-01T08:30:00.000Z"'),
        (datetime(2024, 5, 1, 8, 30, 0, 12_000), '"2024-05-01T08:30:00.012Z"'),  # noqa: DTZ001 - BSON's are UTC
        (datetime(2024, 5, 1, 10, 30, tzinfo=timezone(timedelta(hours=2))), '"2024-05-01T08:30:00.000Z"'),
        (None, "null"),
        ("ä\u2028", '"ä\u2028"'),
    ],
)
def test_each_value_has_one_form(value, text):
    assert render({"value": [value]}).decode() == f'{{"value":[{text}]}}'


@pytest.mark.parametrize("value", [b"raw", Binary(b"sealed", 6), {"a": Binary(b"digest", 0)}, object(), {1, 2}])
def test_bytes_and_strangers_never_leave(value):
    with pytest.raises(orjson.JSONEncodeError):
        render([value])


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**15), max_value=10**15))
def test_what_is_rendered_reads_back_as_the_same_amount(amount):
    stored = Decimal128(DECIMAL128.create_decimal(amount))
    assert Decimal(json.loads(render(stored))) == amount
