"""Every person at every bank, as the world stands and as it goes on."""

import asyncio
from decimal import Decimal

import pytest

from backend.emulator.world.reading import read_world
from tests.backend.emulator.openbanking.parties import SPEAKERS, BerlinGroupCards
from tests.backend.emulator.openbanking.test_refusals import check

# One worker builds the whole world; more of them would only build more.
pytestmark = pytest.mark.xdist_group("whole_street")


@pytest.fixture(scope="module")
async def whole(street_in):
    return await street_in(read_world(), "whole")


@pytest.fixture(scope="module")
async def everybody(whole):
    """A third party connected for every person at every bank of theirs."""
    visits = [
        (persona.user_name, bank)
        for persona in whole.world.personas.values()
        for bank in dict.fromkeys(account.bank for account in persona.accounts)
    ]
    return {visit: await whole.connected(visit[1], visit[0]) for visit in visits}


async def agree(whole, everybody):
    """Balances and the sums of all transactions, of all people at all banks, against the ledger."""
    cards = {each.id for who in whole.world.personas.values() for each in who.accounts if each.kind == "card"}
    read = 0
    for (user, bank), api in everybody.items():
        await api.refreshes()
        truth = await whole.truth(bank, user)
        assert await api.balances() == truth, (user, bank)
        for account, booked in truth.items():
            reader = api
            if isinstance(api, SPEAKERS["berlin_group"]) and account in cards:
                reader = BerlinGroupCards(api.http, api.consent_id, api.token)
            moves = await reader.moves(account)
            assert sum(moves, Decimal(0)) == booked, (user, bank, account)
            read += len(moves)
    return read


async def test_everybodys_api_agrees_with_the_ledger_at_every_step_of_the_clock(whole, everybody):
    before = await agree(whole, everybody)
    for days in (2, 12, 30):
        await whole.advance(days)
        await asyncio.sleep(0.6)  # the server may hold on to the world's time for half a second
        now = await agree(whole, everybody)
        assert now > before
        before = now


async def test_permissions_age_when_the_world_is_advanced(street_in, small):
    street = await street_in(small("fridaklo", months=2), "ageing")
    api = await street.connected("green-bank")
    for _ in range(4):
        assert (await api.get(api.accounts, is_attended=False)).status_code == 200
    assert (await api.get(api.accounts, is_attended=False)).status_code == 429
    await street.advance(2)
    await asyncio.sleep(0.6)
    assert (await api.get(api.accounts, is_attended=False)).status_code == 200
    await street.advance(177.9)
    await asyncio.sleep(0.6)
    assert (await api.get(api.accounts)).status_code == 200
    await street.advance(0.2)
    await asyncio.sleep(0.6)
    check("green-bank", await api.get(api.accounts), (403, "authentication-expired"))
    customer = await street.customer("green-bank")
    page = await customer.logs_in(await customer.opens("/permissions"))
    assert page.status_code == 200
    assert api.consent_id not in page.text


async def test_loans_are_repaid_in_what_is_told(street_in, small):
    street = await street_in(small("fridaklo", months=2), "repaying")
    api = await street.connected("green-bank")
    before = (await api.read("/leafy/v1/products"))["products"][0]["ProductAmount"]
    await street.advance(40)
    after = (await api.read("/leafy/v1/products"))["products"][0]["ProductAmount"]
    assert Decimal(0) < after < before
