import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from backend.emulator.ledger import schema
from backend.emulator.ledger.callers import owner_token
from backend.emulator.ledger.platform import SERVICES
from backend.kernel.ids import KeyedHash
from tests.backend.emulator.ledger.builders import FRIDA
from tests.mongo import free_port

# LEDGER_KILLS=3 for a short version.
KILLS_OF_EACH = int(os.environ.get("LEDGER_KILLS", "10"))
SCRIPT = Path(__file__).with_name("service_process.py")
ROOT = SCRIPT.parents[4]


class Fleet:
    """The four services, each in its own process."""

    def __init__(self, uri, database):
        self.ports = {service: free_port() for service in SERVICES}
        self.processes = {}
        self._environment = os.environ | {"LEDGER_URI": uri, "LEDGER_DATABASE": database, "PYTHONPATH": str(ROOT)}

    def start(self, service):
        self.processes[service] = subprocess.Popen(
            [sys.executable, str(SCRIPT), service, str(self.ports[service])], env=self._environment
        )

    def kill(self, service):
        self.processes[service].kill()
        self.processes[service].wait()

    async def ready(self, service):
        async with httpx2.AsyncClient() as http, asyncio.timeout(60):
            while True:
                try:
                    await http.get(f"http://127.0.0.1:{self.ports[service]}/health")
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
                else:
                    return

    def address(self, service, path):
        return f"http://127.0.0.1:{self.ports[service]}{path}"


@pytest.fixture
async def fleet(platform, ledger_uri, ledger_name):
    fleet = Fleet(ledger_uri, ledger_name)
    for service in SERVICES:
        fleet.start(service)
    await asyncio.gather(*(fleet.ready(service) for service in SERVICES))
    yield fleet
    for service in SERVICES:
        fleet.kill(service)


@pytest.fixture
async def post(fleet):
    """Posts until there is an answer, always under the same key, as a careful client does."""
    headers = {"Authorization": f"Bearer {owner_token(KeyedHash(b'k' * 32), FRIDA)}"}
    async with httpx2.AsyncClient(headers=headers, timeout=10) as http:

        async def run(service, path, body, key):
            while True:
                try:
                    answer = await http.post(fleet.address(service, path), json=body, headers={"Idempotency-Key": key})
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code < 300:
                    return answer.json()
                # 400: banking has not heard of the account yet; 5xx: the service is on its way down.
                assert answer.status_code == 400 or answer.status_code >= 500
                await asyncio.sleep(0.05)

        yield run


async def customer(number, accounts, post, is_over):
    """Keeps depositing, withdrawing and transferring until it is over; the operations that were accepted."""
    chance = random.Random(number)  # noqa: S311 - not a secret
    accepted = []
    while not is_over.is_set():
        account, other = chance.sample(accounts, 2)
        amount = f"{chance.randrange(100, 3000) / 100:.2f}"
        path, body = chance.choice(
            [
                ("/deposit", {"accountId": account, "amount": amount}),
                ("/withdraw", {"accountId": account, "amount": amount}),
                (
                    "/perform-account-transfer",
                    {"account_id_sender": account, "account_id_receiver": other, "transaction_amount": amount},
                ),
            ]
        )
        answer = await post("banking", path, body, f"{number}-{len(accepted)}")
        accepted.append(answer["operationId"])
        await asyncio.sleep(chance.random() * 0.05)
    return accepted


async def kill_again_and_again(fleet):
    for _ in range(KILLS_OF_EACH):
        for service in random.sample(SERVICES, len(SERVICES)):
            await fleet.ready(service)
            await asyncio.sleep(random.random() * 0.2)  # noqa: S311 - not a secret
            fleet.kill(service)
            fleet.start(service)


async def all_ended(database):
    async def on_the_way():
        found = [record for name in schema.OUTBOXES async for record in database[name].find()]
        return found + await database[schema.OPERATIONS].find({"status": "pending"}).to_list()

    for _ in range(600):
        if not (left := await on_the_way()):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"{len(left)} records are still on their way, such as {left[0]}")


async def test_services_killed_again_and_again_lose_nothing_and_do_nothing_twice(platform, fleet, post, audited):
    opened = [
        await post("accounts", "/accounts", {"name": f"Account {number}", "currency": "EUR"}, f"open-{number}")
        for number in range(4)
    ]
    accounts = [each["accountId"] for each in opened]
    is_over = asyncio.Event()
    customers = [asyncio.create_task(customer(number, accounts, post, is_over)) for number in range(6)]
    await kill_again_and_again(fleet)
    is_over.set()
    accepted = [operation for each in await asyncio.gather(*customers) for operation in each]
    await asyncio.gather(*(fleet.ready(service) for service in SERVICES))
    await all_ended(platform.database)

    operations = await platform.database[schema.OPERATIONS].find().to_list()
    assert sorted(accepted) == sorted(operation["_id"] for operation in operations)
    assert len(accepted) > 5 * KILLS_OF_EACH
    net = Counter()
    for operation in operations:
        sign = {"deposit": 1, "withdraw": -1, "transfer": 0}[operation["type"]]
        if operation["status"] == "completed":
            net["all"] += sign * operation["amount"].to_decimal()
    balances = await platform.query.balances(owner=FRIDA)
    assert sum((balance["balance"].to_decimal() for balance in balances), Decimal(0)) == net["all"]
    await audited()
