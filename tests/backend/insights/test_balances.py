from collections import defaultdict
from decimal import Decimal

from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import account, person

AMOUNTS = st.integers(0, 8).flatmap(
    lambda places: st.decimals(-(10**15), 10**15, places=places, allow_nan=False, allow_infinity=False)
)
ACCOUNTS = st.lists(
    st.tuples(
        st.sampled_from(["USD", "EUR", "JPY", "BHD"]),
        st.sampled_from(["Green Bank", "MongoDB Bank", "LeafyBank"]),
        st.one_of(st.none(), AMOUNTS),
    ),
    min_size=1,
    max_size=15,
)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ACCOUNTS)
async def test_sums_are_exact_per_currency_whatever_the_accounts(stored, ask, rows):
    owner = person("anybody", ObjectId())
    await stored(*(account(owner, bank=bank, currency=code, balance=_text(amount)) for code, bank, amount in rows))
    answer = await ask("balances", owner)

    total, by_bank = defaultdict(Decimal), defaultdict(Decimal)
    for code, bank, amount in rows:
        if amount is not None:
            total[code] += amount
            by_bank[code, bank] += amount
    assert {row.total.currency: row.total.amount for row in answer.totals} == total
    assert {(row.total.currency, row.bank): row.total.amount for row in answer.by_institution} == by_bank
    assert all(row.total.amount == row.in_credit.amount + row.overdrawn.amount for row in answer.totals)
    assert len(answer.used) + len(answer.left_out) == len(rows)


async def test_two_currencies_are_never_added(stored, ask):
    await stored(account(balance="10.10", currency="EUR"), account(balance="0.20", currency="USD"))
    answer = await ask("balances")
    assert [str(row.total.amount) + row.total.currency for row in answer.totals] == ["10.10EUR", "0.20USD"]
    assert [row.total.currency for row in answer.by_institution] == ["EUR", "USD"]
    assert [row.total.currency for row in answer.by_type] == ["EUR", "USD"]


async def test_cents_survive_where_floats_would_lose_them(stored, ask):
    await stored(account(balance="0.10"), account(balance="0.20"), account(balance="123456789012345.67"))
    (total,) = (await ask("balances")).totals
    assert total.model_dump(mode="json")["total"] == {"amount": "123456789012345.97", "currency": "USD"}


async def test_a_sum_may_be_longer_than_any_amount(stored, ask):
    await stored(*(account(balance="9" * 18) for _ in range(11)))
    (total,) = (await ask("balances")).totals
    assert total.total.amount == 11 * Decimal("9" * 18)


async def test_an_account_without_a_balance_is_listed_and_not_counted_as_zero(stored, ask):
    silent = account(balance=None, bank="MongoDB Bank")
    absent = account(bank="MongoDB Bank")
    del absent["AccountBalance"]
    await stored(account(balance="5"), silent, absent)
    answer = await ask("balances")
    assert {(item.id, item.bank, item.reason) for item in answer.left_out} == {
        (silent["AccountId"], "MongoDB Bank", "no balance"),
        (absent["AccountId"], "MongoDB Bank", "no balance"),
    }
    assert [row.bank for row in answer.by_institution] == ["Green Bank"]


async def test_a_balance_of_zero_is_used(stored, ask):
    empty = account(balance="0")
    await stored(empty)
    answer = await ask("balances")
    assert [item.id for item in answer.used] == [empty["AccountId"]]
    assert answer.totals[0].total.amount == 0


async def test_closed_accounts_are_left_out_unless_asked_for(stored, ask):
    closed = account(balance="7", status="Closed")
    await stored(account(balance="5"), closed)
    answer = await ask("balances")
    assert answer.totals[0].total.amount == 5
    assert [(item.id, item.reason) for item in answer.left_out] == [(closed["AccountId"], "closed")]

    answer = await ask("balances", include_closed="true")
    assert answer.totals[0].total.amount == 12
    assert answer.left_out == ()


async def test_an_overdrawn_account_lowers_the_total_and_shows_on_its_own_side(stored, ask):
    await stored(account(balance="100.00"), account(balance="-30.50"))
    (total,) = (await ask("balances")).totals
    assert (total.total.amount, total.in_credit.amount, total.overdrawn.amount) == (
        Decimal("69.50"),
        Decimal(100),
        Decimal("-30.50"),
    )


async def test_numbers_written_as_doubles_or_integers_are_added_as_decimals(stored, ask):
    await stored(account(AccountBalance=0.1), account(AccountBalance=0.2), account(AccountBalance=7825))
    (total,) = (await ask("balances")).totals
    assert total.total.amount == Decimal("7825.3")


async def test_nobody_owns_nothing_in_no_currency(ask):
    answer = await ask("balances")
    assert (answer.totals, answer.used, answer.left_out) == ((), (), ())
