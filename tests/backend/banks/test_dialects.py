"""What holds for every dialect whatever a bank sends."""

import copy
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.banks.contract import AccountKey, Asked, MappedTransaction, Read, Rejected
from backend.banks.registry import DATA, Registry
from backend.kernel import strict_json

pytestmark = pytest.mark.unit

BANKS = Registry()
SPEAKERS = [next(bank for bank in BANKS if bank.dialect == name) for name in sorted({bank.dialect for bank in BANKS})]
RESOURCES = ["accounts", "balances", "products", "transactions"]
RECORDED = {
    bank.dialect: [
        (path.name.split(".")[1], strict_json.loads(path.read_bytes()))
        for path in sorted((DATA / "recorded" / bank.dialect).glob("*.json"))
        if not path.name.endswith(".expected.json")
    ]
    for bank in SPEAKERS
}
ASKED = Asked(account=AccountKey("ProviderId", "asked", "EUR"), seen_on=date(2026, 11, 2))
by_dialect = pytest.mark.parametrize("bank", SPEAKERS, ids=lambda bank: bank.dialect)

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["EUR", "XXX", "1e3", "-0", "0001-01-01", "9999-12-31T23:59:59-12:00", "99999999999999999.999"])
)
json = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def paths(value, here=()):
    """Every place in a payload."""
    yield here
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in children:
        yield from paths(inner, (*here, step))


def put(payload, path, value):
    if not path:
        return value
    changed = copy.deepcopy(payload)
    target = changed
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return changed


@by_dialect
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_json_comes_it_is_mapped_or_refused_with_a_reason(bank, data):
    payload, resource = data.draw(json), data.draw(st.sampled_from(RESOURCES))
    for read in BANKS.dialect(bank).read(resource, payload, bank, data.draw(st.sampled_from([ASKED, Asked()]))):
        check(read)


@by_dialect
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_real_payload_with_anything_in_any_place_never_raises(bank, data):
    resource, payload = data.draw(st.sampled_from(RECORDED[bank.dialect]))
    spoiled = put(payload, data.draw(st.sampled_from(list(paths(payload)))), data.draw(json))
    for read in BANKS.dialect(bank).read(resource, spoiled, bank, ASKED):
        check(read)


def check(read: Read):
    if isinstance(read.verdict, Rejected):
        assert read.verdict.code
        assert read.verdict.reason
        return
    for part in read.verdict.mapped:
        part.model.to_bson()
        if isinstance(part, MappedTransaction):
            assert part.key
            assert part.account.identifier


PLACES = {
    "berlin_group": ("havel_bank", ("transactions", "booked", 1, "transactionAmount", "amount")),
    "uk_open_banking": ("severn_bank", ("Data", "Transaction", 0, "Amount", "Amount")),
    "op_finland": ("otso_bank", ("transactions", 0, "amount")),
}


@pytest.mark.parametrize("dialect", PLACES)
@given(amount=st.decimals(min_value=0, max_value=10**17, allow_nan=False, places=4), as_number=st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_amount_arrives_to_the_last_digit_as_text_and_as_number(dialect, amount, as_number):
    bank_id, path = PLACES[dialect]
    bank = BANKS.bank(bank_id)
    payload = strict_json.loads((DATA / f"recorded/{dialect}/{bank_id}.transactions.json").read_bytes())
    written = amount if as_number else format(amount, "f")
    verdict = (
        BANKS.dialect(bank)
        .read("transactions", put(payload, path, written), bank, Asked())[path[-3] if dialect == "berlin_group" else 0]
        .verdict
    )
    assert abs(verdict.mapped[0].model.amount) == amount
    assert format(abs(verdict.mapped[0].model.amount), "f") == format(amount, "f")
    assert Decimal(verdict.mapped[0].model.amount_text) == amount


@by_dialect
def test_an_error_of_the_bank_is_no_empty_list(bank):
    errors = {
        "berlin_group": {"tppMessages": [{"category": "ERROR", "code": "CONSENT_EXPIRED"}]},
        "uk_open_banking": {"Code": "500", "Errors": [{"ErrorCode": "UK.OBIE.UnexpectedError"}]},
        "op_finland": {"type": "SECURITY", "message": "TOKEN_EXPIRED", "violations": []},
        "leafy": {"detail": "Unauthorized"},
    }
    (read,) = BANKS.dialect(bank).read("transactions", errors[bank.dialect], bank, ASKED)
    assert isinstance(read.verdict, Rejected)


def test_one_bad_record_does_not_lose_the_page():
    bank = BANKS.bank("havel_bank")
    path = DATA / "recorded/berlin_group/havel_bank.transactions.json"
    payload = strict_json.loads(path.read_bytes())
    before = BANKS.dialect(bank).read("transactions", payload, bank, ASKED)
    payload["transactions"]["booked"][1] = {"transactionAmount": {"currency": "EUR", "amount": "12,5"}}
    after = BANKS.dialect(bank).read("transactions", payload, bank, ASKED)
    assert [isinstance(read.verdict, Rejected) for read in after] == [False, True, *[False] * (len(before) - 2)]


@pytest.mark.parametrize("text", ["<?xml version='1.0'?><Document/>", ":20:STARTUMS", ""])
@by_dialect
def test_text_where_json_should_be_is_refused_whole(bank, text):
    (read,) = BANKS.dialect(bank).read("transactions", text, bank, ASKED)
    assert read.verdict.code in {"OTHER_MEDIA", "NOT_RECORDS"}
