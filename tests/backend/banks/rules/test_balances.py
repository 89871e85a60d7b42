from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backend.banks.rules.balances import StatedBalance, owed, settled
from backend.documents.account import Account, Balance

pytestmark = pytest.mark.unit


def account(kind="Checking"):
    return Account(account_bank="Havel Bank", account_status="Active", account_type=kind, account_currency="EUR")


def stated(kind, amount, *, currency="EUR", day=None, at=None, included=None, limit=None):
    balance = Balance(
        type=kind,
        amount=Decimal(amount),
        currency=currency,
        as_of_local=day,
        as_of_utc=at,
        credit_limit_included=included,
    )
    return StatedBalance(balance, None if limit is None else Decimal(limit))


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ([stated("ITAV", "9"), stated("ITBD", "1"), stated("CLBD", "2")], ("ITBD", "1")),
        ([stated("ITBD", "1", day="2026-10-29"), stated("CLBD", "2", day="2026-10-30")], ("CLBD", "2")),
        ([stated("ITBD", "1", day="2026-10-30"), stated("CLBD", "2", day="2026-10-29")], ("ITBD", "1")),
        ([stated("PRCD", "1"), stated("OPBD", "2"), stated("XPCD", "3")], ("XPCD", "3")),
        ([stated("PRCD", "1"), stated("OPBD", "2")], ("OPBD", "2")),
        ([stated("ITAV", "9")], ("ITAV", "9")),
        ([stated("ITAV", "900", included=True, limit="500")], ("ITAV", "400")),
        ([stated("ITAV", "900", included=True), stated("ITAV", "400")], ("ITAV", "400")),
    ],
)
def test_the_booked_balance_counts_the_newer_one_first_and_what_is_available_last(found, chosen):
    model, _ = settled(account(), found)
    assert (model.account_balance_type, str(model.account_balance)) == chosen


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], "BALANCE_MISSING"),
        ([stated("ITBD", "5", currency="USD")], "BALANCE_MISSING"),
        ([stated("AUTH", "5")], "BALANCE_MISSING"),
        ([stated("ITAV", "900", included=True)], "BALANCE_INCLUDES_CREDIT"),
    ],
)
def test_without_a_usable_balance_it_is_null_and_never_zero(found, code):
    model, notes = settled(account(), found)
    assert model.account_balance is None
    assert [note.code for note in notes] == [code]
    assert model.balances == [each.balance for each in found]


def test_what_is_only_available_is_said_to_be_that():
    _, notes = settled(account(), [stated("ITAV", "9")])
    assert [note.code for note in notes] == ["BALANCE_IS_AVAILABLE"]


def test_available_balance_and_limit_stand_beside_the_balance():
    at = datetime(2026, 10, 30, tzinfo=UTC)
    model, _ = settled(account(), [stated("ITBD", "10", at=at), stated("ITAV", "510", included=True, limit="500")])
    assert (model.account_balance, model.account_available_balance) == (Decimal(10), Decimal(510))
    assert (model.account_credit_limit, model.account_credit_limit_included) == (Decimal(500), True)
    assert model.account_balance_as_of == at


def test_a_cards_uninvoiced_balance_counts_where_there_is_no_booked_one():
    model, _ = settled(account("CreditCard"), [stated("NINV", "-80"), stated("ITAV", "920")])
    assert (model.account_balance_type, model.account_balance) == ("NINV", Decimal(-80))
    other, _ = settled(account("Checking"), [stated("NINV", "-80"), stated("ITAV", "920")])
    assert other.account_balance_type == "ITAV"


def test_what_is_owed_is_positive_and_unknown_when_nobody_says():
    assert owed([stated("ITBD", "-142300.00")], "GBP") is None
    assert owed([stated("ITBD", "-142300.00", currency="GBP")], "GBP") == Decimal("142300.00")
    assert owed([stated("ITBD", "5", currency="GBP")], "GBP") is None
