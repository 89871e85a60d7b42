"""The banks can be made to misbehave: rules set beside them reach the APIs served here."""

import pytest

from backend.emulator.faults import Rule
from tests.backend.emulator.openbanking.test_refusals import check
from tests.backend.emulator.openbanking.test_shapes import mine


@pytest.fixture
async def faulty(street):
    """Sets a fault at a bank and takes it back afterwards."""

    async def put(bank, fault, **facts):
        await street.ground.faults.put(Rule(bank=bank, fault=fault, **facts))

    yield put
    await street.ground.faults.clear()


async def test_a_fault_strikes_one_bank_and_clears_itself(street, faulty):
    api, other = await street.connected("havel-bank"), await street.connected("donautal-bank")
    await faulty("havel-bank", "unavailable", count=1)
    assert (await other.get(other.accounts)).status_code == 200
    assert (await api.get(api.accounts)).status_code == 503
    assert (await api.get(api.accounts)).status_code == 200


async def test_a_pack_changes_what_is_told_of_transactions(street, faulty):
    api = await street.connected("havel-bank")
    path = api.transactions_of(mine(street, "havel-bank", key="giro").id)
    assert min(api.booked_in(await api.read(path), "")) < 0
    await faulty("havel-bank", "unsigned-amounts")
    assert min(api.booked_in(await api.read(path), "")) > 0


async def test_a_consent_can_be_revoked_between_two_pages(street, faulty):
    api = await street.connected("havel-bank")
    path = api.transactions_of(mine(street, "havel-bank", key="giro").id)
    await faulty("havel-bank", "consent-revoked", count=1)
    first = await api.read(path)
    check("havel-bank", await api.get(api.next_of(first, path)), (401, "CONSENT_INVALID"))
