"""The whole world in its databases, as it stands when its clock starts."""

from collections import Counter, defaultdict
from decimal import Decimal

import pytest

from backend.emulator.ledger.schema import HOLDS, JOURNAL, SYSTEM_CASH
from backend.emulator.ledger.verify import verify
from backend.emulator.world.clock import WorldClock
from backend.emulator.world.reading import read_world
from backend.emulator.world.schema import CLOCK, CUSTOMERS, LABELS, MANDATES, PRODUCTS
from backend.emulator.world.showing import holdings
from backend.kernel.errors import Misconfigured

# One worker builds the whole world; more of them would only build more.
pytestmark = pytest.mark.xdist_group("whole_world")


async def test_every_account_stands_as_stated(built):
    for persona in built.world.personas.values():
        stored = {each["_id"]: each for each in await built.platform.ledger.accounts(owner=persona.id)}
        assert stored.keys() == {account.id for account in persona.accounts}
        for account in persona.accounts:
            balance = await built.platform.ledger.balance(account.id)
            assert account.balance in (None, balance.booked)
            assert balance.available >= 0
            details = stored[account.id]["details"]
            assert (details["number"], details["holder"]) == (account.number, persona.full_name)
            assert details.get("iban") == built.world.iban_of(account)


async def test_the_sums_of_the_sample_are_those_of_the_banks(built):
    sums = defaultdict(Decimal)
    people = {"fridaklo", "gracehop", "adalove", "claumon"}
    async for holding in holdings(built.world, built.platform.ledger, built.database):
        if holding.persona in people:
            sums[holding.bank, holding.is_product] += holding.amount
    assert sums == {
        ("Green Bank", False): 37473,
        ("MongoDB Bank", False): 45915,
        ("LeafyBank", False): 16750,
        ("Green Bank", True): 128185,
        ("MongoDB Bank", True): 132100,
    }


async def test_the_books_are_right(built):
    report = await verify(built.platform.client, built.platform.database)
    assert report.faults == ()
    assert report.transactions > 20_000


async def test_pending_purchases_are_holds(built):
    holds = await built.platform.database[HOLDS].find({}).to_list()
    assert len(holds) > 50
    assert {hold["state"] for hold in holds} == {"pending"}
    assert all("booking_date" not in hold["details"] and hold["details"]["mcc"] for hold in holds)


async def test_the_truth_is_apart_from_what_banks_serve(built):
    labels = {each["_id"]: each async for each in built.database[LABELS].find({})}
    journal = {each["_id"]: each async for each in built.platform.database[JOURNAL].find({})}
    pending = {each["_id"] async for each in built.platform.database[HOLDS].find({}, {"_id": 1})}
    assert journal.keys() == {name for name, label in labels.items() if label.get("hold") not in pending}
    words = ("category", "stream", "transfer", "refund_of", "twin")
    kinds = Counter(name for label in labels.values() for name in words if name in label)
    assert all(kinds[name] > 50 for name in words)
    assert all(not set(words) & (record.keys() | record["details"].keys()) for record in journal.values())
    owners = {persona.id for persona in built.world.personas.values()}
    assert {label["owner"] for label in labels.values()} == owners


async def test_legs_between_own_accounts_stand_in_the_journal(built):
    legs = defaultdict(list)
    async for label in built.database[LABELS].find({"transfer": {"$exists": True}}):
        legs[label["transfer"]].append(label["_id"])
    for ids in list(legs.values())[::25]:
        records = await built.platform.database[JOURNAL].find({"_id": {"$in": ids}}).to_list()
        outside = [SYSTEM_CASH in {leg["account"] for leg in record["legs"]} for record in records]
        assert outside in ([False], [True, True])


async def test_every_bank_knows_its_customers_and_their_mandates(built):
    customers = await built.database[CUSTOMERS].find({}).to_list()
    at = {(each["bank"], each["user_name"]) for each in customers}
    expected = {(a.bank, p.user_name) for p in built.world.personas.values() for a in p.accounts}
    assert at == expected
    assert all(len(each["password"]) >= 8 and each["app_secret"] for each in customers)
    emma = built.world.personas["emma.hughes"]
    found = await built.database[MANDATES].find({"account": emma.by_key["current"].id}).to_list()
    assert Counter(each["kind"] for each in found) == {"direct_debit": 6, "standing_order": 2}
    assert all(each["counterparty_account"] and each["amount"].to_decimal() > 0 for each in found)


async def test_building_again_changes_nothing(built):
    before = await built.platform.database[JOURNAL].count_documents({})
    assert await built.build() == []
    assert await built.platform.database[JOURNAL].count_documents({}) == before


async def test_other_rows_need_another_world(opened, rows):
    standing = await opened(read_world(rows("jonas.brandt", months=1)), "other")
    await standing.build()
    standing.world = read_world(rows("jonas.brandt", "mikko.laine", months=1))
    with pytest.raises(Misconfigured, match="run `openfinance world reset`"):
        await standing.build()
    with pytest.raises(Misconfigured, match="run `openfinance world reset`"):
        await standing.advance(1)


async def test_an_interrupted_build_is_finished_by_the_next(opened, rows):
    standing = await opened(read_world(rows("jonas.brandt", "mikko.laine")), "broken")
    whole = await standing.build()
    before = await standing.platform.database[JOURNAL].count_documents({})
    await standing.database[CLOCK].delete_many({})
    await standing.database[PRODUCTS].delete_many({})
    await standing.database[LABELS].delete_many({"owner": standing.world.personas["mikko.laine"].id})
    with pytest.raises(Misconfigured, match="world build"):
        await WorldClock(standing.database).now()
    assert await standing.build() == whole
    assert await standing.platform.database[JOURNAL].count_documents({}) == before
    assert await standing.database[PRODUCTS].count_documents({}) == 1
    booked, pending = sum(each.booked for each in whole), sum(each.pending for each in whole)
    assert await standing.database[LABELS].count_documents({}) == booked + pending
    assert await WorldClock(standing.database).now() == standing.world.starts
