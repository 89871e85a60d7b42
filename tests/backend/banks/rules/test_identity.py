from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backend.banks.contract import AccountKey, MappedTransaction
from backend.banks.rules.identity import fingerprint, key_for, occurrences, without_false_ids
from backend.banks.ways import IdentityWays
from backend.documents.transaction import Counterparty, References, Remittance, Transaction

pytestmark = pytest.mark.unit

ACCOUNT = AccountKey("IBAN", "FI7859999000112235", "EUR")
TRUSTING = IdentityWays(booked=("transaction_id", "entry_reference+amount+booking_date"))


def transaction(amount="-3.20", *, status="BOOK", day="2026-10-29", text="Bus", name="HSL", **references):
    return Transaction(
        status=status, amount=Decimal(amount), amount_text=amount, credit_debit="DBIT", currency="EUR",
        booking_date_local=day, date_precision="DATE", order_date="2026-10-29", year_month="2026-10",
        counterparty=Counterparty(name=name), remittance=Remittance(unstructured=[text]),
        references=References(**references),
    )  # fmt: skip


def mapped(model, ways=TRUSTING):
    key, is_trusted = key_for(model, ways)
    return MappedTransaction(model, ACCOUNT, key, is_trusted=is_trusted)


def test_the_first_trusted_key_that_is_there_is_the_key():
    assert key_for(transaction(transaction_id="a", entry_reference="b"), TRUSTING) == ('transaction_id:["a"]', True)
    found = key_for(transaction(entry_reference="b"), TRUSTING)
    assert found == ('entry_reference+amount+booking_date:["b","-3.2","2026-10-29"]', True)


@pytest.mark.parametrize("filler", [None, "0", "NOTPROVIDED", "9998"])
def test_a_filler_is_no_id_and_the_content_decides(filler):
    ways = IdentityWays(booked=("transaction_id",), not_ids={"0", "NOTPROVIDED", "9998"})
    model = transaction(transaction_id=filler)
    assert key_for(model, ways) == (fingerprint(model), False)


def test_what_is_pending_is_never_taken_for_what_is_booked():
    booked, pending = transaction(transaction_id="a"), transaction(transaction_id="a", status="PDNG")
    ways = IdentityWays(booked=("transaction_id",), pending=("transaction_id",))
    assert key_for(booked, ways) != key_for(pending, ways)
    assert fingerprint(booked) != fingerprint(pending)


def test_a_bank_whose_pending_ids_are_not_trusted_goes_by_content_there():
    model = transaction(transaction_id="a", status="PDNG")
    assert key_for(model, TRUSTING) == (fingerprint(model), False)


def test_the_way_a_bank_writes_the_same_thing_does_not_change_the_fingerprint():
    assert fingerprint(transaction("-3.20", text="BUS  Ticket", name="hsl")) == fingerprint(
        transaction("-3.2", text="bus ticket", name="ＨＳＬ")
    )


@pytest.mark.parametrize(
    "other",
    [{"amount": "-3.21"}, {"day": "2026-10-28"}, {"text": "Tram"}, {"name": "VR"}, {"amount": "3.20"}],
)
def test_what_differs_in_content_differs_in_fingerprint(other):
    assert fingerprint(transaction(**other)) != fingerprint(transaction())


@given(st.lists(st.sampled_from(["a", "b", "c"])))
def test_key_and_occurrence_together_are_unique_and_lose_no_twin(keys):
    numbered = list(zip(keys, occurrences(keys), strict=True))
    assert len(set(numbered)) == len(keys)
    assert Counter(key for key, _ in numbered) == Counter(keys)


@given(st.lists(st.sampled_from(["a", "b", "c"])), st.randoms())
def test_the_order_of_a_fetch_changes_nothing(keys, random):
    shuffled = list(keys)
    random.shuffle(shuffled)
    assert set(zip(keys, occurrences(keys), strict=True)) == set(zip(shuffled, occurrences(shuffled), strict=True))


def test_an_id_that_different_rows_share_is_not_theirs():
    rows = [mapped(transaction(amount, transaction_id="9998")) for amount in ("-1.00", "-2.00", "-2.00")]
    found = without_false_ids(rows)
    assert not any(each.is_trusted for each in found)
    assert found[1].key == found[2].key != found[0].key
    assert occurrences([each.key for each in found]) == [0, 0, 1]


def test_a_row_that_came_twice_stays_one():
    rows = [mapped(transaction(transaction_id="a")) for _ in range(2)]
    assert without_false_ids(rows) == rows


@pytest.mark.parametrize("rule", ["amount", "colour", "transaction_id+transaction_id", ""])
def test_a_key_without_a_reference_of_the_bank_is_refused(rule):
    with pytest.raises(ValidationError):
        IdentityWays(booked=(rule,))
