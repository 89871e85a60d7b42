from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.builders import product


def _figures(answer):
    return {(item.id, item.figure, item.reason) for item in answer.left_out}


async def test_the_average_rate_is_weighted_by_amount(stored, ask):
    await stored(product(amount="10000", rate="4"), product(amount="30000", rate="2"))
    (row,) = (await ask("products")).by_type
    assert (row.average_rate, row.products, row.total.amount) == (Decimal("2.5"), 2, 40000)


async def test_a_repeating_average_is_rounded_to_four_decimals(stored, ask):
    await stored(product(amount="1", rate="1"), product(amount="2", rate="2"))
    (row,) = (await ask("products")).by_type
    assert str(row.average_rate) == "1.6667"


async def test_a_product_without_a_rate_counts_in_the_total_but_not_in_the_average(stored, ask):
    unrated = product(amount="5000", rate=None)
    await stored(product(amount="1000", rate="3"), unrated)
    answer = await ask("products")
    (row,) = answer.by_type
    assert (row.total.amount, row.average_rate, row.rated, row.rated_total.amount) == (6000, 3, 1, 1000)
    assert (unrated["ProductId"], "average_rate", "no interest rate") in _figures(answer)


async def test_a_product_without_an_amount_is_left_out_of_everything_once(stored, ask):
    await stored(product(amount=None, rate=None, opened=None))
    answer = await ask("products")
    assert [(item.figure, item.reason) for item in answer.left_out] == [("total", "no amount")]
    assert (answer.by_type, answer.ends) == ((), ())


async def test_nothing_is_divided_by_zero(stored, ask):
    await stored(product(type="Mortgage", amount="0", property_value="0"))
    answer = await ask("products")
    (row,) = answer.by_type
    assert (row.average_rate, row.loan_to_value) == (None, None)
    assert {(figure, reason) for _, figure, reason in _figures(answer)} >= {
        ("average_rate", "the amount is not positive"),
        ("loan_to_value", "no property value"),
    }


async def test_loan_to_value_takes_only_mortgages_whose_property_value_is_known(stored, ask):
    unvalued = product(type="Mortgage", amount="99999")
    await stored(
        product(type="Mortgage", amount="43500", property_value="91719"),
        product(type="Mortgage", amount="14500", property_value="74171"),
        unvalued,
    )
    answer = await ask("products")
    (row,) = answer.by_type
    assert (row.loan_to_value, row.valued) == (round(Decimal(58000) / Decimal(165890), 4), 2)
    assert (unvalued["ProductId"], "loan_to_value", "no property value") in _figures(answer)
    assert sorted(str(item.loan_to_value) for item in answer.used) == ["0.1955", "0.4743", "None"]


async def test_a_loan_is_not_expected_to_have_a_property(stored, ask):
    await stored(product(type="Loan", months=12))
    assert (await ask("products")).left_out == ()


@pytest.mark.parametrize(
    ("term", "ends_on"),
    [
        ({"months": 12}, date(2025, 1, 31)),
        ({"months": 1}, date(2024, 2, 29)),
        ({"years": 20}, date(2044, 1, 31)),
        ({"Term": {"Count": 18, "Unit": "MONTH"}, "months": 99}, date(2025, 7, 31)),
        ({"Term": {"Count": 2, "Unit": "YEAR"}}, date(2026, 1, 31)),
    ],
)
async def test_a_product_ends_its_term_after_its_opening(stored, ask, term, ends_on):
    await stored(product(opened=datetime(2024, 1, 31, tzinfo=UTC), **term))
    (end,) = (await ask("products")).ends
    assert (end.opened, end.ends_on) == (date(2024, 1, 31), ends_on)


async def test_what_ends_first_stands_first(stored, ask):
    await stored(product(months=60), product(months=12), product(years=30))
    assert [end.months for end in (await ask("products")).ends] == [12, 60, 360]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"opened": None, "months": 12}, "no opening date"),
        ({}, "no term"),
        ({"months": 0}, "no term"),
        ({"months": 2**31 - 1}, "no term"),
        ({"years": 2**31 - 1}, "no term"),
    ],
)
async def test_a_product_without_a_usable_end_says_why_and_still_counts(stored, ask, bad, reason):
    odd = product(amount="10", **bad)
    await stored(odd)
    answer = await ask("products")
    assert answer.ends == ()
    assert (odd["ProductId"], "ends", reason) in _figures(answer)
    assert answer.by_type[0].total.amount == 10


async def test_types_and_currencies_have_rows_of_their_own(stored, ask):
    await stored(
        product(amount="1"),
        product(amount="2", currency="EUR"),
        product(type="TermDeposit", amount="4", amount_kind="DEPOSIT"),
    )
    rows = {(row.type, row.total.currency): row.total.amount for row in (await ask("products")).by_type}
    assert rows == {("Loan", "USD"): 1, ("Loan", "EUR"): 2, ("TermDeposit", "USD"): 4}
