import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from backend.emulator.faults.packs import packs
from backend.kernel.strict_json import loads

BANKS = ("green-bank", "havel-bank", "severn-bank", "otso-bank")
WITH_PENDING = ("green-bank", "havel-bank", "severn-bank")
WITH_INSTANTS = ("green-bank", "severn-bank")


def pending(rows):
    return [row for row in rows if row.is_pending]


def without(rows, *names):
    return [replace(row, **dict.fromkeys(names)) for row in rows]


def ids(rows):
    return [row.id for row in rows]


async def following_day(world, bank):
    before, world.now = world.now, world.now + timedelta(days=1)
    rows = await world.rows(bank)
    world.now = before
    return rows


async def ids_reissued(world, bank, healthy):
    today = await world.rows(bank)
    assert without(today, "id") == without(healthy, "id")
    assert len(set(ids(today))) == len(today)
    assert not set(ids(today)) & set(ids(healthy))
    world.now += timedelta(hours=11)
    assert await world.rows(bank) == today
    tomorrow = await following_day(world, bank)
    assert not set(ids(tomorrow)) & set(ids(today))
    assert {len(one) for one in ids(today)} == {len(one) for one in ids(tomorrow)}


async def references_reissued(world, bank, healthy):
    await ids_reissued(world, bank, without(healthy, "reference")) if bank == "green-bank" else None
    today, tomorrow = await world.rows(bank), await following_day(world, bank)
    assert without(today, "id", "reference") == without(healthy, "id", "reference")
    assert not {(row.id, row.reference) for row in today} & {(row.id, row.reference) for row in tomorrow}
    if bank != "green-bank":
        assert not {row.reference for row in today} & {row.reference for row in tomorrow}


async def ids_partly_reissued(world, bank, healthy):
    today, tomorrow = await world.rows(bank), await following_day(world, bank)
    assert without(today, "id") == without(healthy, "id")
    changed = [set(ids(rows)) - set(ids(healthy)) for rows in (today, tomorrow)]
    assert all(0 < len(each) < len(healthy) / 2 for each in changed)
    assert changed[0] != changed[1]


async def no_ids(world, bank, healthy):
    assert await world.rows(bank) == without(healthy, "id", "reference")


def one_id(value):
    async def check(world, bank, healthy):
        assert await world.rows(bank) == [replace(row, id=value) for row in healthy]

    return check


async def positional_ids(world, bank, healthy):
    rows = await world.rows(bank)
    assert without(rows, "id") == without(healthy, "id")
    assert all(re.fullmatch(rf"{row.booked[:10]}\.\d+", row.id) for row in rows)


async def identical_twins(world, bank, healthy):
    counts = Counter(await world.rows(bank))
    assert set(counts) == set(without(healthy, "id", "reference"))
    assert set(counts.values()) == {1, 41}
    assert Counter(await following_day(world, bank)) == counts


async def repeated_rows(world, bank, healthy):
    counts = Counter(await world.rows(bank))
    assert set(counts) == set(healthy)
    assert set(counts.values()) == {1, 2}


async def text_changed(world, bank, healthy):
    rows = await world.rows(bank)
    assert without(rows, "text") == without(healthy, "text")
    assert pending(rows) == pending(healthy)
    for row, was in zip(rows, healthy, strict=True):
        assert row.is_pending or re.fullmatch(rf"POS \d{{6}} {re.escape(was.text.upper())}", row.text)


async def dates_swapped(world, bank, healthy):
    assert await world.rows(bank) == [replace(row, booked=row.valued, valued=row.booked) for row in healthy]


async def next_null(world, bank, healthy):
    response = await world.page(bank)
    assert b"null" in response.content
    assert world.banks[bank].dialect.following(response.json()) is None
    assert await world.rows(bank) == healthy[: len(list(world.banks[bank].dialect.rows(response.json())))]


async def next_null_prefix(world, bank, _healthy):
    dialect = world.banks[bank].dialect
    named = dialect.following((await world.page(bank)).json())
    by_cursor = bank == "green-bank"
    assert named == (f"{dialect.path}?cursor=null/1" if by_cursor else f"null{dialect.path}?page=1")


async def pending_vanishing(world, bank, healthy):
    days = [await world.rows(bank), await following_day(world, bank)]
    assert sorted(days, key=len) == [[row for row in healthy if not row.is_pending], healthy]


async def unsigned(world, bank, healthy):
    rows = await world.rows(bank)
    assert without(rows, "amount") == without(healthy, "amount", "direction")
    assert [Decimal(row.amount) for row in rows] == [abs(Decimal(row.amount)) for row in healthy]
    assert {type(row.amount) for row in rows} == {type(row.amount) for row in healthy}


async def pending_inverted(world, bank, healthy):
    rows = await world.rows(bank)
    assert [row for row in rows if not row.is_pending] == [row for row in healthy if not row.is_pending]
    for row, was in zip(pending(rows), pending(healthy), strict=True):
        if was.direction:
            assert {row.direction, was.direction} == {"Debit", "Credit"}
            assert row == replace(was, direction=row.direction)
        else:
            assert Decimal(row.amount) == -Decimal(was.amount)


async def balances(world, bank):
    dialect = world.banks[bank].dialect
    async with world.client(bank) as client:
        return dialect.balance_amounts(loads((await client.get(dialect.balances_path)).content))


async def balance_missing(world, bank, healthy):
    assert await balances(world, bank) == []
    assert await world.rows(bank) == healthy


async def no_time_zone(world, bank, healthy):
    cut = [replace(row, booked=row.booked[:19], valued=row.valued[:19]) for row in healthy]
    assert await world.rows(bank) == cut
    assert all(len(row.booked) == 19 for row in cut)


async def exact_rows(world, bank):
    dialect = world.banks[bank].dialect
    return list(dialect.rows(loads((await world.page(bank)).content)))


async def retyped(world, bank, healthy):
    other = str if bank == "green-bank" else Decimal
    rows = await exact_rows(world, bank)
    assert {type(row.amount) for row in rows} == {other}
    assert {type(amount) for amount in await balances(world, bank)} == {other}
    assert [Decimal(row.amount) for row in rows[:10]] == [Decimal(str(row.amount)) for row in healthy[:10]]


async def mixed(world, bank, healthy):
    rows = await exact_rows(world, bank)
    assert {type(row.amount) for row in rows} == {str, Decimal}
    assert [Decimal(row.amount) for row in rows[:10]] == [Decimal(str(row.amount)) for row in healthy[:10]]


async def long_remittance(world, bank, healthy):
    rows = await world.rows(bank)
    assert without(rows, "text") == without(healthy, "text")
    assert {len(row.text) for row in rows} == {280}
    assert all(row.text.startswith(was.text) for row, was in zip(rows, healthy, strict=True))


SEEN = {
    "ids-reissued": (ids_reissued, BANKS),
    "ids-and-references-reissued": (references_reissued, BANKS),
    "ids-partly-reissued": (ids_partly_reissued, BANKS),
    "no-ids": (no_ids, BANKS),
    "constant-id": (one_id("9998"), BANKS),
    "blank-id": (one_id(" "), BANKS),
    "positional-ids": (positional_ids, BANKS),
    "identical-twins": (identical_twins, BANKS),
    "repeated-rows": (repeated_rows, BANKS),
    "text-changed-at-booking": (text_changed, BANKS),
    "dates-swapped": (dates_swapped, BANKS),
    "next-null": (next_null, BANKS),
    "next-null-prefix": (next_null_prefix, BANKS),
    "pending-vanishing": (pending_vanishing, WITH_PENDING),
    "unsigned-amounts": (unsigned, BANKS),
    "pending-sign-inverted": (pending_inverted, WITH_PENDING),
    "balance-missing": (balance_missing, BANKS),
    "no-time-zone": (no_time_zone, WITH_INSTANTS),
    "amounts-retyped": (retyped, BANKS),
    "amounts-mixed": (mixed, BANKS),
    "long-remittance": (long_remittance, BANKS),
}


def test_every_pack_is_looked_at_from_outside():
    assert set(SEEN) == set(packs())


@pytest.mark.parametrize(("pack", "bank"), [(pack, bank) for pack, (_, banks) in SEEN.items() for bank in banks])
async def test_a_client_sees_the_pack(pack, bank, world, misbehaves, store):
    healthy = await world.rows(bank)
    neighbour = await world.rows("mongodb-bank")
    await misbehaves(bank, pack)
    await SEEN[pack][0](world, bank, healthy)
    [rule] = await store.all()
    assert rule.fired > 0
    assert await world.rows("mongodb-bank") == neighbour
    await store.clear(bank, pack)
    assert await world.rows(bank) == healthy


async def test_chance_in_a_pack_is_the_seeds_banks_and_accounts(world, misbehaves, store):
    seen = []
    for bank, seed in (("green-bank", "a"), ("green-bank", "a"), ("green-bank", "b"), ("mongodb-bank", "a")):
        await store.clear()
        await misbehaves(bank, "ids-reissued", seed=seed)
        seen.append(tuple(ids(await world.rows(bank))))
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3


async def test_a_list_of_all_accounts_has_the_ids_of_the_lists_of_each(world, misbehaves):
    await misbehaves("severn-bank", "ids-reissued")
    dialect = world.banks["severn-bank"].dialect
    async with world.client("severn-bank") as client:
        of_all = (await client.get(dialect.path.replace("accounts/a1/", ""))).json()
    assert ids(dialect.rows(of_all)) == ids(dialect.rows((await world.page("severn-bank")).json()))


async def test_packs_and_faults_add_up(world, misbehaves):
    healthy = await world.rows("havel-bank")
    await misbehaves("havel-bank", "no-ids")
    await misbehaves("havel-bank", "long-remittance")
    rows = await world.rows("havel-bank")
    assert {(row.id, len(row.text)) for row in rows} == {(None, 280)}
    await misbehaves("havel-bank", "paging-loop", count=1)
    looped = (await world.page("havel-bank")).json()
    assert world.banks["havel-bank"].dialect.following(looped) == world.banks["havel-bank"].dialect.path
    assert [row.amount for row in rows] == [row.amount for row in healthy]


async def test_refusals_and_pages_for_people_stay_as_they_are(world, misbehaves, store):
    await misbehaves("green-bank", "no-ids")
    async with world.client("green-bank") as client:
        assert (await client.get("/nowhere")).json() == {"error": "unknown"}
    assert [rule.fired for rule in await store.all()] == [0]
