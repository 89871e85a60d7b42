"""Whatever is sent, a bank answers in its dialect; it never fails."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.backend.emulator.openbanking.test_refusals import BANKS, SPOKEN
from tests.backend.emulator.openbanking.test_shapes import mine

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["2026-02-30", "9999-12-31", "0001-01-01", "1900-01-01", "2026-01-01T00:00:00Z", "0", "-1", "501"]),
    st.sampled_from(["9998-12-31T23:59:59-23:59", "1900-01-01T00:00:00+23:59", "true", "both", "booked", "1e3", "٣"]),
)
WORDS = st.sampled_from(
    ["Permissions", "ExpirationDateTime", "TransactionFromDateTime", "accounts", "balances", "transactions", "allPsd2",
     "iban", "maskedPan", "currency", "allAccounts", "ReadAccountsBasic", "ReadBalances"]
)  # fmt: skip
JSON = st.recursive(
    st.one_of(WORDS, TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS | TEXTS, inner, max_size=3)),
    max_leaves=8,
)
PARAMETERS = {
    "green-bank": ("limit", "cursor", "from", "to"),
    "havel-bank": ("bookingStatus", "dateFrom", "dateTo", "withBalance", "itemsPerPage", "pageCursor"),
    "severn-bank": ("fromBookingDateTime", "toBookingDateTime", "page"),
    "otso-bank": ("fromDate", "toDate", "continuationToken"),
}
FIELDS = {
    "green-bank": ("permissions", "purpose", "validUntil"),
    "havel-bank": ("access", "recurringIndicator", "validUntil", "frequencyPerDay"),
    "severn-bank": ("Data", "Risk"),
    "otso-bank": ("expires", "transactionFrom", "transactionTo"),
}
RARELY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
async def apis(street):
    """A third party connected at each bank, with a token of its own besides."""
    connected = {bank: await street.connected(bank) for bank in BANKS}
    return {bank: (api, await api.own_token()) for bank, api in connected.items()}


def has_answered(bank, response):
    return response.status_code in (200, 201) or (response.status_code == 400 and SPOKEN[bank](response.json()))


@RARELY
@given(data=st.data())
@pytest.mark.parametrize("bank", BANKS)
async def test_no_query_makes_a_bank_fail(street, apis, bank, data):
    api, _ = apis[bank]
    path = api.transactions_of(mine(street, bank).id).partition("?")[0]
    asked = data.draw(st.dictionaries(st.sampled_from(PARAMETERS[bank]), TEXTS, max_size=4))
    assert has_answered(bank, await api.get(path, params=asked))


@RARELY
@given(data=st.data())
@pytest.mark.parametrize("bank", BANKS)
async def test_no_wish_makes_a_bank_fail(apis, bank, data):
    api, own = apis[bank]
    wish = api.wish() | data.draw(st.dictionaries(st.sampled_from(FIELDS[bank]), JSON, min_size=1, max_size=3))
    assert has_answered(bank, await api.call("POST", api.consents, json=wish, token=own))
