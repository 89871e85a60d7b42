import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest

from backend.emulator.ledger import schema
from backend.emulator.ledger.api import create_ledger_app
from backend.emulator.ledger.callers import SignedOwner, owner_token
from backend.kernel.errors import InvalidInput
from backend.kernel.ids import KeyedHash
from tests.backend.emulator.ledger.builders import FRIDA, GRACE, eur

HASHES = KeyedHash(b"k" * 32)
NOWHERE = "acc_" + "0" * 32


@pytest.fixture
def as_(platform):
    """A client of the API who is logged in as somebody, or as nobody."""

    @asynccontextmanager
    async def client(owner, **options):
        app = create_ledger_app(platform, SignedOwner(HASHES), bank="green-bank", is_relaying=False, **options)
        headers = {"Authorization": f"Bearer {owner_token(HASHES, owner)}"} if owner else {}
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://bank", headers=headers) as http:
            yield http

    return client


@pytest.fixture
async def frida(as_):
    async with as_(FRIDA) as http:
        yield http


@pytest.fixture
async def account(platform, opened):
    """Frida's account with 100.00, known to all services."""
    found = await opened("100")
    await platform.settle()
    return found


async def outcome(platform, http, answer):
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    await platform.settle()
    return (await http.get(f"/operation-status/{answer.json()['operationId']}")).json()


async def test_an_account_lives_from_opening_to_closing(platform, frida, audited):
    opened = await frida.post("/accounts", json={"name": "Savings", "currency": "EUR"})
    account = opened.json()["accountId"]
    assert opened.status_code == 201
    assert opened.json().items() >= {
        "message": "Account created successfully", "userId": FRIDA, "name": "Savings", "currency": "EUR",
        "status": "active",
    }.items()  # fmt: skip
    await platform.settle()
    body = {"accountId": account, "amount": "10.50"}
    ended = await outcome(platform, frida, await frida.post("/deposit", json=body))
    assert ended.items() >= {"status": "completed", "type": "deposit", "amount": "10.50", "currency": "EUR"}.items()
    assert ended["completedAt"] >= ended["createdAt"]
    closing = await frida.put(f"/accounts/{account}/close")
    assert (closing.status_code, closing.json()["type"]) == (409, "urn:openfinance:problem:account-not-empty")
    await outcome(platform, frida, await frida.post("/withdraw", json=body))
    closing = await frida.put(f"/accounts/{account}/close", json={"reason": "moving"})
    assert closing.json() == {"message": "Account closed successfully", "accountId": account}
    assert (await frida.put(f"/accounts/{account}/close")).status_code == 409
    shown = (await frida.get(f"/accounts/{account}")).json()
    assert shown["status"] == "closed"
    assert shown["closedAt"]
    await audited()
    assert (await frida.get("/balances")).json() == {"balances": []}
    refused = await frida.post("/deposit", json=body)
    assert (refused.status_code, refused.json()["message"]) == (
        400, "Account not found, not owned by user, or not active"
    )  # fmt: skip


async def test_amounts_are_read_exactly_from_text_and_numbers_and_told_as_text(platform, frida, account):
    for amount in ('"0.10"', "0.1", "0.10", "1", "1.00"):
        body = f'{{"accountId": "{account}", "amount": {amount}}}'
        headers = {"Content-Type": "application/json"}
        await outcome(platform, frida, await frida.post("/deposit", content=body, headers=headers))
    balance = (await frida.get(f"/balances/{account}")).json()
    assert (
        balance.items()
        >= {"accountId": account, "accountName": "Everyday", "balance": "102.30", "currency": "EUR"}.items()
    )
    for amount in ("1e1", "NaN", '"1e1"', "0.001", "-1", "0", "null", "true", '"1,00"', "1000000.01", "9" * 5000):
        body = f'{{"accountId": "{account}", "amount": {amount}}}'
        answer = await frida.post("/deposit", content=body, headers=headers)
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "VALIDATION_ERROR"
    assert (await frida.post("/withdraw", json={"accountId": account, "amount": "0.99"})).status_code == 400


async def test_a_withdrawal_without_cover_fails_and_says_why(platform, frida, account):
    ended = await outcome(platform, frida, await frida.post("/withdraw", json={"accountId": account, "amount": 101}))
    assert (ended["status"], ended["errorMessage"]) == ("failed", "Insufficient funds")


async def test_a_transfer_moves_any_amount_and_tells_both_sides(platform, frida, as_, account, opened):
    hers = await opened(owner=GRACE)
    rich = await opened("5000")
    await platform.settle()
    body = {
        "account_id_sender": rich, "account_id_receiver": hers, "transaction_amount": 750.25,
        "sender_user_id": "somebody",
    }  # fmt: skip
    answer = await frida.post("/perform-account-transfer", json=body)
    assert (await outcome(platform, frida, answer))["status"] == "completed"
    payment = await frida.post("/perform-digital-payment", json=body | {"payment_method": "Zelle"})
    assert (await outcome(platform, frida, payment))["status"] == "completed"
    assert (await frida.post("/perform-digital-payment", json=body | {"payment_method": "N/A"})).status_code == 400
    async with as_(GRACE) as grace:
        received = (await grace.get(f"/transactions/{hers}")).json()["transactions"]
        assert [(each["amount"], each["balance"]) for each in received] == [("750.25", "1500.50"), ("750.25", "750.25")]
        assert received[1]["id"] == answer.json()["transaction_id"]
        told = (await grace.get("/notifications")).json()["notifications"]
        assert {each["NotificationEvent"] for each in told} == {"TransferReceived", "PaymentReceived"}
        stolen = await grace.post("/perform-account-transfer", json=body)
        assert stolen.json()["type"] == "urn:openfinance:problem:account-unusable"


async def test_transactions_come_newest_first_in_true_pages(platform, frida, ledger, account):
    for amount in ("1", "2", "3"):
        await ledger.withdraw(account, eur(amount))
    await platform.settle()
    first = (await frida.get(f"/transactions/{account}?limit=2")).json()
    await ledger.deposit(account, eur("9"))  # what is booked meanwhile moves nothing in the pages that follow
    await platform.settle()
    second = (await frida.get(f"/transactions/{account}?limit=2&before={first['before']}")).json()
    assert [each["amount"] for each in first["transactions"] + second["transactions"]] == [
        "-3.00",
        "-2.00",
        "-1.00",
        "100.00",
    ]
    assert "before" not in second


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/accounts/{account}", None),
        ("PUT", "/accounts/{account}/close", None),
        ("POST", "/deposit", {"accountId": "{account}", "amount": "1"}),
        ("POST", "/withdraw", {"accountId": "{account}", "amount": "1"}),
        ("GET", "/operation-status/{operation}", None),
        ("GET", "/transactions/{account}", None),
        ("GET", "/balances/{account}", None),
    ],
)
async def test_nobody_is_sent_to_log_in_and_a_stranger_finds_nothing(platform, as_, frida, account, method, path, body):
    operation = (await frida.post("/deposit", json={"accountId": account, "amount": "1"})).json()["operationId"]
    await platform.settle()
    path = path.format(account=account, operation=operation)
    body = {name: value.format(account=account) for name, value in body.items()} if body else None
    async with as_(None) as nobody, as_(GRACE) as stranger:
        assert (await nobody.request(method, path, json=body)).status_code == 401
        refused = await stranger.request(method, path, json=body)
        # The platform this continues answers 400 where an account is to be used.
        assert refused.status_code == (400 if body else 404)
        # A stranger cannot tell a foreign account from one that is not there.
        other = path.replace(account, NOWHERE).replace(operation, "9b2d7f0e-0f0f-4f0f-8f0f-0f0f0f0f0f0f")
        absent = await stranger.request(method, other, json=body and body | {"accountId": NOWHERE})
        assert {**absent.json(), "timestamp": 0} == {**refused.json(), "timestamp": 0}
    assert (await frida.request(method, path, json=body)).status_code in (200, 202, 409)


async def test_lists_are_of_the_callers_own(as_, account):
    async with as_(None) as nobody, as_(GRACE) as stranger:
        for path in ("/accounts", "/balances", "/notifications"):
            assert (await nobody.get(path)).status_code == 401
            assert (await stranger.get(path)).json() == {path[1:]: []}
        forged = {"Authorization": f"Bearer {FRIDA}.{'0' * 32}"}
        assert (await nobody.get("/accounts", headers=forged)).status_code == 401


async def test_of_50_parallel_requests_with_one_key_one_is_done_and_all_get_its_answer(
    platform, frida, account, audited
):
    body, key = {"accountId": account, "amount": "10"}, {"Idempotency-Key": "k-1"}
    answers = await asyncio.gather(*(frida.post("/deposit", json=body, headers=key) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotency-Hit" not in answer.headers for answer in answers) == 1
    assert {answer.headers.get("Idempotency-Hit", "true") for answer in answers} == {"true"}
    await audited()
    assert (await frida.get(f"/balances/{account}")).json()["balance"] == "110.00"


async def test_a_key_with_another_body_or_address_is_refused_and_is_the_owners_own(
    frida, as_, account, opened, platform
):
    hers, key = await opened(owner=GRACE), {"Idempotency-Key": "k-1"}
    await platform.settle()
    first = await frida.post("/deposit", json={"accountId": account, "amount": "10"}, headers=key)
    for path, amount in (("/deposit", "11"), ("/withdraw", "10")):
        answer = await frida.post(path, json={"accountId": account, "amount": amount}, headers=key)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:openfinance:problem:idempotency-key-reused")
    async with as_(GRACE) as grace:
        answer = await grace.post("/deposit", json={"accountId": hers, "amount": "10"}, headers=key)
        assert (answer.status_code, "Idempotency-Hit" in answer.headers) == (202, False)
    odd = await frida.post("/deposit", json={"accountId": account, "amount": "1"}, headers={"Idempotency-Key": "a b"})
    assert odd.status_code == 422
    again = await frida.post("/deposit", json={"accountId": account, "amount": "10"}, headers=key)
    assert (again.json(), again.headers["Idempotency-Hit"]) == (first.json(), "true")


async def test_keys_hold_for_opening_and_closing_too_and_a_refusal_leaves_the_key_unused(
    platform, frida, account, ledger
):
    body, key = {"name": "Second", "currency": "EUR"}, {"Idempotency-Key": "open"}
    answers = await asyncio.gather(*(frida.post("/accounts", json=body, headers=key) for _ in range(10)))
    assert len({answer.json()["accountId"] for answer in answers}) == 1
    assert await platform.database[schema.ACCOUNTS].count_documents({}) == 2
    closing = {"Idempotency-Key": "close"}
    assert (await frida.put(f"/accounts/{account}/close", headers=closing)).status_code == 409
    await ledger.withdraw(account, eur("100"))
    for hit in (None, "true"):
        answer = await frida.put(f"/accounts/{account}/close", headers=closing)
        assert (answer.status_code, answer.headers.get("Idempotency-Hit")) == (200, hit)


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"name":"abc","name":"abd","currency":"EUR"}', b'{"name":"ab","currency":"EUR"}', b"[]", b"\xff",
     b'{"name":"abc","currency":"eur"}', b'{"name":"abc","currency":"XXX"}', b'{"name":"abc","currency":"ZZZ"}',
     b'{"name":"\\ud800bc","currency":"EUR"}', b'{"name":"abc","currency":"EUR","more":1}',
     b"[" * 60_000, b"1" * 70_000],
)  # fmt: skip
async def test_what_is_no_good_is_answered_with_a_problem_that_does_not_repeat_it(frida, body):
    answer = await frida.post("/accounts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() >= {"type", "title", "status", "detail", "message", "code", "timestamp"}
    assert "abd" not in answer.text


async def test_each_service_has_its_own_routes(as_):
    async with as_(FRIDA, services=["query"]) as http:
        assert (await http.get("/balances")).status_code == 200
        assert (await http.get("/accounts")).status_code == 404
        assert (await http.get("/health")).json() == {"status": "healthy"}
    with pytest.raises(InvalidInput):
        async with as_(FRIDA, services=["cards"]):
            pass
