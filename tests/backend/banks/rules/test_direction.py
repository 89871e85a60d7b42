from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.banks.contract import BadRecord
from backend.banks.rules.direction import Stated, signed
from backend.banks.ways import Direction, Directions

pytestmark = pytest.mark.unit

amounts = st.decimals(min_value=-(10**15), max_value=10**15, places=2)
indicators = st.sampled_from([None, "CRDT", "DBIT"])
sides = st.sets(st.sampled_from(["creditor", "debtor"])).map(frozenset)


def stated(amount, indicator=None, own=(), currency="EUR"):
    return Stated(Decimal(amount), currency, "/amount", indicator, frozenset(own))


@pytest.mark.parametrize(
    ("rule", "said", "meant"),
    [
        (Direction.SIGNED, stated("-5.00"), "-5.00"),
        (Direction.SIGNED, stated("-5.00", "DBIT"), "-5.00"),
        (Direction.INVERTED, stated("5.00"), "-5.00"),
        (Direction.INVERTED, stated("-5.00", "CRDT"), "5.00"),
        (Direction.INDICATOR, stated("5.00", "DBIT"), "-5.00"),
        (Direction.INDICATOR, stated("5.00", "CRDT"), "5.00"),
        (Direction.INDICATOR_ABS, stated("-5.00", "DBIT"), "-5.00"),
        (Direction.INDICATOR_ABS, stated("5.00", "DBIT"), "-5.00"),
        (Direction.BY_PARTY, stated("5.00", own=["debtor"]), "-5.00"),
        (Direction.BY_PARTY, stated("5.00", own=["creditor"]), "5.00"),
        (Direction.MINOR_UNITS, stated("500", "DBIT"), "-5.00"),
        (Direction.MINOR_UNITS, stated("500", "CRDT", currency="JPY"), "500"),
        (Direction.MINOR_UNITS, stated("5000", "CRDT", currency="BHD"), "5.000"),
    ],
)
def test_each_rule_finds_what_its_banks_mean(rule, said, meant):
    amount, indicator = signed(rule, said)
    assert str(amount) == meant
    assert indicator == ("DBIT" if amount < 0 else "CRDT")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Direction.SIGNED, stated("5.00", "DBIT")),
        (Direction.INVERTED, stated("5.00", "CRDT")),
        (Direction.INDICATOR, stated("-5.00", "DBIT")),
        (Direction.INDICATOR, stated("5.00")),
        (Direction.INDICATOR_ABS, stated("-5.00", "CRDT")),
        (Direction.INDICATOR_ABS, stated("-5.00")),
        (Direction.BY_PARTY, stated("5.00")),
        (Direction.BY_PARTY, stated("5.00", own=["creditor", "debtor"])),
        (Direction.BY_PARTY, stated("-5.00", own=["creditor"])),
        (Direction.MINOR_UNITS, stated("5.01", "CRDT")),
        (Direction.MINOR_UNITS, stated("5", "CRDT", currency="XAU")),
    ],
)
def test_what_contradicts_itself_or_says_nothing_is_given_up_and_never_guessed(rule, said):
    with pytest.raises(BadRecord) as raised:
        signed(rule, said)
    assert (raised.value.code, raised.value.pointer) == ("DIRECTION_UNCLEAR", "/amount")


def test_zero_is_of_the_side_the_bank_says_and_has_no_sign():
    assert [str(part) for part in signed(Direction.INDICATOR, stated("0.00", "DBIT"))] == ["0.00", "DBIT"]
    assert [str(part) for part in signed(Direction.SIGNED, stated("-0.00"))] == ["0.00", "CRDT"]


@given(st.sampled_from(Direction), amounts, indicators, sides)
def test_no_rule_changes_how_much_it_is(rule, amount, indicator, own):
    try:
        found, word = signed(rule, Stated(amount, "EUR", "/amount", indicator, own))
    except BadRecord:
        return
    assert abs(found) == abs(amount) / (100 if rule is Direction.MINOR_UNITS else 1)
    assert not found or (found < 0) is (word == "DBIT")


def test_a_status_without_its_own_rule_has_that_of_booked_ones():
    directions = Directions(booked=Direction.SIGNED, pending=Direction.INVERTED)
    assert directions.rule("pending") is Direction.INVERTED
    assert directions.rule("information") is Direction.SIGNED
    assert directions.rule("", is_card=True) is Direction.SIGNED
    assert (
        Directions(booked=Direction.SIGNED, card=Direction.INVERTED).rule("pending", is_card=True) is Direction.INVERTED
    )
