"""The routes older front ends call: their replies as they were, and closed to everybody but the owner."""

import base64
import json
import re
from decimal import Decimal

import pytest
from bson import ObjectId
from bson.decimal128 import Decimal128

from tests.backend.api.conftest import PASSWORD
from tests.builders import account, person, product
from tests.sample import GOLDEN, PEOPLE

PUBLIC = "/api/v1/openfinance/public"
SECURE = "/api/v1/openfinance/secure"
HOUSE = "/api/v1/leafybank"
FETCH = {
    "accounts": f"{SECURE}/fetch-external-accounts-for-user/",
    "products": f"{SECURE}/fetch-external-products-for-user/",
}
FETCH_AT = {
    "accounts": f"{SECURE}/fetch-external-accounts-for-user-and-institution/",
    "products": f"{SECURE}/fetch-external-products-for-user-and-institution/",
}
BALANCE, DEBT = f"{SECURE}/calculate-total-balance-for-user/", f"{SECURE}/calculate-total-debt-for-user/"
HOUSE_PATHS = [
    f"{HOUSE}/accounts/secure/fetch-accounts-for-user",
    f"{HOUSE}/users/secure/find-user",
    f"{HOUSE}/transactions/secure/fetch-recent-transactions-for-user",
]


def _basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def _ids(api, headers, what, name):
    answer = await api.get(FETCH[what], headers=headers, params={"user_identifier": name})
    return [each["_id"] for each in answer.json()[what]]


async def test_the_server_says_that_it_runs_as_older_front_ends_expect(api):
    assert (await api.get("/")).text == '{"message":"Server is running"}'


@pytest.mark.parametrize("name", PEOPLE)
async def test_the_totals_of_each_sample_user_are_the_golden_ones_as_plain_numbers(api, sample, name):
    headers, user_id = sample[name], str(PEOPLE[name])
    accounts, products = [await _ids(api, headers, what, name) for what in ("accounts", "products")]
    balance = await api.post(
        BALANCE, headers=headers, json={"user_id": user_id, "connected_external_accounts": accounts}
    )
    debt = await api.post(DEBT, headers=headers, json={"user_id": user_id, "connected_external_products": products})
    assert balance.text == f'{{"total_balance":{GOLDEN[name][0]}}}'
    assert debt.text == f'{{"total_debt":{GOLDEN[name][1]}}}'


async def test_what_is_not_connected_does_not_count(api, sample):
    headers, user_id = sample["fridaklo"], str(PEOPLE["fridaklo"])
    for nothing in (None, []):
        balance = await api.post(
            BALANCE, headers=headers, json={"user_id": user_id, "connected_external_accounts": nothing}
        )
        debt = await api.post(DEBT, headers=headers, json={"user_id": user_id, "connected_external_products": nothing})
        assert (balance.json(), debt.json()) == ({"total_balance": 4625}, {"total_debt": 0})


async def test_an_account_has_the_fields_and_formats_of_the_seed(api, sample):
    for identifier in ("fridaklo", str(PEOPLE["fridaklo"]), str(PEOPLE["fridaklo"]).upper()):
        answer = await api.get(FETCH["accounts"], headers=sample["fridaklo"], params={"user_identifier": identifier})
        accounts = {each["AccountNumber"]: each for each in answer.json()["accounts"]}
        assert set(accounts) == {"204515807", "324968983", "255510953"}
        green = accounts["204515807"]
        assert set(green) == {
            "_id", "AccountNumber", "AccountBank", "AccountStatus", "AccountIdentificationType", "AccountType",
            "AccountBalance", "AccountCurrency", "AccountDate", "AccountUser", "GreenAccountNarrative",
        }  # fmt: skip
        assert re.fullmatch("[0-9a-f]{24}", green["_id"])
        assert green["AccountBalance"] == 7825
        assert green["AccountDate"]["OpeningDate"].startswith("2024-03-17T")
        assert green["AccountUser"] == {"UserName": "fridaklo", "UserId": str(PEOPLE["fridaklo"])}
        assert "MDBAccountNarrative" in accounts["255510953"]
        assert '"AccountBalance":7825' in answer.text.replace(" ", "")


async def test_a_product_has_the_fields_and_formats_of_the_seed(api, sample):
    answer = await api.get(FETCH["products"], headers=sample["fridaklo"], params={"user_identifier": "fridaklo"})
    products = {each["ProductId"]: each for each in answer.json()["products"]}
    assert set(products) == {"1784", "3463"}
    loan, mortgage = products["1784"], products["3463"]
    common = {
        "_id", "ProductId", "ProductBank", "ProductStatus", "ProductType", "ProductAmount", "ProductCurrency",
        "ProductInterestRate", "ProductDate", "ProductCustomer",
    }  # fmt: skip
    assert set(loan) == common | {"GreenProductNarrative", "RepaymentPeriod", "LoanCollateral"}
    assert set(mortgage) == common | {"MDBProductNarrative", "AmortizationPeriod", "PropertyDetails"}
    assert (loan["ProductAmount"], loan["ProductInterestRate"], loan["RepaymentPeriod"]) == (10700, 3.75, 12)
    assert mortgage["PropertyDetails"]["PropertyValue"] == 91719
    assert isinstance(mortgage["PropertyDetails"]["Address"], str)


@pytest.mark.parametrize("what", FETCH_AT)
async def test_things_at_one_bank_and_never_those_of_the_house_bank(api, sample, what):
    counts = {"Green Bank": {"accounts": 2, "products": 1}, "LeafyBank": {"accounts": 0, "products": 0}}
    for bank, expected in counts.items():
        query = {"user_identifier": "fridaklo", "institution_name": bank}
        answer = await api.get(FETCH_AT[what], headers=sample["fridaklo"], params=query)
        assert len(answer.json()[what]) == expected[what]


async def test_an_amount_keeps_its_last_digit(api, signed_up, put):
    owner, headers = await signed_up("alice")
    exact = "123456789012345678.10"
    await put("external_accounts", account(owner, balance=exact), account(owner, balance="0.05"))
    answer = await api.get(FETCH["accounts"], headers=headers, params={"user_identifier": "alice"})
    numbers = {str(each["AccountBalance"]) for each in json.loads(answer.text, parse_float=Decimal)["accounts"]}
    assert numbers == {exact, "0.05"}
    ids = await _ids(api, headers, "accounts", "alice")
    body = {"user_id": str(owner["UserId"]), "connected_external_accounts": [*ids, *ids]}
    total = await api.post(BALANCE, headers=headers, json=body)
    assert total.text == '{"total_balance":123456789012345678.15}'


async def test_a_sum_longer_than_any_amount_is_still_exact(api, signed_up, put):
    owner, headers = await signed_up("alice")
    large, small = Decimal128("9" * 18 + "." + "9" * 16), Decimal128("0.0000000000000001")
    await put(
        "external_accounts",
        account(owner, bank="LeafyBank", AccountBalance=large),
        account(owner, bank="LeafyBank", AccountBalance=small),
    )
    body = {"user_id": str(owner["UserId"]), "connected_external_accounts": None}
    total = await api.post(BALANCE, headers=headers, json=body)
    assert total.text == '{"total_balance":1000000000000000000.0000000000000000}'


async def test_closed_and_missing_add_nothing_and_only_loans_and_mortgages_are_debt(api, signed_up, put):
    owner, headers = await signed_up("alice")
    accounts = [
        account(owner, balance="10"),
        account(owner, balance="5", status="Closed"),
        account(owner, balance=None),
        account(owner, bank="LeafyBank", balance="2", status="Closed", currency="EUR"),
        account(owner, bank="LeafyBank", balance="1"),
    ]
    products = [product(owner, amount="7", type=kind) for kind in ("Loan", "Mortgage", "TermDeposit")]
    await put("external_accounts", *accounts)
    await put("external_products", *products)
    user_id = str(owner["UserId"])
    body = {"user_id": user_id, "connected_external_accounts": [str(each["_id"]) for each in accounts]}
    assert (await api.post(BALANCE, headers=headers, json=body)).json() == {"total_balance": 11}
    body = {"user_id": user_id, "connected_external_products": [str(each["_id"]) for each in products]}
    assert (await api.post(DEBT, headers=headers, json=body)).json() == {"total_debt": 14}


async def test_several_currencies_are_a_conflict_not_a_sum(api, signed_up, put):
    owner, headers = await signed_up("alice")
    stored = [account(owner, balance="1"), account(owner, balance="1", currency="EUR")]
    await put("external_accounts", *stored)
    body = {
        "user_id": str(owner["UserId"]),
        "connected_external_accounts": [str(each["_id"]) for each in stored],
    }
    answer = await api.post(BALANCE, headers=headers, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    body["connected_external_accounts"].pop()
    assert (await api.post(BALANCE, headers=headers, json=body)).json() == {"total_balance": 1}


@pytest.mark.parametrize(
    "listed", [["x"], ["acc_x"], [None], [{"$ne": None}], {"$ne": None}, "x", [1], ["0" * 24] * 1001, [["0" * 24]]]
)
async def test_ids_that_are_none_cannot_be_used(api, signed_up, listed):
    owner, headers = await signed_up("alice")
    for path, name in ((BALANCE, "connected_external_accounts"), (DEBT, "connected_external_products")):
        answer = await api.post(path, headers=headers, json={"user_id": str(owner["UserId"]), name: listed})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        missing = await api.post(path, headers=headers, json={"user_id": str(owner["UserId"])})
        assert missing.status_code == 422


async def test_ids_of_others_are_not_found_and_tell_nothing(api, signed_up, put):
    owner, headers = await signed_up("alice")
    mine, theirs = account(owner, balance="1"), account(person("bob"), balance="77")
    owed = product(person("bob"), amount="88")
    await put("external_accounts", mine, theirs)
    await put("external_products", owed)
    user_id = str(owner["UserId"])
    unknown = str(ObjectId())
    for each in (str(theirs["_id"]), unknown):
        body = {"user_id": user_id, "connected_external_accounts": [str(mine["_id"]), each]}
        answer = await api.post(BALANCE, headers=headers, json=body)
        assert answer.status_code == 404
        assert "77" not in answer.json()["detail"]
    for each in (str(owed["_id"]), unknown):
        body = {"user_id": user_id, "connected_external_products": [each]}
        assert (await api.post(DEBT, headers=headers, json=body)).status_code == 404


async def test_retrieving_answers_with_the_oldest_stored_and_adds_nothing(api, sample, services):
    headers, user_id = sample["fridaklo"], str(PEOPLE["fridaklo"])
    before = await services.store.collection("external_accounts").count_documents({})
    body = {"account_bank": "Green Bank", "user_name": "fridaklo", "user_id": user_id}
    first, second = [
        (await api.post(f"{SECURE}/retrieve-external-account-for-user", headers=headers, json=body)).json()
        for _ in range(2)
    ]
    assert first == second
    assert first["message"] == "External account retrieved for fridaklo."
    accounts = await api.get(FETCH["accounts"], headers=headers, params={"user_identifier": "fridaklo"})
    (found,) = [each for each in accounts.json()["accounts"] if each["_id"] == first["account_id"]]
    assert found["AccountNumber"] == "324968983"
    body = {"product_bank": "MongoDB Bank", "user_name": "fridaklo", "user_id": user_id}
    answer = await api.post(f"{SECURE}/retrieve-external-product-for-user", headers=headers, json=body)
    assert answer.json()["message"] == "External product retrieved for fridaklo."
    assert answer.json()["product_id"] in await _ids(api, headers, "products", "fridaklo")
    assert await services.store.collection("external_accounts").count_documents({}) == before


@pytest.mark.parametrize("bank", ["LeafyBank", "No Bank", "green bank "])
async def test_retrieving_from_a_bank_without_an_account_is_not_found(api, sample, bank):
    body = {"account_bank": bank, "user_name": "fridaklo", "user_id": str(PEOPLE["fridaklo"])}
    answer = await api.post(f"{SECURE}/retrieve-external-account-for-user", headers=sample["fridaklo"], json=body)
    assert answer.status_code == 404


async def test_the_token_says_whose_it_is(api, signed_up):
    _, headers = await signed_up("alice")
    answer = await api.post(f"{SECURE}/validate-token", headers=headers)
    assert answer.json() == {"message": "Bearer Token is valid for user: alice"}
    for bad in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Token x"}):
        assert (await api.post(f"{SECURE}/validate-token", headers=bad)).status_code == 401


async def test_a_stranger_is_not_found_on_every_route(api, signed_up):
    owner, _ = await signed_up("alice")
    _, strangers = await signed_up("bob")
    user_id = str(owner["UserId"])
    for identifier in ("alice", user_id, "nobody", '{"$ne":null}'):
        for path in (*FETCH.values(), *FETCH_AT.values(), f"{PUBLIC}/get-authorization"):
            query = {"user_identifier": identifier}
            if path in FETCH_AT.values():
                query["institution_name"] = "Green Bank"
            assert (await api.get(path, headers=strangers, params=query)).status_code == 404
            assert (await api.get(path, params=query)).status_code == 401
        for path in HOUSE_PATHS:
            body = {"user_identifier": identifier}
            assert (await api.post(path, headers=strangers, json=body)).status_code == 404
            assert (await api.post(path, json=body)).status_code == 401
    bodies = {
        BALANCE: {"user_id": user_id, "connected_external_accounts": []},
        DEBT: {"user_id": user_id, "connected_external_products": []},
        f"{SECURE}/retrieve-external-account-for-user": {
            "account_bank": "Green Bank", "user_name": "bob", "user_id": user_id,
        },
        f"{SECURE}/retrieve-external-product-for-user": {
            "product_bank": "Green Bank", "user_name": "bob", "user_id": user_id,
        },
    }  # fmt: skip
    for path, body in bodies.items():
        assert (await api.post(path, headers=strangers, json=body)).status_code == 404
        assert (await api.post(path, json=body)).status_code == 401


async def test_a_token_is_told_only_to_whoever_came_with_it(api, signed_up):
    owner, headers = await signed_up("alice")
    for identifier in ("alice", str(owner["UserId"])):
        answer = await api.get(f"{PUBLIC}/get-authorization", headers=headers, params={"user_identifier": identifier})
        assert answer.json() == {
            "message": "Authorization document retrieved successfully.",
            "UserName": "alice",
            "BearerToken": headers["Authorization"].removeprefix("Bearer "),
        }
        assert answer.headers["cache-control"] == "no-store"


async def test_name_and_password_open_a_new_session(api, signed_up, services):
    await signed_up("alice")
    await signed_up("zoë".replace("ë", "e"))
    query = {"user_identifier": "alice"}
    answer = await api.get(f"{PUBLIC}/get-authorization", headers=_basic("alice", PASSWORD), params=query)
    token = answer.json()["BearerToken"]
    assert re.fullmatch("[0-9a-f]{64}", token)
    mine = await api.get(FETCH["accounts"], headers={"Authorization": f"Bearer {token}"}, params=query)
    assert mine.json() == {"accounts": []}
    tokens = services.store.collection("tokens")
    before = await tokens.count_documents({"RevokedAt": None})
    for bad in (_basic("alice", "wrong password"), _basic("nobody", PASSWORD), _basic("alice", "x" * 5000)):
        assert (await api.get(f"{PUBLIC}/get-authorization", headers=bad, params=query)).status_code == 401
    for broken in ("Basic ****", "Basic /w==", "Basic", "Basic YWxpY2U="):
        headers = {"Authorization": broken}
        assert (await api.get(f"{PUBLIC}/get-authorization", headers=headers, params=query)).status_code == 401
    other = await api.get(f"{PUBLIC}/get-authorization", headers=_basic("zoe", PASSWORD), params=query)
    assert other.status_code == 404
    assert await tokens.count_documents({"RevokedAt": None}) == before


async def test_a_created_user_has_a_name_and_a_token_that_works(api, services):
    made = await api.post(f"{PUBLIC}/create-user")
    assert made.status_code == 201
    user = made.json()
    assert user["message"] == "User created successfully."
    assert re.fullmatch("api_user_[0-9a-f]{8}", user["UserName"])
    assert re.fullmatch("[0-9a-f]{64}", user["BearerToken"])
    headers = {"Authorization": f"Bearer {user['BearerToken']}"}
    answer = await api.get(FETCH["accounts"], headers=headers, params={"user_identifier": user["UserName"]})
    assert answer.json() == {"accounts": []}
    stored = await services.store.collection("tokens").find_one({"UserName": user["UserName"]})
    assert user["BearerToken"] not in str(stored)
    assert "PasswordHash" not in await services.store.collection("users").find_one({"UserName": user["UserName"]})


async def test_users_are_created_five_times_a_minute_at_most(api_with):
    client = await api_with(rate_limit_per_minute=1000)
    answers = [await client.post(f"{PUBLIC}/create-user") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [201] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_the_house_bank_answers_with_its_accounts_profile_and_transfers(api, sample):
    headers = sample["fridaklo"]
    body = {"user_identifier": "fridaklo"}
    accounts, user, recent = [(await api.post(path, headers=headers, json=body)).json() for path in HOUSE_PATHS]
    numbers = {each["AccountNumber"]: each for each in accounts["accounts"]}
    assert {number: each["AccountBalance"] for number, each in numbers.items()} == {
        "111199300": 1100,
        "828299311": 2975,
        "514624177": 550,
    }
    assert {each["AccountBank"] for each in numbers.values()} == {"LeafyBank"}
    profile = user["user"]
    assert profile["Name"] == {"FirstName": "Frida", "LastName": "Kahlo", "NamePrefix": "Ms."}
    assert profile["_id"] == str(PEOPLE["fridaklo"])
    assert profile["UserEmail"] == "fridaklo@example.com"
    assert sorted(profile["LinkedAccounts"]) == sorted(each["_id"] for each in numbers.values())
    assert not {"PasswordHash", "Roles", "LogIn"} & set(profile)
    transfers = recent["transactions"]
    assert transfers
    dates = [each["TransactionDates"][0]["TransactionDate"] for each in transfers]
    assert dates == sorted(dates, reverse=True)
    inner = [each for each in transfers if each["TransactionDetails"]["TransactionInternal"]]
    for each in inner:
        parties = each["TransactionReferenceData"]
        for side in ("TransactionSender", "TransactionReceiver"):
            assert parties[side]["AccountNumber"] in numbers
            assert parties[side]["AccountId"] == numbers[parties[side]["AccountNumber"]]["_id"]
    assert len({each["_id"] for each in transfers}) == len(transfers)
    assert all(each["TransactionAmount"] > 0 for each in transfers)


async def test_a_transfer_between_people_shows_both_the_same_document_but_no_foreign_ids(api, sample):
    seen = {}
    for name in PEOPLE:
        answer = await api.post(HOUSE_PATHS[2], headers=sample[name], json={"user_identifier": name})
        for each in answer.json()["transactions"]:
            seen.setdefault(each["_id"], {})[name] = each
    shared = [views for views in seen.values() if len(views) > 1]
    assert shared
    for views in shared:
        amounts = {view["TransactionAmount"] for view in views.values()}
        assert len(amounts) == 1
        for name, view in views.items():
            for party in view["TransactionReferenceData"].values():
                assert ("AccountId" in party) == (party["UserName"] == name)


@pytest.mark.parametrize("path", HOUSE_PATHS)
@pytest.mark.parametrize("body", [{}, {"user_identifier": None}, {"user_identifier": {"$ne": None}}, [], 1])
async def test_a_body_without_a_user_is_told(api, signed_up, path, body):
    _, headers = await signed_up("alice")
    answer = await api.post(path, headers=headers, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
