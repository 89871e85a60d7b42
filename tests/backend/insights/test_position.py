from decimal import Decimal

from tests.builders import account, product


async def test_net_is_balance_less_debt_at_each_bank_and_in_total(stored, ask):
    await stored(
        account(bank="Green Bank", balance="100.25"),
        account(bank="LeafyBank", balance="-20"),
        product(bank="Green Bank", amount="300"),
        product(bank="MongoDB Bank", amount="50.05"),
    )
    answer = await ask("position")
    (total,) = answer.totals
    assert total.net.amount == Decimal("-269.80")
    assert {row.bank: row.net.amount for row in answer.by_institution} == {
        "Green Bank": Decimal("-199.75"),
        "LeafyBank": Decimal(-20),
        "MongoDB Bank": Decimal("-50.05"),
    }
    assert {row.bank: (row.accounts, row.products) for row in answer.by_institution} == {
        "Green Bank": (1, 1),
        "LeafyBank": (1, 0),
        "MongoDB Bank": (0, 1),
    }


async def test_a_debt_in_another_currency_does_not_touch_the_balance(stored, ask):
    await stored(account(balance="100"), product(amount="30", currency="EUR"))
    rows = {row.net.currency: row for row in (await ask("position")).totals}
    assert (rows["USD"].net.amount, rows["EUR"].net.amount) == (100, -30)
    assert rows["USD"].debt.amount == 0


async def test_it_says_which_accounts_and_products_it_could_not_use(stored, ask):
    await stored(account(balance=None), account(status="Closed"), product(type="Investment"), product(amount=None))
    left_out = [(item.kind, item.reason) for item in (await ask("position")).left_out]
    assert sorted(left_out) == [
        ("account", "closed"),
        ("account", "no balance"),
        ("product", "no amount"),
        ("product", "not a debt"),
    ]


async def test_filters_reach_both_sides(stored, ask):
    await stored(
        account(balance="1"),
        account(balance="10", currency="EUR"),
        account(balance="100", bank="MongoDB Bank"),
        product(amount="2"),
        product(amount="20", currency="EUR"),
        product(amount="200", bank="MongoDB Bank"),
    )
    (euro,) = (await ask("position", currency="EUR")).totals
    assert (euro.balance.amount, euro.debt.amount) == (10, 20)
    (row,) = (await ask("position", institution="MongoDB Bank")).by_institution
    assert (row.balance.amount, row.debt.amount) == (100, 200)
