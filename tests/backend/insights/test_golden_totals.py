import pytest

from tests.builders import person
from tests.sample import GOLDEN, PEOPLE, import_sample


@pytest.fixture
async def _sample(store):
    await import_sample(store)


@pytest.mark.usefixtures("_sample")
@pytest.mark.parametrize("name", GOLDEN)
async def test_each_person_of_the_sample_has_the_golden_position(ask, name):
    answer = await ask("position", person(name, PEOPLE[name]))
    (total,) = answer.totals
    assert (total.balance.amount, total.debt.amount, total.net.amount) == GOLDEN[name]
    assert {total.balance.currency, total.debt.currency, total.net.currency} == {"USD"}


@pytest.mark.usefixtures("_sample")
@pytest.mark.parametrize("name", GOLDEN)
async def test_balances_and_debt_agree_with_the_position(ask, name):
    owner = person(name, PEOPLE[name])
    (balance,) = (await ask("balances", owner)).totals
    (debt,) = (await ask("debt", owner)).totals
    assert (balance.total.amount, debt.total.amount) == GOLDEN[name][:2]


@pytest.mark.usefixtures("_sample")
@pytest.mark.parametrize("insight", ["balances", "debt", "position"])
async def test_the_banks_together_make_the_total(ask, insight):
    answer = await ask(insight, person("claumon", PEOPLE["claumon"]))
    figure = "net" if insight == "position" else "total"
    (total,) = answer.totals
    assert sum(getattr(row, figure).amount for row in answer.by_institution) == getattr(total, figure).amount
    assert len(answer.by_institution) == (2 if insight == "debt" else 3)


@pytest.mark.usefixtures("_sample")
@pytest.mark.parametrize(
    ("name", "green_balance"), [("fridaklo", 16676), ("gracehop", 8636), ("adalove", 9488), ("claumon", 2673)]
)
async def test_the_money_at_green_bank_is_green(ask, name, green_balance):
    answer = await ask("green", person(name, PEOPLE[name]))
    assert {row.green.amount for row in answer.totals if row.of == "balance"} == {green_balance}
    assert {item.bank for item in answer.used if item.is_green} == {"Green Bank"}
    assert all(item.narrative for item in answer.used)


@pytest.mark.usefixtures("_sample")
async def test_what_ends_when_follows_from_the_banks_own_dates_and_terms(ask):
    answer = await ask("products", person("fridaklo", PEOPLE["fridaklo"]))
    assert [(end.type, end.months) for end in answer.ends] == [("Loan", 12), ("Mortgage", 240)]
    assert {row.type: str(row.average_rate) for row in answer.by_type} == {"Loan": "3.7500", "Mortgage": "2.6200"}
    assert {row.type: row.loan_to_value and str(row.loan_to_value) for row in answer.by_type} == {
        "Loan": None,
        "Mortgage": "0.4743",
    }
    assert answer.left_out == ()
