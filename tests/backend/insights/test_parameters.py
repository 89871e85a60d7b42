import json

import pytest

from backend.insights.catalogue import CATALOGUE
from backend.kernel.errors import InvalidInput, NotFound
from tests.builders import account, person, product

NAMES = [insight.name for insight in CATALOGUE]


@pytest.mark.parametrize("name", NAMES)
async def test_an_unknown_parameter_is_refused_with_the_known_ones(ask, name):
    with pytest.raises(InvalidInput, match="include_closed, currency, institution"):
        await ask(name, curency="USD")


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("balances", "include_closed", "maybe"),
        ("balances", "include_closed", "1"),
        ("balances", "currency", "usd"),
        ("balances", "currency", "XYZ"),
        ("balances", "currency", '{"$ne": null}'),
        ("balances", "institution", ""),
        ("balances", "institution", "x" * 129),
        ("balances", "institution", "\ud800"),
        ("balances", "accounts", ""),
        ("balances", "accounts", "acc_1"),
        ("balances", "accounts", ",".join(["acc_" + "a" * 26] * 201)),
        ("debt", "products", "acc_" + "a" * 26),
        ("debt", "products", "65a546ae4a8f64e8f88fb89e"),
    ],
)
async def test_an_unusable_value_is_refused_without_being_repeated(ask, name, parameter, value):
    with pytest.raises(InvalidInput) as refused:
        await ask(name, **{parameter: value})
    assert str(refused.value).startswith(f"The parameter {parameter} cannot be used")
    assert not value or value not in str(refused.value)


async def test_balances_know_nothing_of_products(ask):
    with pytest.raises(InvalidInput):
        await ask("balances", products="prd_" + "a" * 26)


@pytest.mark.parametrize("name", ["nothing", "Balances", "", "__class__"])
async def test_an_unknown_insight_is_not_found(ask, name):
    with pytest.raises(NotFound):
        await ask(name)


async def test_an_institution_is_data_and_no_operator(stored, ask):
    await stored(account(bank="$AccountBank", balance="3"), account(balance="4"))
    (row,) = (await ask("balances", institution="$AccountBank")).by_institution
    assert (row.bank, row.total.amount) == ("$AccountBank", 3)


async def test_only_the_accounts_asked_for_are_looked_at(stored, ask):
    wanted, closed, other = account(balance="3"), account(status="Closed"), account(balance="4")
    await stored(wanted, closed, other)
    answer = await ask("balances", accounts=f"{wanted['AccountId']},{closed['AccountId']}")
    assert [item.id for item in answer.used] == [wanted["AccountId"]]
    assert [item.id for item in answer.left_out] == [closed["AccountId"]]


async def test_only_the_products_asked_for_are_looked_at(stored, ask):
    wanted = product(amount="3")
    await stored(wanted, product(amount="4"), account(balance="10"))
    (total,) = (await ask("position", products=wanted["ProductId"])).totals
    assert (total.debt.amount, total.balance.amount) == (3, 10)


async def test_a_strangers_account_asked_for_by_id_is_not_found(stored, ask):
    mine, theirs = account(), account(person("stranger"))
    await stored(mine, theirs)
    with pytest.raises(NotFound) as refused:
        await ask("balances", accounts=f"{mine['AccountId']},{theirs['AccountId']}")
    assert theirs["AccountId"] not in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
async def test_an_answer_says_what_was_asked_and_is_json_with_money_as_text(stored, ask, name):
    await stored(account(balance="7825.10"), product(amount="10700.00"))
    answer = await ask(name, currency="USD")
    told = json.loads(answer.model_dump_json(), parse_float=pytest.fail)
    assert (told["insight"], told["parameters"]["currency"]) == (name, "USD")
    assert {item["amount"]["amount"] for item in told["used"]} <= {"7825.10", "10700.00"}
    assert type(answer).model_validate_json(answer.model_dump_json(exclude={"sentences"})) == answer


def test_the_catalogue_tells_every_question_and_its_parameters(insights):
    entries = insights.catalogue()
    assert [entry.name for entry in entries] == NAMES == ["balances", "debt", "position", "products", "green"]
    assert all(entry.question.endswith("?") for entry in entries)
    assert all(parameter.description for entry in entries for parameter in entry.parameters)
