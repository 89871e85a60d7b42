"""The past leads exactly to the present: stated balances, the sample people, and nobody overdrawn on the way."""

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from backend.emulator.world.history import history, interest_on, rate_of
from backend.emulator.world.life import Life
from backend.emulator.world.reading import DATA, read_world
from backend.kernel.errors import Misconfigured

SAMPLE = DATA.parent / "sample"


def sample(name: str) -> list[dict]:
    return json.loads((SAMPLE / name).read_text(encoding="utf-8"), parse_float=Decimal)


def balances(past) -> dict[str, Decimal]:
    found = defaultdict(Decimal)
    for entry in past.booked:
        for account, amount in entry.movements():
            found[account] += amount
    return found


def test_every_stated_balance_is_met_to_the_cent(world, pasts):
    for name, persona in world.personas.items():
        found = balances(pasts[name])
        for account in persona.accounts:
            if account.balance is not None:
                assert found[account.id] == account.balance, (name, account.key)


def test_nobody_was_ever_overdrawn_beyond_what_is_granted(world, pasts):
    for name, persona in world.personas.items():
        found = defaultdict(Decimal)
        limits = {account.id: -account.overdraft for account in persona.accounts}
        for entry in pasts[name].booked:
            for account, amount in entry.movements():
                found[account] += amount
                assert found[account] >= limits[account], (name, entry)
    assert any(account.overdraft for account in world.personas["jonas.brandt"].accounts)


@pytest.mark.parametrize("file", ["leafy_bank.accounts.json", "open_finance.external_accounts.json"])
def test_the_sample_people_have_exactly_the_samples_accounts(world, file):
    for expected in sample(file):
        person = world.personas[expected["AccountUser"]["UserName"]]
        account = next(each for each in person.accounts if each.number == expected["AccountNumber"])
        narrative = expected.get("GreenAccountNarrative") or expected.get("MDBAccountNarrative")
        assert person.id == expected["AccountUser"]["UserId"]["$oid"]
        assert world.bank_of(account).name == expected["AccountBank"]
        assert account.kind.capitalize() == expected["AccountType"]
        assert account.balance == expected["AccountBalance"]
        assert world.currency_of(account) == expected["AccountCurrency"]
        assert f"{account.opened}T00:00:00Z" == expected["AccountDate"]["OpeningDate"]["$date"]
        assert account.object_id == expected["_id"]["$oid"]
        assert account.narrative == narrative
        assert narrative or account.name == expected["AccountDescription"]


def test_the_sample_people_have_no_other_accounts(world):
    known = [*sample("leafy_bank.accounts.json"), *sample("open_finance.external_accounts.json")]
    people = {each["UserName"] for each in sample("leafy_bank.users.json")}
    numbers = {account.number for name in people for account in world.personas[name].accounts}
    assert numbers == {each["AccountNumber"] for each in known}


def test_the_sample_people_have_exactly_the_samples_products(world):
    expected = sample("open_finance.external_products.json")
    people = {each["UserName"]: world.personas[each["UserName"]] for each in sample("leafy_bank.users.json")}
    found = {product.product_id: (person, product) for person in people.values() for product in person.products}
    assert found.keys() == {each["ProductId"] for each in expected}
    for each in expected:
        person, product = found[each["ProductId"]]
        assert person.user_name == each["ProductCustomer"]["UserName"]
        assert world.banks[product.bank].name == each["ProductBank"]
        assert (product.kind, product.amount, product.rate) == (
            each["ProductType"],
            each["ProductAmount"],
            each["ProductInterestRate"],
        )
        assert product.term == each.get("RepaymentPeriod", each.get("AmortizationPeriod"))
        assert f"{product.opened}T00:00:00Z" == each["ProductDate"]["OpeningDate"]["$date"]
        assert product.collateral == each.get("LoanCollateral")
        home = each.get("PropertyDetails")
        assert (
            (product.property.address, product.property.value)
            == ((home["Address"], home["PropertyValue"]) if home else (None, None))
            if product.property
            else home is None
        )
        assert product.narrative == (each.get("GreenProductNarrative") or each["MDBProductNarrative"])
        assert product.object_id == each["_id"]["$oid"]


def test_interest_is_what_the_balance_bears(world, pasts):
    """To a cent: past interest is found backwards from today's balance."""
    persona = world.personas["anna.weber"]
    account = persona.by_key["savings"]
    rate = rate_of(world, account)
    balance, seen = Decimal(0), 0
    for entry in pasts["anna.weber"].booked:
        for moved, amount in entry.movements():
            if moved == account.id:
                if entry.label.category == "interest":
                    month = int(entry.details["booking_date"][:4]) * 12 + int(entry.details["booking_date"][5:7]) - 1
                    assert abs(amount - interest_on(balance, rate, month)) <= Decimal("0.01")
                    seen += 1
                balance += amount
    assert seen == 24
    assert interest_on(Decimal("-500.00"), rate, 24 * 2026) == 0


def test_an_account_opened_lately_has_no_older_entries(world, pasts):
    account = world.personas["anna.weber"].by_key["austria"]
    own = [entry for entry in pasts["anna.weber"].booked if account.id in dict(entry.movements())]
    assert min(entry.details["booking_date"] for entry in own) == account.opened.isoformat()
    legs = {entry.label.transfer for entry in own if entry.label.transfer}
    assert all(
        entry.label.transfer in legs
        for entry in pasts["anna.weber"].booked
        if entry.label.stream == "anna.weber/austria" and entry.booked_at < entry.booked_at.replace(year=2026)
    )


def test_what_is_owed_on_a_card_is_paid_in_the_next_month(world, pasts):
    persona = world.personas["emma.hughes"]
    card = persona.by_key["credit-card"]
    owed, monthly, settled = Decimal(0), defaultdict(Decimal), {}
    for entry in pasts["emma.hughes"].booked:
        for moved, amount in entry.movements():
            if moved == card.id:
                owed += amount
                if entry.counter == card.id:
                    settled[entry.details["booking_date"][:7]] = amount
                else:
                    monthly[entry.details["booking_date"][:7]] += amount
    months = sorted(monthly)
    assert [settled[month] for month in months[1:]] == [-monthly[month] for month in months[:-1]]
    assert owed == monthly[months[-1]] < 0


def test_rows_that_do_not_work_out_are_told_with_day_and_account(rows):
    place: Path = rows("jonas.brandt")
    file = place / "jonas.brandt.toml"
    file.write_text(file.read_text().replace('overdraft = "900.00"', 'overdraft = "90.00"'))
    world = read_world(place)
    with pytest.raises(Misconfigured, match=r"jonas\.brandt\.toml.* giro would stand at -\d+\.\d\d on 20"):
        history(Life(world, world.personas["jonas.brandt"]))
