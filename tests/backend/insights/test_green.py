from decimal import Decimal

from tests.builders import account, product

GREEN = "Savings account focusing on sustainable banking"


async def test_shares_are_those_of_the_amounts_per_bank_and_in_total(stored, ask):
    await stored(
        account(bank="Green Bank", balance="100", green=GREEN),
        account(bank="Green Bank", balance="100"),
        account(bank="MongoDB Bank", balance="400"),
        product(bank="Green Bank", amount="10", green="tailored for sustainability"),
        product(bank="Green Bank", amount="20"),
    )
    answer = await ask("green")
    assert {row.of: str(row.share) for row in answer.totals} == {"balance": "0.1667", "debt": "0.3333"}
    assert {(row.of, row.bank): row.share for row in answer.by_institution} == {
        ("balance", "Green Bank"): Decimal("0.5"),
        ("balance", "MongoDB Bank"): Decimal(0),
        ("debt", "Green Bank"): Decimal("0.3333"),
    }


async def test_all_spellings_of_a_narrative_become_one(stored, ask):
    await stored(
        account(narrative="neutral"),
        account(green="green alone", AccountNarrative=None),
        account(MDBAccountNarrative="powered"),
        account(AccountDescription="described"),
        product(ProductDescription="a loan"),
        product(MDBProductNarrative="excellence"),
    )
    used = (await ask("green")).used
    assert {item.narrative for item in used} == {
        "neutral", "green alone", "powered", "described", "a loan", "excellence",
    }  # fmt: skip
    assert [item.narrative for item in used if item.is_green] == ["green alone"]


async def test_an_account_without_any_narrative_is_not_green(stored, ask):
    await stored(account())
    (item,) = (await ask("green")).used
    assert (item.narrative, item.is_green) == (None, False)


async def test_overdrawn_accounts_are_no_part_of_a_share(stored, ask):
    overdrawn = account(balance="-50", green=GREEN)
    await stored(account(balance="100", green=GREEN), overdrawn)
    answer = await ask("green")
    assert (answer.totals[0].total.amount, answer.totals[0].share) == (100, 1)
    assert [(item.id, item.reason) for item in answer.left_out] == [(overdrawn["AccountId"], "overdrawn")]


async def test_of_nothing_there_is_no_share(stored, ask):
    await stored(account(balance="0", green=GREEN))
    answer = await ask("green")
    assert answer.totals[0].share is None
    assert answer.sentences[0] == "0.00 USD of the 0.00 USD on your accounts is under a green narrative."


async def test_the_sentences_say_the_figures_and_nothing_else(stored, ask):
    await stored(
        account(bank="Green Bank", balance="16676.50", green=GREEN),
        account(bank="MongoDB Bank", balance="13120.50"),
        product(bank="MongoDB Bank", amount="43500"),
    )
    total, debt, bank = (await ask("green")).sentences
    assert total == ("16,676.50 USD of the 29,797.00 USD on your accounts (55.97 %) is under a green narrative.")
    assert debt == "None of the 43,500.00 USD you owe is under a green narrative."
    assert bank == (
        "At Green Bank it is 16,676.50 USD of the 16,676.50 USD on your accounts there (100.00 %), in 1 of 1 accounts."
    )


async def test_each_currency_has_its_own_sentence(stored, ask):
    await stored(account(balance="1", green=GREEN), account(balance="2", currency="JPY"))
    sentences = (await ask("green")).sentences
    assert sentences[0] == "None of the 2 JPY on your accounts is under a green narrative."
    assert sentences[1].startswith("1.00 USD of the 1.00 USD on your accounts")
