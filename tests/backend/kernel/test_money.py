from decimal import Decimal, DecimalException
from fractions import Fraction

import pytest
from bson import decode, encode
from bson.decimal128 import Decimal128
from hypothesis import given
from hypothesis import strategies as st

from backend.kernel.errors import InvalidMoney
from backend.kernel.money import Money, exact_amount, minor_units, parse_amount, render_amount, to_bson

pytestmark = pytest.mark.unit

amounts = st.from_regex(r"-?[0-9]{1,18}(\.[0-9]{1,15})?", fullmatch=True)
NOT_AMOUNTS = [
    "", " 5", "5 ", "5\n", "+5", "--5", ".5", "5.", "1,5", "1 000", "1_000", "1e3", "1E400", "NaN", "-NaN", "Infinity",
    "-Infinity",
    "１２", "١٢", "0x10", "1.2.3", "−5", "9" * 19, "0." + "1" * 19, "1" * 40, "1" * 18 + "." + "1" * 17, "$5",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_AMOUNTS)
def test_text_that_is_not_plain_ascii_digits_is_refused(text):
    with pytest.raises(InvalidMoney):
        parse_amount(text)


@given(amounts)
def test_an_amount_survives_python_bson_and_back_exactly(text):
    amount = parse_amount(text)
    stored = decode(encode({"a": to_bson(amount)}))["a"]
    assert exact_amount(stored) == Decimal(text)
    assert render_amount(exact_amount(stored)) == render_amount(amount)


@given(amounts)
def test_decimals_are_kept_as_they_were_written(text):
    assert render_amount(parse_amount(text)).lstrip("-").partition(".")[2] == text.partition(".")[2]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None))
def test_the_bits_of_an_amount_are_those_the_driver_would_write(amount):
    try:
        expected = Decimal128(amount)
    except DecimalException:
        return
    if len(amount.as_tuple().digits) <= 34:
        assert to_bson(amount).bid == expected.bid


def test_minus_zero_is_zero():
    assert render_amount(parse_amount("-0.00")) == "0.00"


@pytest.mark.parametrize("value", [1.5, True, None, b"1", [], {"$ne": None}, Decimal("NaN"), Decimal128("Infinity")])
def test_only_exact_finite_values_are_amounts(value):
    with pytest.raises(InvalidMoney):
        exact_amount(value)


def test_a_large_exponent_is_not_expanded_into_a_huge_number():
    with pytest.raises(InvalidMoney):
        exact_amount(Decimal128("1E+6000"))


def test_a_sum_that_cannot_be_exact_is_refused_not_rounded():
    with pytest.raises(InvalidMoney):
        Money.of("9" * 18, "EUR") + Money.of("0." + "0" * 17 + "1", "EUR")


def test_more_digits_than_decimal128_holds_are_refused_not_rounded():
    with pytest.raises(InvalidMoney):
        to_bson(Decimal("1" * 35))


@given(amounts, amounts)
def test_sums_of_one_currency_are_exact(left, right):
    total = Money.of(left, "EUR") + Money.of(right, "EUR")
    assert total.amount.as_integer_ratio() == (Fraction(left) + Fraction(right)).as_integer_ratio()
    assert total - Money.of(right, "EUR") == Money.of(left, "EUR")


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__"])
def test_two_currencies_are_never_put_together_and_the_error_names_both(operation):
    with pytest.raises(InvalidMoney, match="USD and EUR"):
        getattr(Money.of("1", "USD"), operation)(Money.of("1", "EUR"))


@pytest.mark.parametrize("code", ["usd", "US", "ZZZ", "", "EURO", "€"])
def test_a_currency_is_an_iso_4217_code(code):
    with pytest.raises(InvalidMoney):
        Money.of("1", code)


def test_currencies_know_their_decimals():
    assert [minor_units(code) for code in ("EUR", "JPY", "BHD", "XAU")] == [2, 0, 3, None]


def test_money_is_shown_as_text_with_its_currency():
    assert Money.of("7825.10", "USD").render() == {"amount": "7825.10", "currency": "USD"}
    assert str(-Money.of("0", "USD")) == "0 USD"
