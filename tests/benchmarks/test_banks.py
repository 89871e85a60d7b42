"""What would make the banks' figures worthless is noticed: a wrong history, a refusal under load, a flow that stops."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from types import SimpleNamespace

import httpx2
import pytest

from benchmarks import banks
from benchmarks.banks import Figures
from benchmarks.parties import DIALECTS, Customer, exact
from benchmarks.report import GateFailed
from benchmarks.wires import hello, wires, written

pytestmark = pytest.mark.unit

TOLD = [("a", Decimal("10.05")), ("b", Decimal(-3))]


def test_a_history_told_once_and_to_the_cent_passes():
    banks.require_history("checking", TOLD, count=2, balance=Decimal("7.05"))


@pytest.mark.parametrize(
    ("told", "balance"),
    [
        (TOLD[:1], "10.05"),
        ([*TOLD, TOLD[1]], "4.05"),
        ([TOLD[0], TOLD[0]], "20.10"),
        (TOLD, "7.06"),
    ],
    ids=["missing", "too many", "twice", "a cent"],
)
def test_any_other_history_fails(told, balance):
    with pytest.raises(GateFailed, match="checking"):
        banks.require_history("checking", told, count=2, balance=Decimal(balance))


@asynccontextmanager
async def wire_to(answer):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        wires(server.sockets[0].getsockname()[1], 1) as opened,
    ):
        yield opened[0]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_refusal_under_load_is_no_answer(answer):
    async with wire_to(answer) as wire:
        with pytest.raises(GateFailed, match="HTTP/1.1"):
            await wire.ask(written("GET", httpx2.URL("http://bank.localhost/"), {}))


async def test_an_answer_is_read_to_its_end():
    async with wire_to(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes") as wire:
        assert await wire.ask(written("GET", httpx2.URL("http://bank.localhost/"), {})) == b"yes"


async def test_a_hello_is_as_long_as_asked_for():
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=hello()), base_url="http://hello") as http:
        assert [len((await http.get(f"/{each}")).content) for each in (1, 30_000)] == [1, 30_000]


async def test_a_customer_who_cannot_go_on_is_noticed():
    page = httpx2.MockTransport(lambda _request: httpx2.Response(200, text="<h1>This door is shut</h1>"))
    async with httpx2.AsyncClient(transport=page, base_url="http://bank.localhost") as http:
        with pytest.raises(GateFailed, match="Log in"):
            await Customer(http, SimpleNamespace(user_name="anna", password="any")).approve("/oauth/authorize", [])


def test_amounts_are_read_exactly():
    answer = httpx2.Response(200, text='{"amount": 0.10}', request=httpx2.Request("GET", "http://bank.localhost"))
    assert exact(answer)["amount"] == Decimal("0.10")


def test_a_uk_debit_takes_away_and_what_is_pending_does_not_count():
    def told(number, status, side):
        amount = {"Amount": "4.00", "Currency": "GBP"}
        return {"TransactionId": number, "Status": status, "CreditDebitIndicator": side, "Amount": amount}

    rows = [told("a", "Booked", "Debit"), told("b", "Pending", "Debit"), told("c", "Booked", "Credit")]
    page = {"Data": {"Transaction": rows}}
    assert DIALECTS["uk_open_banking"].booked(page, None) == [("a", Decimal(-4)), ("c", Decimal(4))]


async def test_callers_ask_as_often_as_wanted_and_every_answer_is_timed():
    asked = []

    async def ask():
        asked.append(await asyncio.sleep(0.001))

    figures = Figures()
    await figures.add([ask, ask], times=5)
    await figures.add([ask], seconds=0.05)
    assert 10 < len(asked) == len(figures.milliseconds)
    assert len(figures.rates) == 2
    assert figures.rates[0] > figures.rates[1] > 0
