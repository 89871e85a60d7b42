import asyncio
import random

import pytest
from pymongo.errors import OperationFailure

from backend.emulator.ledger import schema
from backend.emulator.ledger.outbox import TRIES, dead_letters, replay
from backend.emulator.ledger.platform import Platform
from backend.emulator.ledger.services.banking import Order
from backend.emulator.ledger.services.consuming import PageConsumer
from backend.emulator.ledger.transactions import in_transaction
from backend.kernel.errors import NotFound
from tests.backend.emulator.ledger.builders import FRIDA, GRACE, eur


@pytest.fixture
def start(platform):
    """Starts an operation as the API does; its id."""

    async def run(type_, account, amount, **facts):
        order = Order(type=type_, owner=facts.pop("owner", FRIDA), account=account, amount=eur(amount).amount, **facts)
        return (await in_transaction(platform.client, lambda session: platform.banking.start(order, session)))["_id"]

    return run


def thrice_shuffled(seed):
    chance = random.Random(seed)  # noqa: S311 - not a secret

    def arrange(records):
        arrived = records * 3
        chance.shuffle(arrived)
        return arrived

    return arrange


async def test_every_message_delivered_three_times_in_shuffled_order_has_one_effect(platform, opened, start, audited):
    accounts = [await opened(owner=FRIDA) for _ in range(3)]
    await platform.settle()
    unkind = Platform(platform.client, platform.database, arrange=thrice_shuffled(3))
    for account in accounts:
        for amount in ("10", "20", "30"):
            await start("deposit", account, amount)
    await unkind.settle()
    for number in range(60):
        await start("withdraw", accounts[number % 3], "1")
        await start("transfer", accounts[number % 3], "1", receiver=accounts[(number + 1) % 3])
    await unkind.ledger.close_account(await opened())
    await unkind.settle()
    ended = await platform.database[schema.OPERATIONS].distinct("status")
    assert ended == ["completed"]
    balances = await platform.query.balances(owner=FRIDA)
    assert sum(balance["balance"].to_decimal() for balance in balances) == 180 - 60
    await audited()


async def test_a_command_delivered_again_after_a_crash_before_it_was_marked_has_no_second_effect(
    platform, opened, start, audited
):
    account = await opened()
    await platform.settle()
    await start("deposit", account, "10")
    command = await platform.database[schema.BANKING_OUTBOX].find_one({})
    await platform.settle()
    await platform.database[schema.BANKING_OUTBOX].insert_one(command)
    await audited()
    assert (await platform.ledger.balance(account)).booked == 10


async def test_events_delivered_again_after_a_crash_before_they_were_marked_have_no_second_effect(
    platform, opened, start, audited
):
    account = await opened()
    await platform.settle()
    await start("deposit", account, "10")
    relays = {(relay.outbox.name, relay.outbox.consumer): relay for relay in platform.relays}
    await relays[schema.BANKING_OUTBOX, "ledger"].step()
    event = await platform.database[schema.LEDGER_OUTBOX].find_one({})
    await platform.settle()
    await platform.database[schema.LEDGER_OUTBOX].insert_one(event)
    await audited()
    assert len(await platform.query.transactions(account, owner=FRIDA, limit=9)) == 1


async def test_a_record_that_everybody_has_is_taken_out_even_if_the_last_one_was_killed_before_it_could(
    platform, opened, audited
):
    await opened()
    outbox = platform.database[schema.ACCOUNTS_OUTBOX]
    event = await outbox.find_one({})
    await platform.settle()
    await outbox.insert_one(event | {"pending": []})
    await audited()


async def test_a_refused_operation_fails_with_the_reason(platform, opened, start, audited):
    account, closing = await opened("10"), await opened()
    await platform.settle()
    overdrawing, late = await start("withdraw", account, "11"), await start("deposit", closing, "1")
    await platform.ledger.close_account(closing)
    await platform.settle()
    for operation, reason in ((overdrawing, "Insufficient funds"), (late, "The account is closed")):
        found = await platform.banking.operation(operation, owner=FRIDA)
        assert (found["status"], found["error_message"]) == ("failed", reason)
    await audited()


async def test_a_poison_message_is_set_aside_after_three_tries_while_others_flow_and_can_be_replayed(
    platform, ledger, opened, audited
):
    sick, well = await opened(), await opened()
    await platform.settle()
    await ledger.deposit(sick, eur("1"))
    await ledger.deposit(sick, eur("2"))
    await ledger.deposit(well, eur("3"))
    outbox = platform.database[schema.LEDGER_OUTBOX]
    poison = await outbox.find_one({"accounts": sick}, sort=[("stamp", 1)])
    await outbox.update_one({"_id": poison["_id"]}, {"$unset": {"data.balance": ""}})
    relay = next(
        relay for relay in platform.relays if relay.outbox.consumer == "query" and relay.outbox.name == outbox.name
    )
    await relay.step()
    assert await shown(platform, well) == 3
    assert await shown(platform, sick) == 0  # what comes later on that account waits its turn
    for _ in range(TRIES - 1):
        await relay.step()
    await relay.step()
    assert await shown(platform, sick) == 3
    (letter,) = await dead_letters(platform.database)
    assert (letter["message"]["_id"], letter["consumer"], letter["reason"]) == (poison["_id"], "query", "KeyError")

    letter["message"]["data"] = poison["data"]
    await platform.database[schema.DEAD_LETTERS].replace_one({"_id": letter["_id"]}, letter)
    await replay(platform.client, platform.database, letter["_id"])
    report = await audited()
    assert report.dead_letters == 0
    assert len(await platform.query.transactions(sick, owner=FRIDA, limit=9)) == 2
    with pytest.raises(NotFound):
        await replay(platform.client, platform.database, letter["_id"])


async def test_what_the_database_does_to_a_page_is_no_try_of_its_messages(platform, opened):
    async def interrupted(messages, session):
        raise OperationFailure("interrupted", 11601)

    await opened()
    page = await platform.database[schema.ACCOUNTS_OUTBOX].find().to_list()
    consumer = PageConsumer(platform.client, platform.database, schema.QUERY_INBOX, interrupted)
    with pytest.raises(OperationFailure):
        await consumer.consume(page)


async def test_a_poison_command_is_set_aside_while_others_flow(platform, opened, start):
    account = await opened()
    await platform.settle()
    poisoned, healthy = await start("deposit", account, "1"), await start("deposit", account, "2")
    await platform.database[schema.BANKING_OUTBOX].update_one(
        {"_id": f"cmd_{poisoned}"}, {"$set": {"data.amount": "much"}}
    )
    for _ in range(TRIES + 1):
        await platform.settle()
        for relay in platform.relays:
            await relay.step()
    assert (await platform.banking.operation(healthy, owner=FRIDA))["status"] == "completed"
    (letter,) = await dead_letters(platform.database)
    assert letter["_id"] == f"cmd_{poisoned}:ledger"


async def test_running_relays_carry_messages_by_themselves(platform, opened, start):
    async def is_completed():
        return (await platform.banking.operation(operation, owner=FRIDA))["status"] == "completed"

    async def is_shown():
        return await shown(platform, account) == 10

    async with platform.relaying():
        account = await opened()
        await eventually(lambda: platform.query.balances(owner=FRIDA))
        operation = await start("deposit", account, "10")
        await eventually(is_completed)
        await eventually(is_shown)


async def test_the_change_stream_wakes_the_relay_long_before_the_poll(platform, opened):
    patient = Platform(platform.client, platform.database, poll_seconds=60)
    async with patient.relaying(["query"]):
        await asyncio.sleep(0.5)
        await opened()
        await eventually(lambda: platform.query.balances(owner=FRIDA))


async def test_a_lost_place_in_the_change_stream_stops_nothing(platform, opened):
    token = {"_data": "8263"}
    await platform.database[schema.POSITIONS].insert_one({"_id": schema.ACCOUNTS_OUTBOX, "token": token})
    async with platform.relaying():
        await opened()
        await eventually(lambda: platform.query.balances(owner=FRIDA))


async def test_transfers_and_payments_notify_in_the_five_kinds(platform, opened, start):
    mine, savings, hers = await opened("100"), await opened(), await opened(owner=GRACE)
    await platform.settle()
    await start("transfer", mine, "10", receiver=savings)
    await start("transfer", mine, "20", receiver=hers)
    await start("transfer", mine, "30", receiver=hers, payment_method="Paypal")
    await platform.settle()
    told = {
        owner: {(each["event"], each["message"]) for each in await platform.query.notifications(owner=owner, limit=9)}
        for owner in (FRIDA, GRACE)
    }
    assert told[FRIDA] == {
        (
            "InternalTransfer",
            "You have moved EUR 10.00 between your accounts. Your new balances are EUR 90.00 and EUR 10.00.",
        ),
        ("TransferSent", "You have sent a transfer of EUR 20.00 to gracehop. Your new balance is EUR 70.00."),
        ("PaymentMade", "You have sent a payment of EUR 30.00 to gracehop via Paypal. Your new balance is EUR 40.00."),
    }
    assert told[GRACE] == {
        (
            "TransferReceived",
            "You have received a transfer of EUR 20.00 from fridaklo. Your new balance is EUR 20.00.",
        ),
        (
            "PaymentReceived",
            "You have received a payment of EUR 30.00 from fridaklo via Paypal. Your new balance is EUR 50.00.",
        ),
    }


async def shown(platform, account):
    found = await platform.database[schema.QUERY_BALANCES].find_one({"_id": account})
    return found["balance"].to_decimal()


async def eventually(is_so):
    async with asyncio.timeout(5):
        while not await is_so():  # noqa: ASYNC110 - what is awaited shows in the database only
            await asyncio.sleep(0.01)
