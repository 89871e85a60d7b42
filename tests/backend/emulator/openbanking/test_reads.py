"""Reads without the customer are counted, pages are whole, and what is booked meanwhile disturbs nobody."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import httpx2
import pytest

from backend.emulator.ledger.journal import Entry
from backend.emulator.world.reading import DATA
from backend.kernel import clock
from backend.kernel.clock import stopped_at
from backend.kernel.money import Money
from tests import mongo
from tests.backend.emulator.openbanking.conftest import PEOPLE, PORT
from tests.backend.emulator.openbanking.test_refusals import BANKS, cases, check

BUSY = {"green-bank": None, "havel-bank": "giro", "severn-bank": "current", "otso-bank": "tili"}


def busy_account(street, bank):
    """The account with the most to tell."""
    persona = street.world.personas[PEOPLE[bank]]
    own = [each for each in persona.accounts if each.bank == bank]
    return next((each for each in own if each.key == BUSY[bank]), own[0])


@cases("too often")
async def test_a_fifth_unattended_read_is_refused_until_a_day_has_passed(street, bank, said):
    api = await street.connected(bank)
    for _ in range(4):
        assert (await api.get(api.accounts, is_attended=False)).status_code == 200
    response = await api.get(api.accounts, is_attended=False)
    check(bank, response, said)
    assert 86_000 < int(response.headers["retry-after"]) <= 86_401
    assert (await api.get(api.accounts)).status_code == 200
    account = busy_account(street, bank)
    assert (await api.get(api.transactions_of(account.id), is_attended=False)).status_code == 200
    with stopped_at(clock.now() + timedelta(hours=24, seconds=2)):
        await api.refreshes()
        assert (await api.get(api.accounts, is_attended=False)).status_code == 200


@pytest.mark.parametrize("bank", BANKS)
async def test_of_ten_unattended_reads_at_once_four_are_let_in(street, bank):
    api = await street.connected(bank)
    answers = await asyncio.gather(*(api.get(api.accounts, is_attended=False) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {200: 4, 429: 6}


@pytest.mark.parametrize("bank", ["havel-bank", "severn-bank", "otso-bank"])
async def test_the_pages_of_one_read_count_once(street, bank):
    api = await street.connected(bank)
    account = busy_account(street, bank)
    for _ in range(4):
        pages = [page async for page in api.pages(api.transactions_of(account.id), is_attended=False)]
        assert len(pages) > 1
    assert (await api.get(api.transactions_of(account.id), is_attended=False)).status_code == 429


async def test_a_cursor_works_only_where_it_came_from(street):
    api = await street.connected("havel-bank")
    account = busy_account(street, "havel-bank")
    other = next(each for each in street.world.personas["anna.weber"].accounts if each.key == "savings")
    first = await api.read(api.transactions_of(account.id))
    following = api.next_of(first, "")
    stolen = following.replace(account.id, other.id)
    widened = following.replace("bookingStatus=booked", "bookingStatus=both")
    spoilt = following[:-4] + "AAAA"
    for address in (stolen, widened, spoilt, following + "%00", following + "ü"):
        check("havel-bank", await api.get(address), (400, "FORMAT_ERROR"))
    assert (await api.get(following)).status_code == 200


@pytest.mark.parametrize("bank", BANKS)
async def test_paging_neither_loses_nor_repeats_while_bookings_come_in(street_in, small, bank):
    street = await street_in(small(PEOPLE[bank], months=8), f"busy_{bank.partition('-')[0]}")
    api = await street.connected(bank)
    account = busy_account(street, bank)
    path = api.transactions_of(account.number if bank == "green-bank" else account.id)
    before = await street.platform.ledger.entries(account.id)
    now = await street.server.gates[bank]._time.now()

    async def book() -> list[Entry]:
        money = Money.of("1.01", street.world.currency_of(account))
        return [
            await street.platform.ledger.deposit(account.id, money, at=now + timedelta(seconds=turn))
            for turn in range(60)
        ]

    async def read() -> list[Decimal]:
        found = []
        async for page in api.pages(path):
            found += api.booked_in(page, account.number if bank == "green-bank" else account.id)
            await asyncio.sleep(0.01)
        return found

    booking = asyncio.create_task(book())
    if bank == "havel-bank":
        async for page in (pages := api.pages(f"{path}&withBalance=true&itemsPerPage=40")):
            told = Decimal(page["balances"][0]["balanceAmount"]["amount"])
            found = api.booked_in(page, account.id)
            break
        async for page in pages:
            await asyncio.sleep(0.02)
            found += api.booked_in(page, account.id)
        # What is read page by page adds up to the balance told with the first one, whatever was booked since.
        assert sum(found) == told
    reads = [await read() for _ in range(3)]
    await booking
    for found in reads:
        assert found[: len(before)] == [entry.amount.amount for entry in before]
        assert set(found[len(before) :]) <= {Decimal("1.01")}
    assert len(await read()) == len(before) + 60


@pytest.fixture
def another_process(street, tmp_path) -> Iterator[int]:
    """The same banks served once more by a process of its own; its port."""
    for name in ("world", "merchants", *street.world.personas):
        shutil.copy(DATA / f"{name}.toml", tmp_path)
    port = mongo.free_port()
    facts = {"uris": street.uris, "rows": str(tmp_path), "port": port, "issuing_port": PORT}
    code = [sys.executable, "-m", "tests.backend.emulator.openbanking.server_process", json.dumps(facts)]
    with subprocess.Popen(code, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield port
        process.terminate()


async def test_the_count_holds_across_processes(street, another_process):
    api = await street.connected("donautal-bank")
    for _ in range(4):
        assert (await api.get(api.accounts, is_attended=False)).status_code == 200
    host = {"Host": f"donautal-bank.localhost:{another_process}"}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{another_process}") as http:
        api.http = http
        check("havel-bank", await api.get(api.accounts, is_attended=False, headers=host), (429, "ACCESS_EXCEEDED"))
        assert (await api.get(api.accounts, headers=host)).status_code == 200
