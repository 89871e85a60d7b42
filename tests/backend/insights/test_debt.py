from decimal import Decimal

import pytest
from bson import Decimal128

from tests.builders import product


async def test_only_debts_are_debts(stored, ask):
    savings = product(type="TermDeposit", amount="9000", amount_kind="DEPOSIT")
    await stored(product(amount="10"), product(type="Mortgage", amount="20"), savings)
    answer = await ask("debt")
    assert answer.totals[0].total.amount == 30
    assert {row.type: row.total.amount for row in answer.by_type} == {"Loan": 10, "Mortgage": 20}
    assert [(item.id, item.reason) for item in answer.left_out] == [(savings["ProductId"], "not a debt")]


@pytest.mark.parametrize("kind", ["StudentLoan", "AutoLoan", "Lease", "LineOfCredit", "CreditCard", "Overdraft"])
async def test_every_kind_of_debt_counts(stored, ask, kind):
    await stored(product(type=kind, amount="10"))
    assert (await ask("debt")).totals[0].total.amount == 10


async def test_the_outstanding_amount_is_preferred_and_said_to_be_it(stored, ask):
    await stored(
        product(amount="500", amount_kind="ORIGINAL"),
        product(type="Mortgage", amount="900", amount_kind="ORIGINAL", ProductAmountOutstanding=Decimal128("300")),
    )
    answer = await ask("debt")
    assert answer.totals[0].total.amount == 800
    assert {item.type: item.amount_kind for item in answer.used} == {
        "Loan": "ORIGINAL",
        "Mortgage": "OUTSTANDING",
    }


async def test_a_credit_limit_is_not_owed(stored, ask):
    card = product(type="CreditCard", amount="5000", amount_kind="LIMIT")
    await stored(card)
    answer = await ask("debt")
    assert answer.totals == ()
    assert [item.reason for item in answer.left_out] == ["the amount is a credit limit"]


async def test_a_debt_without_an_amount_is_listed(stored, ask):
    await stored(product(amount=None))
    assert [item.reason for item in (await ask("debt")).left_out] == ["no amount"]


async def test_closed_debts_count_only_when_asked_for(stored, ask):
    await stored(product(amount="10"), product(amount="5", status="Closed"))
    assert (await ask("debt")).totals[0].total.amount == 10
    assert (await ask("debt", include_closed="true")).totals[0].total.amount == 15


async def test_debts_of_two_currencies_are_never_added(stored, ask):
    await stored(product(amount="10.5"), product(amount="20", currency="EUR"))
    totals = (await ask("debt")).totals
    assert [(row.total.amount, row.total.currency) for row in totals] == [
        (Decimal(20), "EUR"),
        (Decimal("10.5"), "USD"),
    ]
