from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.banks.contract import Asked, Rejected
from backend.banks.paging import Stopped, address, next_page
from backend.banks.registry import DATA, Registry
from backend.banks.requests import Call, Request, Target, Window
from backend.kernel import strict_json

pytestmark = pytest.mark.unit

BANKS = Registry()
ALL = [BANKS.bank(name) for name in ("green_bank", "havel_bank", "severn_bank", "otso_bank")]
BERLIN = BANKS.routes(BANKS.bank("havel_bank"))
CALL = Call("consent-1", "5f0c2f5e-8b1a-4a1e-9f43-6f0a7d5c2b11")
WINDOW = Window(ZoneInfo("Europe/London"), date(2026, 7, 1), date(2026, 10, 31))
HOST = "https://havel-bank.localhost"
by_bank = pytest.mark.parametrize("bank", ALL, ids=lambda bank: bank.dialect)
PAGE = Request("transactions", "/v1/accounts/a/transactions", {"bookingStatus": "both"}, {"Consent-ID": "consent-1"})


def following(link, seen=frozenset()):
    payload = {"transactions": {"booked": [], "_links": {"next": {"href": link}}}}
    return next_page(BERLIN, PAGE, payload, host=HOST, seen=seen)


def requests_of(bank):
    routes, target = BANKS.routes(bank), Target("id/with ?#")
    yield from routes.accounts(CALL)
    yield routes.transactions(CALL, target, WINDOW)
    if routes.balances:
        yield routes.balances(CALL, target)
    if routes.products:
        yield routes.products(CALL)


@by_bank
def test_every_request_stays_in_the_api_and_carries_mark_and_no_secret(bank):
    for request in requests_of(bank):
        assert request.path.startswith(BANKS.routes(bank).prefix)
        assert CALL.mark in request.headers.values()
        assert request.secrets["Authorization"] == "access_token"
        assert "Authorization" not in request.headers


@by_bank
def test_an_id_is_one_segment_of_a_path_whatever_it_holds(bank):
    assert "/id%2Fwith%20%3F%23" in BANKS.routes(bank).transactions(CALL, Target("id/with ?#"), WINDOW).path


@by_bank
def test_the_customers_address_is_told_only_while_they_are_there(bank):
    away = BANKS.routes(bank).accounts(CALL)[0].headers
    there = BANKS.routes(bank).accounts(Call(CALL.consent_id, CALL.mark, "192.0.2.7"))[0].headers
    assert "192.0.2.7" in there.values()
    assert len(away) == len(there) - 1


@by_bank
def test_a_bank_offers_only_lists_that_its_dialect_can_ask_for(bank):
    routes = BANKS.routes(bank)
    assert ("products" in bank.kinds) <= (routes.products is not None)
    assert (routes.balances is not None) == (BANKS.dialect(bank).balances is not None)


def test_days_and_instants_are_those_of_the_bank():
    assert WINDOW.days("from", "to") == {"from": "2026-07-01", "to": "2026-10-31"}
    assert WINDOW.instants("from", "to") == {"from": "2026-07-01T00:00:00+01:00", "to": "2026-10-31T23:59:59+00:00"}
    assert Window(ZoneInfo("UTC")).days("from", "to") == {}


@by_bank
def test_the_recorded_page_goes_on_and_the_next_one_may_be_asked_for(bank):
    path = DATA / f"recorded/{bank.dialect}/{bank.id}.transactions.json"
    payload = strict_json.loads(path.read_bytes())
    if bank.dialect == "leafy":
        payload = {"transactions": payload, "next_cursor": "c2"}
    if bank.dialect == "uk_open_banking":
        payload["Links"]["Next"] = f"https://bank.example{BANKS.routes(bank).prefix}accounts/x/transactions?page=c2"
    request = BANKS.routes(bank).transactions(CALL, Target("x"), WINDOW)
    found = next_page(BANKS.routes(bank), request, payload, host="https://bank.example", seen=frozenset())
    assert isinstance(found, Request)
    assert address(found) != address(request)
    assert (found.resource, found.headers, found.secrets) == (request.resource, request.headers, request.secrets)


@pytest.mark.parametrize(
    "link",
    [
        "/v1/accounts/a/transactions?bookingStatus=both&pageCursor=2",
        "https://havel-bank.localhost/v1/accounts/a/transactions?bookingStatus=both&pageCursor=2",
        "https://HAVEL-bank.localhost:443/v1/accounts/a/transactions?bookingStatus=both&pageCursor=2#top",
        "?bookingStatus=both&pageCursor=2",
        "transactions?bookingStatus=both&pageCursor=2",
        "null/v1/accounts/a/transactions?bookingStatus=both&pageCursor=2",
    ],
)
def test_a_link_is_followed_however_it_is_written(link):
    found = following(link)
    assert (found.path, found.query) == (PAGE.path, {"bookingStatus": "both", "pageCursor": "2"})


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1/accounts",
        "http://havel-bank.localhost/v1/accounts",
        "https://havel-bank.localhost:8443/v1/accounts",
        "https://havel-bank.localhost@evil.example/v1/accounts",
        "https://someone@havel-bank.localhost/v1/accounts",
        "//evil.example/v1/accounts",
        "/\\evil.example/v1/accounts",
        "file:///v1/accounts",
        "/admin/accounts",
        "/v1/../admin",
        "https://havel-bank.localhost.evil.example/v1/accounts",
    ],
)
def test_a_link_that_leads_elsewhere_is_refused(link):
    assert following(link).code == "NEXT_ELSEWHERE"


def test_a_link_that_cannot_be_read_is_refused():
    assert following("https://[half/v1/accounts").code == "NEXT_UNREADABLE"
    assert following("https://havel-bank.localhost:port/v1/accounts").code == "NEXT_UNREADABLE"


def test_a_link_to_a_page_that_was_read_is_a_circle():
    assert following("?bookingStatus=both").code == "NEXT_LOOPS"
    second = following("?bookingStatus=both&pageCursor=2")
    assert following("?pageCursor=2&bookingStatus=both", frozenset({address(second)})).code == "NEXT_LOOPS"


@pytest.mark.parametrize("link", [None, "", " ", 7, ["x"], {"ref": "x"}])
def test_without_a_link_the_list_ends(link):
    assert following(link) is None


anything = st.recursive(
    st.none() | st.text() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["_links", "next", "href", "transactions", "Links", "Next", "next_cursor"]), inner
        )
    ),
)


@given(anything, st.sampled_from(ALL))
def test_whatever_a_page_holds_the_next_is_at_the_same_bank_or_nowhere(payload, bank):
    routes = BANKS.routes(bank)
    request = routes.transactions(CALL, Target("x"), WINDOW)
    found = next_page(routes, request, payload, host=HOST, seen=frozenset())
    assert found is None or isinstance(found, Stopped) or found.path.startswith(routes.prefix)


def test_a_page_without_records_is_still_a_page():
    read = BANKS.dialect(BANKS.bank("havel_bank")).read(
        "transactions", {"transactions": {"booked": [], "pending": None}}, BANKS.bank("havel_bank"), Asked()
    )
    assert [each for each in read if isinstance(each.verdict, Rejected)] == []
