import pytest
from bson.decimal128 import Decimal128

from backend.emulator.ledger import schema
from backend.emulator.ledger.canonical import independent_digest
from backend.emulator.ledger.journal import hashed_part
from backend.emulator.ledger.services.banking import Order
from backend.emulator.ledger.transactions import in_transaction
from backend.emulator.ledger.verify import verify
from tests.backend.emulator.ledger.builders import FRIDA, GRACE, eur


@pytest.fixture
async def books(platform, ledger, opened, audited, later):
    """Two accounts with a life, proved right; their ids."""
    mine, yours = await opened("100"), await opened("50", owner=GRACE)
    await ledger.transfer(debit=mine, credit=yours, amount=eur("30"))
    await ledger.withdraw(mine, eur("20"))
    await ledger.post_hold(await ledger.hold(mine, eur("5"), expires_at=later))
    await ledger.hold(mine, eur("5"), expires_at=later)
    await platform.settle()
    order = Order(type="deposit", owner=FRIDA, account=mine, amount=eur("1").amount)
    await in_transaction(platform.client, lambda session: platform.banking.start(order, session))
    await audited()
    return mine, yours


@pytest.fixture
def tamper(admin_database):
    """Changes one record behind the ledger's back, as somebody who may do everything."""

    async def run(collection, record, changes):
        changed = await admin_database.get_collection(collection).update_one(
            record, {"$set": changes}, bypass_document_validation=True
        )
        assert changed.modified_count == 1

    return run


@pytest.fixture
def first_fault(platform):
    async def run():
        report = await verify(platform.client, platform.database)
        assert not report.is_clean
        return str(report.faults[0])

    return run


async def transfer_of(platform):
    return await platform.database[schema.JOURNAL].find_one({"type": "transfer"})


async def test_one_changed_amount_in_the_journal_is_found_and_named(platform, books, tamper, first_fault):
    record = await transfer_of(platform)
    await tamper(schema.JOURNAL, {"_id": record["_id"]}, {"legs.1.amount": Decimal128("31.00")})
    assert await first_fault() == f"ledger_journal {record['_id']}: its content does not fit its hash"


async def test_a_changed_word_in_the_journal_is_found_and_named(platform, books, tamper, first_fault):
    record = await transfer_of(platform)
    await tamper(schema.JOURNAL, {"_id": record["_id"]}, {"description": "gift"})
    assert record["_id"] in await first_fault()


async def test_a_changed_record_whose_hash_was_made_anew_no_longer_fits_the_one_after_it(
    platform, books, tamper, admin_database, first_fault
):
    record = await transfer_of(platform)
    forged = record | {"description": "gift"}
    changes = {"description": "gift", "hash": independent_digest(hashed_part(forged))}
    await tamper(schema.JOURNAL, {"_id": record["_id"]}, changes)
    following = await admin_database[schema.JOURNAL].find_one({"links.account": books[0], "links.seq": 3})
    named = f"ledger_journal {following['_id']}: it does not link to the record before it on {books[0]}"
    assert await first_fault() == named


async def test_a_record_taken_out_of_the_journal_is_missed(platform, books, admin_database, first_fault):
    record = await transfer_of(platform)
    await admin_database[schema.JOURNAL].delete_one({"_id": record["_id"]})
    assert "number 2 is missing" in await first_fault()


async def test_a_journal_cut_off_at_its_end_is_found(books, admin_database, first_fault):
    last = await admin_database[schema.JOURNAL].find_one({}, sort=[("stamp", -1)])
    await admin_database[schema.JOURNAL].delete_one({"_id": last["_id"]})
    assert (await first_fault()).startswith(f"ledger_balances {books[0]}")


async def test_one_changed_balance_is_found_and_named(books, tamper, first_fault):
    await tamper(schema.BALANCES, {"_id": books[1]}, {"booked": Decimal128("80.01")})
    assert await first_fault() == f"ledger_balances {books[1]}: it is not the sum of the journal"


async def test_a_held_sum_without_its_hold_is_found_and_named(books, tamper, first_fault):
    await tamper(schema.BALANCES, {"_id": books[0]}, {"held": Decimal128("6.00")})
    assert await first_fault() == f"ledger_balances {books[0]}: what is held is not the sum of the pending holds"


async def test_a_hold_that_ended_in_two_ways_is_found_and_named(books, admin_database, tamper, first_fault):
    posted = await admin_database[schema.HOLDS].find_one({"state": "posted"})
    await tamper(schema.HOLDS, {"_id": posted["_id"]}, {"state": "released"})
    assert (await first_fault()).startswith(f"ledger_holds {posted['_id']}: it is released")


async def test_what_customers_are_told_wrongly_is_found_and_named(books, tamper, first_fault):
    await tamper(schema.QUERY_BALANCES, {"_id": books[1]}, {"balance": Decimal128("81.00")})
    assert await first_fault() == f"query_balances {books[1]}: it differs from the journal"


async def test_one_lost_event_of_the_ledger_is_found_and_named(ledger, books, admin_database, first_fault):
    entry = await ledger.deposit(books[0], eur("1"))
    await admin_database[schema.LEDGER_OUTBOX].delete_one({"_id": f"evt_{entry.id}"})
    assert (await first_fault()).startswith(f"ledger_outbox evt_{entry.id}: it is missing")


async def test_one_lost_command_is_found_and_named(platform, books, admin_database, first_fault):
    order = Order(type="withdraw", owner=FRIDA, account=books[0], amount=eur("1").amount)
    operation = await in_transaction(platform.client, lambda session: platform.banking.start(order, session))
    await admin_database[schema.BANKING_OUTBOX].delete_one({"_id": f"cmd_{operation['_id']}"})
    assert (await first_fault()).startswith(f"banking_outbox cmd_{operation['_id']}: it is missing")


async def test_one_lost_account_event_is_found_and_named(opened, books, admin_database, first_fault):
    account = await opened()
    await admin_database[schema.ACCOUNTS_OUTBOX].delete_one({"_id": f"evt_{account}_created"})
    assert (await first_fault()).startswith(f"accounts_outbox evt_{account}_created: it is missing")


async def test_messages_on_their_way_are_no_fault_and_are_counted(platform, ledger, books):
    await ledger.deposit(books[0], eur("1"))
    report = await verify(platform.client, platform.database)
    assert report.is_clean
    assert report.waiting == {"accounts_outbox": 0, "banking_outbox": 0, "ledger_outbox": 1}
