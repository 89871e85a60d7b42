"""Accounts and products over HTTP, on a real database."""

import asyncio
import re
from unittest import mock

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.api.data.holdings import ACCOUNTS, PRODUCTS
from backend.api.data.reads import Reads
from backend.kernel.ids import public_id
from tests.builders import account, person, product

PAGES = ["/api/v1/accounts", "/api/v1/products"]
PAGES_MAX = 100
KINDS = {
    "/api/v1/accounts": ("external_accounts", account, "AccountId", "AccountBalance"),
    "/api/v1/products": ("external_products", product, "ProductId", "ProductAmount"),
}


async def _all(api, path, headers, **query):
    rows, cursor = [], None
    for _ in range(PAGES_MAX):
        answer = await api.get(path, headers=headers, params=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"data", "next_cursor"}
        rows += page["data"]
        if (cursor := page["next_cursor"]) is None:
            return rows
    raise AssertionError("The pages never end")


@pytest.mark.parametrize("path", PAGES)
async def test_a_list_shows_documents_as_stored_with_money_as_text_and_nothing_internal(api, signed_up, put, path):
    collection, build, public, amount = KINDS[path]
    owner, headers = await signed_up("alice")
    stored = build(owner, bank="Green Bank", green="green it is")
    stored["Source"]["ProviderId"] = "the bank's own"
    await put(collection, stored)
    (row,) = await _all(api, path, headers)
    assert row[public] == stored[public]
    assert row[amount] == str(stored[amount])
    internal = {"_id", "AccountGroupKey", "AccountNumber", "AccountOwnerName", "Extra"}
    assert set(row) == set(stored) - internal
    assert set(row["Source"]) == {"Dialect", "Bank", "MapperVersion", "FetchedAt"}
    assert row["CreatedAt"] == "2025-01-02T03:04:05.000Z"


@pytest.mark.parametrize("path", PAGES)
async def test_pages_follow_each_other_without_gap_or_repetition(api, signed_up, put, path):
    collection, build, public, _ = KINDS[path]
    owner, headers = await signed_up("alice")
    stored = [build(owner) for _ in range(25)]
    await put(collection, *stored, *(build(person("bob")) for _ in range(25)))
    expected = [each[public] for each in sorted(stored, key=lambda each: each["_id"])]
    for limit in (1, 7, 25, 200):
        assert [row[public] for row in await _all(api, path, headers, limit=limit)] == expected


@pytest.mark.parametrize("path", PAGES)
async def test_filters_narrow_a_list(api, signed_up, put, path):
    collection, build, public, _ = KINDS[path]
    owner, headers = await signed_up("alice")
    kind = {"/api/v1/accounts": ("Savings", "Checking"), "/api/v1/products": ("Loan", "Mortgage")}[path]
    plain = build(owner, bank="Green Bank", type=kind[0], status="Active", currency="USD")
    other = build(owner, bank="MongoDB Bank", type=kind[1], status="Closed", currency="EUR")
    await put(collection, plain, other)
    for query in ({"institution": "Green Bank"}, {"type": kind[0]}, {"status": "Active"}, {"currency": "USD"}):
        assert [row[public] for row in await _all(api, path, headers, **query)] == [plain[public]], query
    assert await _all(api, path, headers, institution="Green Bank", currency="EUR") == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "1e1"},
        {"type": "Piggy"},
        {"status": "active"},
        {"currency": "usd"},
        {"currency": "AAA"},
        {"instituton": "Green Bank"},
        {"institution": ""},
        {"institution[$ne]": "x"},
        {"cursor": "AAAA"},
        {"cursor": ""},
    ],
)
async def test_a_query_that_cannot_be_used_is_told(api, signed_up, path, query):
    _, headers = await signed_up("alice")
    answer = await api.get(path, headers=headers, params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", PAGES)
async def test_a_cursor_is_good_for_its_list_its_filters_and_its_person_alone(api, signed_up, put, path):
    collection, build, _, _ = KINDS[path]
    owner, headers = await signed_up("alice")
    _, strangers = await signed_up("bob")
    await put(collection, *(build(owner) for _ in range(3)))
    cursor = (await api.get(path, headers=headers, params={"limit": 1})).json()["next_cursor"]
    other = next(each for each in PAGES if each != path)
    flipped = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    for used, who, query in (
        (path, strangers, {"cursor": cursor}),
        (other, headers, {"cursor": cursor}),
        (path, headers, {"cursor": cursor, "currency": "USD"}),
        (path, headers, {"cursor": flipped}),
    ):
        assert (await api.get(used, headers=who, params=query)).status_code == 422
    assert (await api.get(path, headers=headers, params={"cursor": cursor})).status_code == 200


async def test_one_account_is_shown_with_its_sealed_values_opened(api, signed_up, put, services):
    owner, headers = await signed_up("alice")

    async def sealed(value):
        return await services.store.sealer.seal(owner["UserId"], value)

    stored = account(
        owner,
        AccountNumber=await sealed("204515807"),
        AccountOwnerName=await sealed("Alice"),
        Extra=await sealed({"Mood": "good", "Points": 3}),
        Identifiers=[
            {"Scheme": "AccountNumber", "Value": await sealed("204515807"), "Masked": "••••5807"},
            {"Scheme": "IBAN", "Value": await sealed("FI2112345600000785"), "Masked": "••••0785"},
        ],
    )
    await put("external_accounts", stored)
    whole = (await api.get(f"/api/v1/accounts/{stored['AccountId']}", headers=headers)).json()
    assert whole["AccountNumber"] == "204515807"
    assert whole["AccountOwnerName"] == "Alice"
    assert whole["Extra"] == {"Mood": "good", "Points": 3}
    assert [each["Value"] for each in whole["Identifiers"]] == ["204515807", "FI2112345600000785"]
    assert "Quality" not in whole
    (row,) = (await api.get("/api/v1/accounts", headers=headers)).json()["data"]
    assert row["Identifiers"] == [
        {"Scheme": "AccountNumber", "Masked": "••••5807"},
        {"Scheme": "IBAN", "Masked": "••••0785"},
    ]
    assert not {"AccountNumber", "AccountOwnerName", "Extra"} & set(row)


async def test_one_product_is_shown_with_where_its_property_stands(api, signed_up, put, services):
    owner, headers = await signed_up("alice")
    stored = product(owner, type="Mortgage", years=20, property_value="91719")
    stored["PropertyDetails"]["Address"] = await services.store.sealer.seal(owner["UserId"], "123 Main St")
    await put("external_products", stored)
    whole = (await api.get(f"/api/v1/products/{stored['ProductId']}", headers=headers)).json()
    assert whole["PropertyDetails"] == {"Address": "123 Main St", "PropertyValue": "91719"}
    (row,) = (await api.get("/api/v1/products", headers=headers)).json()["data"]
    assert row["PropertyDetails"] == {"PropertyValue": "91719"}


async def test_a_value_whose_seal_is_broken_is_null_with_a_note(api, signed_up, put, services):
    owner, headers = await signed_up("alice")
    stranger = ObjectId()
    foreign = await services.store.sealer.seal(stranger, "not yours")
    stored = account(
        owner,
        AccountNumber=foreign,
        Identifiers=[{"Scheme": "IBAN", "Value": foreign, "Masked": "••••0785"}],
    )
    await put("external_accounts", stored)
    answer = await api.get(f"/api/v1/accounts/{stored['AccountId']}", headers=headers)
    assert answer.status_code == 200
    whole = answer.json()
    assert whole["AccountNumber"] is None
    assert whole["Identifiers"][0]["Value"] is None
    assert [note["Path"] for note in whole["Quality"]] == ["/AccountNumber", "/Identifiers/0/Value"]
    assert {note["Code"] for note in whole["Quality"]} == {"SEAL_BROKEN"}
    assert "not yours" not in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_an_id_that_is_none_or_a_strangers_is_not_found(api, signed_up, put, path):
    collection, build, public, _ = KINDS[path]
    owner, headers = await signed_up("alice")
    mine, theirs = build(owner), build(person("bob"))
    await put(collection, mine, theirs)
    digest = bytes(16)
    last_changed = mine[public][:-1] + ("a" if mine[public][-1] != "a" else "e")
    ids = [
        theirs[public],
        public_id("acc", digest),
        str(mine["_id"]),
        last_changed,
        "acc_",
        "%00",
        "x" * 63,
        "acc_" + "\uff11" * 26,
        '{"$ne":null}',
    ]
    for each in ids:
        answer = await api.get(f"{path}/{each}", headers=headers)
        assert answer.status_code in {404, 422}, each
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.status_code == 404 or each == "%00"
    assert (await api.get(f"{path}/{mine[public]}", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/api/v1/accounts/acc_x", "/api/v1/institutions"])
async def test_nobody_is_asked_to_log_in(api, path):
    answer = await api.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", [*PAGES, "/api/v1/transactions", "/api/v1/institutions"])
async def test_a_token_that_may_not_read_reads_nothing(api, signed_up, path):
    _, headers = await signed_up("alice")
    wanted = {"label": "writer", "scopes": ["write"]}
    token = (await api.post("/api/v1/tokens", headers=headers, json=wanted)).json()["token"]
    for query in ({}, {"limit": 5}):
        answer = await api.get(path, headers={"Authorization": f"Bearer {token}"}, params=query)
        assert answer.status_code == 403


@pytest.mark.parametrize("path", PAGES)
async def test_a_list_without_parameters_is_that_with_the_defaults(api, signed_up, put, path):
    collection, build, *_ = KINDS[path]
    owner, headers = await signed_up("alice")
    await put(collection, *(build(owner) for _ in range(60)))
    plain, parsed = [await api.get(path, headers=headers, params=query) for query in ({}, {"limit": 50})]
    assert plain.content == parsed.content
    assert len(plain.json()["data"]) == 50


async def test_hundreds_of_people_reading_at_once_each_get_their_own(services, api, put):
    people = [person(f"user{number}") for number in range(300)]
    await put("external_accounts", *(account(owner) for owner in people for _ in range(3)))
    reads = Reads(services.store)

    async def read(owner, **where):
        page = await reads.page(ACCOUNTS.listing, owner["UserId"], where, limit=50, cursor=None)
        return owner["UserId"], page

    asked = [*people, *people[:100], *people[::-1]]
    for owner_id, page in await asyncio.gather(*(read(owner) for owner in asked)):
        assert [row["AccountUser"]["UserId"] for row in page.data] == [owner_id] * 3
        assert page.next_cursor is None
    for _, page in await asyncio.gather(*(read(owner, AccountBank="MongoDB Bank") for owner in people)):
        assert page.data == []


async def test_a_person_with_very_many_accounts_takes_none_from_those_read_together(services, api, put):
    heavy = person("heavy")
    people = [person(f"user{number}") for number in range(12)]
    await put("external_accounts", *(account(heavy) for _ in range(300)))
    await put("external_accounts", *(account(owner) for owner in people for _ in range(2)))
    reads = Reads(services.store)
    asked = [people[0], heavy, *people[1:], heavy]
    pages = await asyncio.gather(
        *(reads.page(ACCOUNTS.listing, each["UserId"], {}, limit=5, cursor=None) for each in asked)
    )
    for owner, page in zip(asked, pages, strict=True):
        assert {row["AccountUser"]["UserId"] for row in page.data} == {owner["UserId"]}
        assert len(page.data) == (5 if owner is heavy else 2)
        assert (page.next_cursor is not None) == (owner is heavy)


async def test_a_person_reads_what_they_just_wrote_while_others_read(services, api, put):
    owner = person("writer")
    await put("external_accounts", *(account(person(f"user{number}")) for number in range(20)))
    reads = Reads(services.store)

    async def read(each):
        return len((await reads.page(ACCOUNTS.listing, each["UserId"], {}, limit=200, cursor=None)).data)

    for count in range(1, 15):
        crowd = [asyncio.ensure_future(read(person(f"user{number}"))) for number in range(20)]
        early = asyncio.ensure_future(read(owner))
        await put("external_accounts", account(owner))
        assert await read(owner) == count
        assert await early in {count - 1, count}
        await asyncio.gather(*crowd)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    limit=st.integers(1, 6),
    batch=st.integers(1, 6),
)
def test_read_together_or_alone_the_answer_is_the_same(sizes, limit, batch):
    # Only the splitting is looked at; the database is replaced by rows sorted as its index sorts them.
    owners = [ObjectId() for _ in sizes]
    rows = [
        {"_id": ObjectId(), "AccountUser": {"UserId": owner}}
        for owner, size in zip(owners, sizes, strict=True)
        for _ in range(size)
    ]

    class InMemory(Reads):
        async def _rows(self, listing, where, limit, *, owners=1):
            whose = where[listing.owner_id]
            wanted = whose["$in"] if isinstance(whose, dict) else [whose]
            found = [dict(row) for row in rows if row["AccountUser"]["UserId"] in wanted]
            found.sort(key=lambda row: (row["AccountUser"]["UserId"], row["_id"]))
            return found[: limit * owners]

    async def story():
        reads = InMemory(mock.MagicMock(**{"keyed_hash.digest.return_value": bytes(16)}))
        reads._first_pages._batch = batch
        pages = await asyncio.gather(
            *(reads.page(ACCOUNTS.listing, owner, {}, limit=limit, cursor=None) for owner in owners)
        )
        for owner, size, page in zip(owners, sizes, pages, strict=True):
            assert [row["AccountUser"]["UserId"] for row in page.data] == [owner] * min(size, limit)
            assert (page.next_cursor is not None) == (size > limit)

    asyncio.run(story())


@pytest.mark.parametrize("kind", [ACCOUNTS, PRODUCTS])
async def test_every_read_is_bounded_by_the_owner_in_the_declared_index(services, api, put, kind):
    users = [ObjectId() for _ in range(3)]
    for whose in (users[0], {"$in": users}):
        cursor = services.store.collection(kind.listing.collection).find(
            {kind.listing.owner_id: whose, next(iter(kind.filters.values())): "Green Bank"},
            kind.listing.projection,
            sort=[(kind.listing.owner_id, 1), *kind.listing.order],
            hint=kind.listing.index,
        )
        plan = str((await cursor.explain())["queryPlanner"]["winningPlan"])
        assert "'stage': 'IXSCAN'" in plan
        assert "COLLSCAN" not in plan
        assert "'SORT'" not in plan


def test_nothing_sealed_or_binary_is_ever_asked_for_in_a_list():
    for kind in (ACCOUNTS, PRODUCTS):
        sealed = {path.replace("[]", "") for path in kind.document.SEALED}
        assert not sealed & set(kind.listing.projection)
        assert not any(re.search(r"RawId|Content|GroupKey|^_id", path) for path in kind.whole_projection)
        assert sealed <= set(kind.whole_projection)
