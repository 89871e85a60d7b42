"""What is refused, and that each dialect says it in its own way."""

from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from pymongo import AsyncMongoClient

from backend.emulator.app import create_world_server
from backend.kernel import clock
from backend.kernel.clock import stopped_at
from tests.backend.emulator.openbanking.conftest import PEOPLE
from tests.backend.emulator.openbanking.parties import CLIENT, SECRET

BANKS = ("green-bank", "havel-bank", "severn-bank", "otso-bank")
SPOKEN = {
    "green-bank": lambda body: body["code"],
    "havel-bank": lambda body: body["tppMessages"][0]["code"],
    "severn-bank": lambda body: body["Errors"][0]["ErrorCode"],
    "otso-bank": lambda body: body["type"] + "/" + body["message"].partition(":")[0],
}
# What a bank answers: status and word, in the order of BANKS.
SAID = {
    "nobody": (
        (401, "token-missing"), (401, "TOKEN_UNKNOWN"), (401, "UK.OBIE.Header.Missing"),
        (401, "SECURITY/TOKEN_MISSING"),
    ),
    "stranger": (
        (401, "token-unknown"), (401, "TOKEN_UNKNOWN"), (401, "UK.OBIE.Header.Invalid"),
        (401, "SECURITY/TOKEN_UNKNOWN"),
    ),
    "stale": (
        (401, "token-expired"), (401, "TOKEN_EXPIRED"), (401, "UK.OBIE.Header.Invalid"),
        (401, "SECURITY/TOKEN_EXPIRED"),
    ),
    "revoked": (
        (403, "consent-invalid"), (401, "CONSENT_INVALID"), (403, "UK.OBIE.Resource.InvalidConsentStatus"),
        (403, "SECURITY/CONSENT_INVALID"),
    ),
    "run out": (
        (403, "consent-expired"), (401, "CONSENT_EXPIRED"), (403, "UK.OBIE.Resource.InvalidConsentStatus"),
        (403, "SECURITY/CONSENT_EXPIRED"),
    ),
    "not authenticated": (
        (403, "authentication-expired"), (401, "CONSENT_EXPIRED"), (403, "UK.OBIE.Reauthenticate"), None,
    ),
    "no account": (
        (404, "account-unknown"), (404, "RESOURCE_UNKNOWN"), (404, "UK.OBIE.Resource.NotFound"),
        (404, "BUSINESS/ACCOUNT_UNKNOWN"),
    ),
    "no consent": (
        (404, "consent-unknown"), (403, "CONSENT_UNKNOWN"), (404, "UK.OBIE.Resource.NotFound"),
        (404, "BUSINESS/CONSENT_UNKNOWN"),
    ),
    "no permission": (
        (403, "permission-missing"), (401, "CONSENT_INVALID"), (403, "UK.OBIE.Resource.ConsentMismatch"), None,
    ),
    "too often": (
        (429, "reads-exceeded"), (429, "ACCESS_EXCEEDED"), (429, "UK.EMULATOR.AccessExceeded"),
        (429, "BUSINESS/READS_EXCEEDED"),
    ),
    "no database": (
        (503, "unavailable"), (503, "SERVICE_UNAVAILABLE"), (503, "UK.OBIE.UnexpectedError"),
        (503, "TECHNICAL/UNAVAILABLE"),
    ),
    "unknown parameter": (
        (400, "parameter-unknown"), (400, "PARAMETER_NOT_SUPPORTED"), (400, "UK.OBIE.Field.Unexpected"),
        (400, "VALIDATION/PARAMETER_UNKNOWN"),
    ),
    "nothing there": (
        (404, "not-found"), (404, "RESOURCE_UNKNOWN"), (404, "UK.OBIE.Resource.NotFound"),
        (404, "BUSINESS/NOT_FOUND"),
    ),
    "no such way": (
        (405, "method-unknown"), (405, "SERVICE_INVALID"), (405, "UK.OBIE.UnexpectedError"),
        (405, "VALIDATION/METHOD_UNKNOWN"),
    ),
}  # fmt: skip


def cases(name):
    return pytest.mark.parametrize(
        ("bank", "said"), [(bank, said) for bank, said in zip(BANKS, SAID[name], strict=True) if said]
    )


def check(bank, response, said):
    assert response.status_code == said[0], response.text
    assert SPOKEN[bank](response.json()) == said[1]
    assert response.headers["cache-control"] == "no-store"


@cases("nobody")
async def test_nobody_is_told_to_bring_a_token(street, bank, said):
    api = await street.api(bank)
    response = await api.get(api.accounts)
    check(bank, response, said)
    assert response.headers["www-authenticate"] == "Bearer"


@cases("stranger")
async def test_a_token_of_another_bank_opens_nothing(street, bank, said):
    other = await street.connected("mongodb-bank" if bank != "mongodb-bank" else "green-bank")
    api = await street.api(bank)
    check(bank, await api.get(api.accounts, token=other.token), said)
    check(bank, await api.get(api.accounts, token="0" * 64), said)


@cases("stale")
async def test_a_token_lives_for_ten_minutes(street, bank, said):
    api = await street.connected(bank)
    with stopped_at(clock.now() + timedelta(minutes=9)):
        assert (await api.get(api.accounts)).status_code == 200
    with stopped_at(clock.now() + timedelta(minutes=10, seconds=1)):
        check(bank, await api.get(api.accounts), said)


@cases("revoked")
async def test_what_the_customer_took_back_is_refused(street, bank, said):
    customer = await street.customer(bank)
    api = await (await street.api(bank)).connects(customer)
    page = await customer.logs_in(await customer.opens("/permissions"))
    action = f"/permissions/{api.consent_id}/revoke"
    hidden = page.text[page.text.index(action) :].split('name="csrf" value="')[1].partition('"')[0]
    await customer.http.post(action, data={"csrf": hidden}, headers={"Sec-Fetch-Site": "same-origin"})
    check(bank, await api.get(api.accounts), said)


@cases("revoked")
async def test_what_the_third_party_ended_is_over(street, bank, said):
    api = await street.connected(bank)
    own = await api.own_token()
    ended = await api.call("DELETE", f"{api.consents}/{api.consent_id}", token=own)
    assert (ended.status_code, ended.content) == (204, b"")
    check(bank, await api.get(api.accounts), said)
    again = await api.call("DELETE", f"{api.consents}/{api.consent_id}", token=own)
    assert again.status_code in (400, 409)


WISH_FOR_A_DAY = {
    "green-bank": lambda until: {"validUntil": until.isoformat()},
    "havel-bank": lambda until: {"validUntil": until.date().isoformat()},
    "severn-bank": lambda until: {
        "Data": {"Permissions": ["ReadAccountsBasic"], "ExpirationDateTime": until.isoformat()}
    },
    "otso-bank": lambda until: {"expires": until.isoformat()},
}


@cases("run out")
async def test_a_consent_runs_out(street, bank, said):
    until = clock.now() + timedelta(days=1)
    api = await street.connected(bank, **WISH_FOR_A_DAY[bank](until))
    with stopped_at(clock.now() + timedelta(days=3)):
        check(bank, await api.get(api.accounts), said)


OPEN_ENDED = {"green-bank": {}, "havel-bank": {"validUntil": "9999-12-31"}, "severn-bank": {}}


@cases("not authenticated")
async def test_strong_authentication_lasts_180_days(street, bank, said):
    api = await street.api(bank)
    await api.asks(**OPEN_ENDED[bank])
    answer = await (await street.customer(bank)).chooses_all(await api.link())
    refresh = {"grant_type": "refresh_token", "refresh_token": (await api.redeems(answer["code"]))["refresh_token"]}
    with stopped_at(clock.now() + timedelta(days=179, hours=23)):
        fresh = await api.http.post("/oauth/token", data=refresh, auth=(CLIENT, SECRET))
        assert fresh.status_code == 200, fresh.text
        assert (await api.get(api.accounts, token=fresh.json()["access_token"])).status_code == 200
    with stopped_at(clock.now() + timedelta(days=180, minutes=1)):
        check(bank, await api.get(api.accounts, token=fresh.json()["access_token"]), said)
        assert (await api.http.post("/oauth/token", data=refresh, auth=(CLIENT, SECRET))).status_code == 400


@cases("no account")
async def test_an_account_that_was_not_chosen_does_not_exist(street, bank, said):
    api = await street.api(bank)
    await api.asks()
    customer = await street.customer(bank)
    link = await api.link()
    offered = [each for each in await customer.offered(link) if each.startswith("acc_")]
    await api.redeems((await customer.approves(link, offered[:1]))["code"])
    for unknown in (offered[1], "acc_" + "0" * 32, "%00", "x"):
        check(bank, await api.get(api.transactions_of(unknown)), said)
    assert (await api.get(api.transactions_of(offered[0]))).status_code == 200


@cases("no consent")
async def test_a_token_of_the_third_party_itself_reads_no_accounts(street, bank, said):
    api = await street.api(bank)
    check(bank, await api.get(api.accounts, token=await api.own_token()), said)


@cases("no consent")
async def test_a_consent_of_another_third_party_is_not_told(street, bank, said):
    api = await street.connected(bank)
    form = {"grant_type": "client_credentials", "scope": api.scope}
    answer = await api.http.post("/oauth/token", data=form, auth=("curl", "curl-secret-published-for-tests"))
    headers = {"x-api-key": "curl-api-key"} if bank == "otso-bank" else {}
    path = f"{api.consents}/{api.consent_id}"
    for method in ("GET", "DELETE"):
        check(bank, await api.call(method, path, token=answer.json()["access_token"], headers=headers), said)


NARROW = {
    "green-bank": {"permissions": ["accounts"]},
    "havel-bank": {"access": {"availableAccounts": "allAccounts"}},
    "severn-bank": {"Data": {"Permissions": ["ReadAccountsBasic"]}},
}


@cases("no permission")
async def test_what_was_not_asked_for_is_not_shown(street, bank, said):
    api = await street.connected(bank, **NARROW[bank])
    listed = await api.read(api.accounts)
    assert "alance" not in str(listed)
    account = next(each.id for each in street.world.personas[PEOPLE[bank]].accounts if each.bank == bank)
    check(bank, await api.get(api.transactions_of(account)), said)


@cases("unknown parameter")
async def test_an_unknown_parameter_is_refused_and_counts_nothing(street, bank, said):
    api = await street.connected(bank)
    for _ in range(6):
        check(bank, await api.get(f"{api.accounts}?colour=green", is_attended=False), said)
    assert (await api.get(api.accounts, is_attended=False)).status_code == 200


@cases("nothing there")
async def test_an_address_with_nothing_behind_it_is_told_in_the_dialect(street, bank, said):
    api = await street.api(bank)
    check(bank, await api.get(f"{api.accounts.rpartition('/')[0]}/nothing"), said)


@cases("no such way")
async def test_accounts_cannot_be_written(street, bank, said):
    api = await street.api(bank)
    check(bank, await api.call("PUT", api.accounts), said)


async def test_berlin_group_wants_its_headers(street):
    api = await street.connected("havel-bank")
    for headers, said in (
        ({"X-Request-ID": None}, (400, "FORMAT_ERROR")),
        ({"X-Request-ID": "1"}, (400, "FORMAT_ERROR")),
        ({"Consent-ID": None}, (400, "FORMAT_ERROR")),
        ({"Consent-ID": "another"}, (403, "CONSENT_UNKNOWN")),
        ({"PSU-IP-Address": "the kitchen"}, (400, "FORMAT_ERROR")),
    ):
        check("havel-bank", await api.get(api.accounts, is_attended=False, headers=headers), said)
    assert (await api.get(api.accounts)).status_code == 200


async def test_berlin_group_gives_the_request_id_back(street):
    api = await street.api("havel-bank")
    mark = "5d9bd6bd-7b7a-4a55-a1a8-8e7b1b2a3c4d"
    assert (await api.get(api.accounts, headers={"X-Request-ID": mark})).headers["x-request-id"] == mark


async def test_op_wants_the_api_key(street):
    api = await street.connected("otso-bank")
    for key in (None, "", "curl-api-key"):
        check("otso-bank", await api.get(api.accounts, headers={"x-api-key": key}), (401, "SECURITY/KEY_INVALID"))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"access": {}}, "FORMAT_ERROR"),
        ({"access": {"allPsd2": "some"}}, "FORMAT_ERROR"),
        ({"access": {"allPsd2": "allAccounts", "accounts": []}}, "FORMAT_ERROR"),
        ({"access": {"balances": [{"iban": 5}]}}, "FORMAT_ERROR"),
        ({"access": {"balances": [{"iban": "DE1"}], "transactions": []}}, "FORMAT_ERROR"),
        ({"access": {"payments": []}}, "FORMAT_ERROR"),
        ({"recurringIndicator": "yes"}, "FORMAT_ERROR"),
        ({"recurringIndicator": False}, "FORMAT_ERROR"),
        ({"frequencyPerDay": 0}, "FORMAT_ERROR"),
        ({"frequencyPerDay": 1.5}, "FORMAT_ERROR"),
        ({"validUntil": "tomorrow"}, "FORMAT_ERROR"),
        ({"validUntil": "2020-01-01"}, "PERIOD_INVALID"),
    ],
)
async def test_berlin_group_refuses_consents_it_cannot_keep(street, changed, code):
    api = await street.api("havel-bank")
    response = await api.call("POST", api.consents, json=api.wish() | changed, token=await api.own_token())
    check("havel-bank", response, (400, code))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"Permissions": []},
        {"Permissions": ["ReadEverything"]},
        {"Permissions": ["ReadBalances"]},
        {"Permissions": ["ReadAccountsBasic", "ReadAccountsBasic"]},
        {"Permissions": ["ReadAccountsBasic", "ReadTransactionsBasic"]},
        {"Permissions": ["ReadAccountsBasic", "ReadTransactionsCredits"]},
        {"Permissions": ["ReadAccountsBasic"], "ExpirationDateTime": "2020-01-01T00:00:00+00:00"},
        {"Permissions": ["ReadAccountsBasic"], "ExpirationDateTime": "never"},
    ],
)
async def test_uk_refuses_consents_it_cannot_keep(street, data):
    api = await street.api("severn-bank")
    body = {"Data": data, "Risk": {}}
    response = await api.call("POST", api.consents, json=body, token=await api.own_token())
    assert response.status_code == 400, response.text
    assert response.json()["Errors"][0]["ErrorCode"].startswith("UK.OBIE.Field.")


@pytest.mark.parametrize(
    "changed",
    [
        {"expires": None},
        {"transactionFrom": "2026-01-01T00:00:00Z"},
        {"expires": "2099-01-01T00:00:00Z"},
        {"expires": "2020-01-01T00:00:00Z"},
        {"expires": None, "transactionFrom": "2010-01-01T00:00:00Z", "transactionTo": "2026-01-01T00:00:00Z"},
        {"expires": None, "transactionTo": "2026-01-01T00:00:00Z"},
    ],
)
async def test_op_refuses_authorizations_it_cannot_keep(street, changed):
    api = await street.api("otso-bank")
    response = await api.call("POST", api.consents, json=api.wish() | changed, token=await api.own_token())
    assert (response.status_code, response.json()["type"]) == (400, "VALIDATION")


@pytest.mark.parametrize("bank", BANKS)
@pytest.mark.parametrize("body", [b"", b"[]", b'{"a":1,"a":2}', b"{", b"\xff", b"x" * 70_000])
async def test_a_body_that_is_no_object_is_refused(street, bank, body):
    api = await street.api(bank)
    response = await api.call("POST", api.consents, content=body, token=await api.own_token())
    assert response.status_code == 400
    assert SPOKEN[bank](response.json())


async def test_at_an_unknown_host_all_banks_are_shown(street):
    transport = httpx2.ASGITransport(app=street.server)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8004") as http:
        page = await http.get("/")
        assert page.status_code == 200
        for bank in street.world.banks.values():
            assert f'href="http://{bank.host}:8004/"' in page.text
            assert bank.name in page.text
        assert (await http.get("/v1/accounts")).status_code == 404
        assert (await http.get("/style.css")).status_code == 200


async def test_a_banks_books_end_at_its_door(street):
    account = next(each for each in street.world.personas["fridaklo"].accounts if each.bank == "mongodb-bank")
    books = street.server.books
    assert (await books.account("mongodb-bank", account.id)).number == account.number
    assert await books.account("green-bank", account.id) is None
    assert await books.accounts("green-bank", [account.id]) == []


@cases("no database")
async def test_without_its_database_a_bank_asks_for_patience(street, mongo_server, bank, said):
    # A replica set of another name is one without a primary.
    another = mongo_server.admin_uri.replace("replicaSet=", "replicaSet=another-")
    nowhere = AsyncMongoClient(another, serverSelectionTimeoutMS=50)
    server = create_world_server(replace(street.ground, oauth_database=nowhere["nowhere"], faults=None), port=8004)
    transport = httpx2.ASGITransport(app=server)
    api = await street.api(bank)
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{bank}.localhost:8004") as api.http:
        response = await api.get(api.accounts, token="0" * 64)
    check(bank, response, said)
    assert response.headers["retry-after"] == "5"
    await nowhere.close()
