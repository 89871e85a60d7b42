"""The emulated banks themselves, misbehaving: their own ledgers, renderers and pages, over a real socket."""

import asyncio
import shutil
import socket
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import uvicorn
from bson import ObjectId

from backend.emulator.app import Ground, WorldServer, create_world_server
from backend.emulator.faults import FaultStore, Rule
from backend.emulator.faults.packs import packs
from backend.emulator.ledger import schema as ledger_schema
from backend.emulator.ledger.platform import Platform
from backend.emulator.oauth import services as oauth
from backend.emulator.oauth.consents import received
from backend.emulator.openbanking import terms
from backend.emulator.openbanking.uk_open_banking.permissions import CODES
from backend.emulator.world import schema as world_schema
from backend.emulator.world.building import build
from backend.emulator.world.clock import WorldClock
from backend.emulator.world.reading import DATA, read_world
from backend.kernel.clock import now
from backend.kernel.errors import Malformed
from backend.kernel.ids import KeyedHash, new_token
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION
from backend.kernel.mongo.provision import provision
from backend.kernel.strict_json import loads
from backend.oauth.grants import Grant, Token
from tests import mongo
from tests.backend.emulator.faults.conftest import TLS

PERMISSIONS = ["accounts", "balances", "transactions", "cards", "products"]


@dataclass(frozen=True)
class Bank:
    """Whose account is read, at which paths, and how the next page is found."""

    persona: str
    key: str
    transactions: str
    balances: str

    def following(self, payload: Any) -> str | None:
        if cursor := payload.get("next_cursor"):
            return f"{self.transactions}&cursor={cursor}"
        report = payload.get("transactions")
        links = report.get("_links", {}) if isinstance(report, dict) else payload.get("_links", {})
        href = links.get("next", {}).get("href") or payload.get("Links", {}).get("Next")
        return httpx2.URL(href).raw_path.decode() if href else None


BANKS = {
    "green-bank": Bank(
        "adalove", "", "/leafy/v1/accounts/{account}/transactions?limit=20", "/leafy/v1/accounts/{account}"
    ),
    "havel-bank": Bank(
        "anna.weber",
        "giro",
        "/v1/accounts/{account}/transactions?bookingStatus=both&itemsPerPage=20",
        "/v1/accounts/{account}/balances",
    ),
    "severn-bank": Bank(
        "emma.hughes",
        "current",
        "/open-banking/v3.1/aisp/accounts/{account}/transactions",
        "/open-banking/v3.1/aisp/accounts/{account}/balances",
    ),
    "otso-bank": Bank(
        "aino.virtanen",
        "tili",
        "/accounts-psd2/v1/accounts/{account}/transactions",
        "/accounts-psd2/v1/accounts/{account}",
    ),
}
# What a dialect has no place for: the pack then changes nothing there.
UNSEEN = {
    ("no-time-zone", "havel-bank"),
    ("no-time-zone", "otso-bank"),
    ("pending-vanishing", "otso-bank"),
    ("pending-sign-inverted", "otso-bank"),
}


@dataclass
class Street:
    """The world server on its socket, with an account at each bank that a third party may read."""

    server: WorldServer
    port: int
    accounts: dict[str, str]
    clock: WorldClock

    async def client(self, bank: str) -> httpx2.AsyncClient:
        """A client with a consent of its own."""
        consent, token = await self._granted(bank)
        headers = {
            "host": f"{bank}.localhost:{self.port}",
            "authorization": f"Bearer {token}",
            "consent-id": consent,
            "x-request-id": str(uuid.uuid4()),
            "x-api-key": "curl-api-key",
            "psu-ip-address": "127.0.0.1",
            "x-fapi-customer-ip-address": "127.0.0.1",
        }
        return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=5, verify=TLS)

    def paths(self, bank: str) -> Bank:
        row = BANKS[bank]
        filled = (path.format(account=self.accounts[bank]) for path in (row.transactions, row.balances))
        return Bank(row.persona, row.key, *filled)

    async def _granted(self, bank: str) -> tuple[str, str]:
        at = now()
        consent = received(
            consent_id=new_token()[:32],
            bank=bank,
            client_id="curl",
            permissions=PERMISSIONS,
            purpose="To be tried out",
            now=at,
            valid_until=at + timedelta(days=80),
        )
        asked = terms.Terms(consent_id=consent.id, reads_a_day=4, codes=frozenset(CODES))
        await self.server.gates[bank].receive(consent, asked)
        await self.server.oauth.consents.authorise(
            consent, customer_id="c", accounts=[self.accounts[bank]], now=at, ends_at=at + timedelta(days=80)
        )
        text, grants = new_token(), self.server.oauth.shelves.grants
        token = Token(
            hash=grants.hashed(text),
            kind="access",
            scope="accounts",
            issued_at=at,
            expires_at=at + timedelta(hours=1),
        )
        issuer = self.server.oauth.directory.by_host(f"{bank}.localhost").issuer
        await grants.add(
            Grant(
                id=ObjectId(),
                issuer=issuer,
                client_id="curl",
                subject="c",
                reference=consent.id,
                scope="accounts",
                tokens=(token,),
            )
        )
        return consent.id, text


@pytest.fixture(scope="session")
async def small_world(tmp_path_factory):
    """Four people and half a year."""
    rows = tmp_path_factory.mktemp("rows")
    for name in ("world", "merchants", *(bank.persona for bank in BANKS.values())):
        shutil.copy(DATA / f"{name}.toml", rows)
    file = rows / "world.toml"
    file.write_text(file.read_text().replace("history_months = 24", "history_months = 6"))
    return read_world(rows)


@pytest.fixture(scope="session")
async def street(small_world, mongo_server, admin_client, database_name, faults_uri, faults_client):
    specs = {
        "ledger": ledger_schema.COLLECTIONS,
        "world": world_schema.COLLECTIONS,
        "oauth": oauth.COLLECTIONS,
        "terms": terms.COLLECTIONS,
    }
    databases = {}
    for name, collections in specs.items():
        full = f"{database_name}_faulty_{name}"
        await provision(admin_client, full, collections, user=APPLICATION, password=mongo_server.application_password)
        await mongo.empty(admin_client, full)
        databases[name] = connect(mongo_server.application_uri(full))[full]
    platform = Platform(databases["ledger"].client, databases["ledger"])
    async for _ in build(small_world, platform.ledger, databases["world"]):
        pass
    ground = Ground(
        world=small_world,
        ledger=platform.ledger,
        world_database=databases["world"],
        oauth_database=databases["oauth"],
        terms_database=databases["terms"],
        keyed_hash=KeyedHash(b"k" * 32),
        faults=FaultStore(faults_client[f"{database_name}_faults"], cached_seconds=0),
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = create_world_server(ground, port=port)
        await server.prepare()
        serving = uvicorn.Server(uvicorn.Config(server, ws="none", log_config=None, timeout_graceful_shutdown=1))
        task = asyncio.create_task(serving.serve(sockets=[listening]))
        yield Street(server, port, accounts(small_world), WorldClock(databases["world"], cached_seconds=0))
        serving.should_exit = True
        await task
    for database in databases.values():
        await database.client.close()


def accounts(world):
    """The account that is read at each bank, by bank."""
    found = {}
    for bank, row in BANKS.items():
        theirs = world.personas[row.persona].accounts
        found[bank] = next(
            each.id for each in theirs if each.bank == bank and each.kind == "checking" and row.key in ("", each.key)
        )
    return found


async def told(client, path):
    response = await client.get(path)
    assert response.status_code == 200, response.text
    return loads(response.content)


@pytest.mark.parametrize("bank", BANKS)
@pytest.mark.parametrize("pack", packs())
async def test_every_pack_shows_at_every_bank_that_has_a_place_for_it(pack, bank, street, store):
    paths = street.paths(bank)
    path = paths.balances if pack == "balance-missing" else paths.transactions
    async with await street.client(bank) as client:
        healthy = await told(client, path)
        shown = False
        # Which day something vanishes, and which transaction has twins, is a matter of the seed.
        for seed in "abcdef":
            await store.put(Rule(bank=bank, fault=pack, seed=seed))
            shown = shown or await told(client, path) != healthy
        assert shown is ((pack, bank) not in UNSEEN)
        await store.clear()
        assert await told(client, path) == healthy


@pytest.mark.parametrize("bank", BANKS)
async def test_the_banks_own_answers_are_spoilt_once(bank, street, store):
    paths = street.paths(bank)
    async with await street.client(bank) as client:
        healthy = await told(client, paths.transactions)
        for kind in ("truncated", "duplicate-key", "length-too-short"):
            await store.put(Rule(bank=bank, fault=kind, count=1))
            content = (await client.get(paths.transactions)).content
            with pytest.raises(Malformed):
                loads(content)
        for kind in ("reset", "answer-lost", "reset-midway", "length-too-long"):
            await store.put(Rule(bank=bank, fault=kind, count=1))
            with pytest.raises(httpx2.TransportError):
                await client.get(paths.transactions)
        await store.put(Rule(bank=bank, fault="throttled", count=1))
        assert (await client.get(paths.transactions)).headers["retry-after"] == "120"
        assert await told(client, paths.transactions) == healthy


@pytest.mark.parametrize("bank", BANKS)
async def test_a_customer_revokes_between_two_pages(bank, street, store):
    paths = street.paths(bank)
    async with await street.client(bank) as other, await street.client(bank) as client:
        await store.put(Rule(bank=bank, fault="consent-revoked", count=1))
        following = paths.following(await told(client, paths.transactions))
        assert following
        assert (await client.get(following)).status_code in (401, 403)
        assert paths.following(await told(other, paths.transactions))


@pytest.mark.parametrize("bank", BANKS)
async def test_paging_comes_back_to_the_same_page(bank, street, store):
    paths = street.paths(bank)
    async with await street.client(bank) as client:
        second = paths.following(await told(client, paths.transactions))
        await store.put(Rule(bank=bank, fault="paging-loop"))
        page = await told(client, second)
        assert await told(client, paths.following(page)) == page


async def test_ids_are_others_when_the_world_has_slept(street, store):
    paths = street.paths("havel-bank")
    await store.put(Rule(bank="havel-bank", fault="ids-reissued"))
    async with await street.client("havel-bank") as client:
        today = await told(client, paths.transactions)
        at = await street.clock.now()
        await street.clock.move(before=at, after=at + timedelta(days=1))
        await asyncio.sleep(0.6)
        tomorrow = await told(client, paths.transactions)
        await street.clock.move(before=at + timedelta(days=1), after=at)
    ids = [{each["transactionId"] for each in page["transactions"]["booked"]} for page in (today, tomorrow)]
    assert len(ids[0]) == len(ids[1]) == 20
    assert not ids[0] & ids[1]
