"""Transactions and balances over HTTP, on a real database."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from bson import ObjectId

from backend.api.data.movements import OF_ALL_ACCOUNTS, OF_ONE_ACCOUNT, STATED_BALANCES
from tests.backend.api.data.stories import stated, transaction
from tests.builders import account, person

ALL = "/api/v1/transactions"
PAGES_MAX = 100


@pytest.fixture
async def alice(api, signed_up, put):
    """Alice, who has two accounts; a stranger has one with transactions too."""
    owner, headers = await signed_up("alice")
    accounts = [account(owner, bank="Green Bank"), account(owner, bank="MongoDB Bank", currency="EUR")]
    theirs = account(person("bob"))
    await put("external_accounts", *accounts, theirs)
    await put("external_transactions", *(transaction(theirs) for _ in range(3)))
    return headers, accounts, theirs


async def _ids(api, path, headers, **query):
    rows, cursor = [], None
    for _ in range(PAGES_MAX):
        answer = await api.get(path, headers=headers, params=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        rows += page["data"]
        if (cursor := page["next_cursor"]) is None:
            return [row["TransactionId"] for row in rows]
    raise AssertionError("The pages never end")


async def test_transactions_come_newest_first_and_page_without_gap_even_within_a_day(api, alice, put):
    headers, accounts, _ = alice
    days = ["2025-03-01"] * 9 + ["2025-03-02"] * 2 + ["2025-02-28", "2024-12-31"]
    stored = [transaction(accounts[number % 2], day=day) for number, day in enumerate(days)]
    await put("external_transactions", *stored)
    expected = [
        each["TransactionId"]
        for each in sorted(stored, key=lambda each: (each["OrderDate"], bytes(each["_id"])), reverse=True)
    ]
    for limit in (1, 2, 4, 13, 200):
        assert await _ids(api, ALL, headers, limit=limit) == expected
    mine = [each["TransactionId"] for each in stored if each["AccountId"] == accounts[0]["AccountId"]]
    expected = [each for each in expected if each in mine]
    one = f"/api/v1/accounts/{accounts[0]['AccountId']}/transactions"
    for limit in (1, 3, 200):
        assert await _ids(api, one, headers, limit=limit) == expected
        assert await _ids(api, ALL, headers, limit=limit, account_id=accounts[0]["AccountId"]) == expected
        assert await _ids(api, ALL, headers, limit=limit, institution="Green Bank") == expected


async def test_a_transaction_is_shown_as_stored_with_text_amounts_and_a_masked_counterparty(api, alice, put, services):
    headers, accounts, _ = alice
    sealed = await services.store.sealer.seal(accounts[0]["AccountUser"]["UserId"], "Shop")
    other = {"Name": sealed, "Identifier": sealed, "IdentifierMasked": "••••5807"}
    await put("external_transactions", transaction(accounts[0], amount="-0.10", Counterparty=other))
    (row,) = (await api.get(ALL, headers=headers)).json()["data"]
    assert row["Amount"] == "-0.10"
    assert row["Counterparty"] == {"IdentifierMasked": "••••5807"}
    assert "_id" not in row
    assert set(row["Source"]) == {"Dialect", "Bank", "MapperVersion", "FetchedAt"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"date_from": "2025-03-02"}, "bc"),
        ({"date_to": "2025-03-01"}, "a"),
        ({"date_from": "2025-03-02", "date_to": "2025-03-02"}, "b"),
        ({"amount_min": "-5"}, "bc"),
        ({"amount_max": "-5.0000"}, "ab"),
        ({"amount_min": "-5", "amount_max": "-5"}, "b"),
        ({"status": "PDNG"}, "c"),
        ({"currency": "EUR"}, "c"),
        ({"institution": "MongoDB Bank"}, "c"),
        ({"institution": "No Bank"}, ""),
        ({"date_from": "2025-03-02", "amount_max": "0"}, "b"),
    ],
)
async def test_filters_narrow_transactions_on_every_page(api, alice, put, query, expected):
    headers, (dollars, euros), _ = alice
    stored = {
        "a": transaction(dollars, amount="-10.00", day="2025-03-01"),
        "b": transaction(dollars, amount="-5.00", day="2025-03-02"),
        "c": transaction(euros, amount="1234567890123.45", day="2025-03-03", Status="PDNG"),
    }
    await put("external_transactions", *stored.values())
    wanted = {stored[each]["TransactionId"] for each in expected}
    assert set(await _ids(api, ALL, headers, **query)) == wanted
    assert set(await _ids(api, ALL, headers, limit=1, **query)) == wanted


@pytest.mark.parametrize(
    "query",
    [
        {"date_from": "2025-02-30"},
        {"date_from": "2025-3-1"},
        {"date_from": "\uff12\uff10\uff12\uff15-03-01"},
        {"date_from": "1740787200"},
        {"date_from": "2025-03-02", "date_to": "2025-03-01"},
        {"amount_min": "1e3"},
        {"amount_min": "NaN"},
        {"amount_min": "\uff11"},
        {"amount_min": "1,00"},
        {"amount_min": "1" * 40},
        {"amount_min": "2", "amount_max": "1"},
        {"status": "BOOKED"},
        {"type": "Savings"},
        {"amount_min[$gt]": "1"},
    ],
)
async def test_a_filter_that_cannot_be_used_is_told(api, alice, query):
    answer = await api.get(ALL, headers=alice[0], params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_happens_on_a_strangers_account_is_not_found(api, alice):
    headers, accounts, theirs = alice
    for each in (theirs["AccountId"], "acc_x", '{"$ne":null}', str(theirs["_id"])):
        for path in (f"/api/v1/accounts/{each}/transactions", f"/api/v1/accounts/{each}/balances"):
            answer = await api.get(path, headers=headers)
            assert answer.status_code == 404
            assert "application/problem+json" in answer.headers["content-type"]
        assert (await api.get(ALL, headers=headers, params={"account_id": each})).status_code == 404
    for path in ("transactions", "balances"):
        answer = await api.get(f"/api/v1/accounts/{accounts[0]['AccountId']}/{path}", headers=headers)
        assert answer.json() == {"data": [], "next_cursor": None}


async def test_balances_come_newest_first_and_page_without_gap(api, alice, put):
    headers, accounts, _ = alice
    begin = datetime(2025, 3, 1, tzinfo=UTC)
    stored = [
        stated(accounts[0], amount=f"{number}.50", at=begin + timedelta(hours=number // 3)) for number in range(10)
    ]
    await put("external_balances", *stored, stated(accounts[1], amount="7"))
    path, cursor, rows = f"/api/v1/accounts/{accounts[0]['AccountId']}/balances", None, []
    for _ in range(PAGES_MAX):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get(path, headers=headers, params=query)).json()
        rows += page["data"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(row["Amount"] for row in rows) == sorted(str(each["Amount"]) for each in stored)
    assert all(newer["StatedAt"] >= older["StatedAt"] for newer, older in pairwise(rows))
    assert "_id" not in rows[0]


@pytest.mark.parametrize(
    ("listing", "more"),
    [
        (OF_ALL_ACCOUNTS, {"OrderDate": {"$gte": "2025-01-01", "$lte": "2025-03-01"}}),
        (OF_ONE_ACCOUNT, {"AccountId": "acc_x", "Status": "BOOK"}),
        (STATED_BALANCES, {"AccountId": "acc_x"}),
    ],
)
async def test_every_read_is_bounded_by_the_owner_in_the_declared_index(services, api, listing, more):
    cursor = services.store.collection(listing.collection).find(
        {listing.owner_id: ObjectId(), **more}, listing.projection, sort=[*listing.order], hint=listing.index
    )
    plan = str((await cursor.explain())["queryPlanner"]["winningPlan"])
    assert "'stage': 'IXSCAN'" in plan
    assert "COLLSCAN" not in plan
    assert "'SORT'" not in plan
