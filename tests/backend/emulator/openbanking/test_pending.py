"""What becomes of something pending when it is booked."""

from datetime import timedelta
from decimal import Decimal

import pytest

from backend.emulator.ledger.port import NewAccount
from backend.kernel.money import Money


@pytest.fixture(scope="module")
async def moving(street_in, small):
    """Banks whose customers' holds may be booked."""
    return await street_in(small("fridaklo", "anna.weber", months=2), "moving")


async def hold(street, bank, user):
    """An account of the customer there, with a fresh hold on it."""
    account = next(each for each in street.world.personas[user].accounts if each.bank == bank)
    now = await street.server.gates[bank]._time.now()
    money = Money.of("12.34", street.world.currency_of(account))
    placed = await street.platform.ledger.hold(account.id, money, expires_at=now + timedelta(days=3), at=now)
    return account, placed


async def test_a_leafy_movement_keeps_its_id_from_first_to_last(moving):
    account, placed = await hold(moving, "green-bank", "fridaklo")
    api = await moving.connected("green-bank")
    path = f"{api.accounts}/{account.number}/transactions?limit=500"
    (before,) = [each for each in (await api.read(path))["transactions"] if not each["TransactionCompleted"]]
    await moving.platform.ledger.post_hold(placed, amount=Money.of("13.00", "USD"))
    (after,) = [each for each in (await api.read(path))["transactions"] if each["_id"] == before["_id"]]
    assert (before["TransactionStatus"], before["TransactionAmount"]) == ("Initiated", Decimal("12.34"))
    assert (after["TransactionStatus"], after["TransactionAmount"]) == ("Notified", Decimal("13.00"))


async def test_a_berlin_group_pending_item_gives_way_to_one_with_an_id(moving):
    account, placed = await hold(moving, "havel-bank", "anna.weber")
    api = await moving.connected("havel-bank")
    path = f"/v1/accounts/{account.id}/transactions?bookingStatus=both&itemsPerPage=500"
    before = (await api.read(path))["transactions"]
    await moving.platform.ledger.post_hold(placed)
    after = (await api.read(path))["transactions"]
    assert len(before["pending"]) == len(after["pending"]) + 1
    assert not any("transactionId" in each or "bookingDate" in each for each in before["pending"])
    (booked,) = [each for each in after["booked"] if each not in before["booked"]]
    assert booked["transactionAmount"] == {"amount": "-12.34", "currency": "EUR"}
    assert booked["transactionId"]


async def test_of_another_customer_only_name_and_number_are_told(moving):
    ledger = moving.platform.ledger
    own = next(each for each in moving.world.personas["fridaklo"].accounts if each.bank == "green-bank")
    details = {"kind": "checking", "number": "999000111", "holder": "Dora Maar", "user_name": "dora"}
    hers = await ledger.open_account(
        NewAccount(owner="d" * 24, bank="green-bank", name="Checking", currency="USD", details=details)
    )
    await ledger.transfer(debit=own.id, credit=hers["_id"], amount=Money.of("5.00", "USD"), description="Brushes")
    api = await moving.connected("green-bank")
    moves = (await api.read(f"{api.accounts}/{own.number}/transactions?limit=500"))["transactions"]
    (paid,) = [each for each in moves if each["TransactionDescription"] == "Brushes"]
    assert paid["TransactionReferenceData"]["TransactionReceiver"] == {
        "UserName": "Dora Maar",
        "AccountNumber": "999000111",
    }
    assert paid["TransactionDetails"]["TransactionInternal"] is False
