"""Institutions and insights over HTTP, and all replies held against the OpenAPI document."""

from decimal import Decimal

import jsonschema
import pytest

from tests.builders import account, person
from tests.sample import GOLDEN


async def test_institutions_are_listed_by_id_with_what_they_tell_of(api, signed_up, services):
    _, headers = await signed_up("alice")
    page = (await api.get("/api/v1/institutions", headers=headers)).json()
    assert [row["id"] for row in page["data"]] == sorted(bank.id for bank in services.banks)
    assert {row["name"] for row in page["data"] if row["own"]} == services.banks.own_names
    assert set(page["data"][0]) == {"id", "name", "country", "dialect", "kinds", "own"}


async def test_institutions_page_and_filter(api, signed_up, services):
    _, headers = await signed_up("alice")
    names, cursor = [], None
    for _ in services.banks:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/api/v1/institutions", headers=headers, params=query)).json()
        names += [row["id"] for row in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert names == sorted(bank.id for bank in services.banks)
    nowhere = await api.get("/api/v1/institutions", headers=headers, params={"country": "ZZ"})
    assert nowhere.json()["data"] == []
    wrong = await api.get("/api/v1/institutions", headers=headers, params={"country": "Finland"})
    assert wrong.status_code == 422


async def test_the_catalogue_lists_what_can_be_asked(api, signed_up):
    _, headers = await signed_up("alice")
    rows = (await api.get("/api/v1/insights", headers=headers)).json()["data"]
    assert {"balances", "debt", "position", "products", "green"} <= {row["name"] for row in rows}
    for row in rows:
        answer = await api.get(f"/api/v1/insights/{row['name']}", headers=headers)
        assert answer.status_code == 200
        assert answer.json()["insight"] == row["name"]


async def test_the_position_of_each_sample_user_is_the_golden_one(api, sample):
    for name, (balance, debt, net) in GOLDEN.items():
        answer = await api.get("/api/v1/insights/position", headers=sample[name])
        (total,) = answer.json()["totals"]
        assert {total[each]["currency"] for each in ("balance", "debt", "net")} == {"USD"}
        assert [Decimal(total[each]["amount"]) for each in ("balance", "debt", "net")] == [balance, debt, net]
        assert isinstance(total["net"]["amount"], str)


async def test_an_insight_is_about_the_viewer_alone(api, signed_up, put):
    owner, headers = await signed_up("alice")
    await put("external_accounts", account(owner, balance="1.00"), account(person("bob"), balance="5.00"))
    (total,) = (await api.get("/api/v1/insights/balances", headers=headers)).json()["totals"]
    assert total["total"] == {"amount": "1.00", "currency": "USD"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("wealth", 404),
        ("balances?currencies=USD", 422),
        ("balances?currency=usd", 422),
        ("balances?currency=USD&currency=EUR", 422),
        ("balances?include_closed=maybe", 422),
        ("balances?accounts=acc_x", 422),
        ("?x=1", 404),
    ],
)
async def test_what_cannot_be_asked_is_told(api, signed_up, path, status):
    _, headers = await signed_up("alice")
    answer = await api.get(f"/api/v1/insights/{path}", headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_replies_are_what_the_openapi_document_says(api, api_app, sample):
    document = api_app.openapi()
    headers = sample["fridaklo"]
    ids = {
        "{account_id}": (await api.get("/api/v1/accounts", headers=headers)).json()["data"][0]["AccountId"],
        "{product_id}": (await api.get("/api/v1/products", headers=headers)).json()["data"][0]["ProductId"],
        "{name}": "green",
    }
    checked = 0
    for template, operations in document["paths"].items():
        if {"data", "insights"}.isdisjoint(operations.get("get", {}).get("tags", ())):
            continue
        path = template
        for name, value in ids.items():
            path = path.replace(name, value)
        answer = await api.get(path, headers=headers)
        assert answer.status_code == 200, path
        schema = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), schema | {"components": document["components"]})
        checked += 1
    assert checked == 10
