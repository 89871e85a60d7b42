import asyncio
from datetime import timedelta

import httpx2
import pytest

from backend.emulator.faults import FaultStore, Rule, wrap
from backend.emulator.faults.calls import matches, split
from backend.emulator.faults.kinds import kinds
from backend.emulator.faults.packs import packs
from backend.kernel.clock import now, stopped_at
from backend.kernel.errors import DatabaseUnavailable, InvalidInput
from tests.backend.emulator.faults.conftest import World, served
from tests.backend.emulator.faults.sample_bank import DIALECTS, SampleBank

BANK = "green-bank"


async def statuses(world, times, bank=BANK):
    return [(await world.page(bank)).status_code for _ in range(times)]


async def test_a_count_clears_itself(world, misbehaves, store):
    await misbehaves(BANK, "unavailable", count=3)
    assert await statuses(world, 5) == [503, 503, 503, 200, 200]
    [rule] = await store.all(BANK)
    assert (rule.fired, rule.is_over(now())) == (3, True)


async def test_a_count_is_exact_for_callers_at_the_same_time(world, misbehaves):
    await misbehaves(BANK, "unavailable", count=5)
    answers = await asyncio.gather(*(world.page(BANK) for _ in range(30)))
    assert sorted(answer.status_code for answer in answers) == [200] * 25 + [503] * 5


async def test_chance_repeats_itself_for_a_seed_and_only_for_it(world, misbehaves, store):
    drawn = []
    for seed in ("first", "first", "second"):
        await misbehaves(BANK, "unavailable", probability=0.4, seed=seed)
        drawn.append(await statuses(world, 40))
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(4 < each.count(503) < 30 for each in drawn)
    [rule] = await store.all()
    assert (rule.fired, rule.turns) == (drawn[2].count(503), 40)


def test_chance_strikes_as_often_as_it_should():
    rule = Rule(bank=BANK, fault="reset", probability=0.05)
    assert 400 < sum(rule.hits(turn) for turn in range(10_000)) < 600


async def test_chance_and_count_together_end_after_the_count(world, misbehaves):
    await misbehaves(BANK, "unavailable", probability=0.5, count=2)
    assert (await statuses(world, 20)).count(503) == 2


async def test_a_rule_ends_at_its_time(store, misbehaves):
    await misbehaves(BANK, "unavailable", ends_at=now() + timedelta(minutes=5))
    assert len(await store.active(BANK, "GET", "/accounts")) == 1
    with stopped_at(now() + timedelta(minutes=6)):
        assert await store.active(BANK, "GET", "/accounts") == []


async def test_only_the_named_calls_are_struck(world, misbehaves):
    await misbehaves(BANK, "unavailable", call="GET /leafy/v1/accounts/{account}/transactions")
    async with world.client(BANK) as client:
        asked = [
            ("GET", "/leafy/v1/accounts"),
            ("GET", world.banks[BANK].dialect.path),
            ("POST", world.banks[BANK].dialect.path),
        ]
        answers = [(await client.request(method, path)).status_code for method, path in asked]
    assert answers == [200, 503, 200]


@pytest.mark.parametrize(
    ("call", "method", "path", "is_meant"),
    [
        ("/*", "DELETE", "/v1/consents/1", True),
        ("* /v1/accounts/{account}", "GET", "/v1/accounts/7", True),
        ("GET /v1/accounts/{account}", "GET", "/v1/accounts/7/balances", False),
        ("GET /v1/accounts/*", "GET", "/v1/accounts/7/balances", True),
        ("POST /v1/accounts/*", "GET", "/v1/accounts/7", False),
        ("GET /v1/accounts/{account-id}/{x}/{x}", "GET", "/v1/accounts/7/a/b", True),
        ("/a.b", "GET", "/aXb", False),
    ],
)
def test_a_call_is_a_method_and_a_template(call, method, path, is_meant):
    assert matches(call, method, path) is is_meant


@pytest.mark.parametrize("call", ["", "v1/accounts", "get /v1", "GET  /v1", "GET"])
def test_what_is_no_call_is_refused(call):
    with pytest.raises(InvalidInput, match="A call is"):
        split(call)


async def test_an_unknown_fault_or_call_is_refused(store):
    with pytest.raises(InvalidInput, match="no fault of that name"):
        await store.put(Rule(bank=BANK, fault="gremlins"))
    with pytest.raises(InvalidInput, match="A call is"):
        await store.put(Rule(bank=BANK, fault="reset", call="nowhere"))
    assert await store.all() == []


async def test_setting_a_rule_again_begins_anew(world, misbehaves, store):
    await misbehaves(BANK, "unavailable", count=1)
    await statuses(world, 1)
    await misbehaves(BANK, "unavailable", count=2)
    assert await statuses(world, 3) == [503, 503, 200]
    assert len(await store.all()) == 1


async def test_rules_are_cleared_by_bank_and_fault(misbehaves, store):
    for bank, fault in ((BANK, "reset"), (BANK, "no-ids"), ("otso-bank", "reset"), ("otso-bank", "no-ids")):
        await misbehaves(bank, fault)
    assert await store.clear("nobody") == 0
    assert await store.clear(BANK, "reset") == 1
    assert await store.clear(None, "no-ids") == 2
    assert [(rule.bank, rule.fault) for rule in await store.all()] == [("otso-bank", "reset")]
    assert await store.clear() == 1


async def test_what_another_process_sets_holds_after_half_a_second(faults_uri, database_name, misbehaves, store):
    with served(World(faults_uri, f"{database_name}_faults", cached_seconds=0.5)) as world:
        assert await statuses(world, 1) == [200]
        await misbehaves(BANK, "unavailable")
        await asyncio.sleep(0.6)
        assert await statuses(world, 1) == [503]
        await store.clear()
        await asyncio.sleep(0.6)
        assert await statuses(world, 1) == [200]


async def test_without_rules_the_database_is_asked_twice_a_second_at_most(faults_client, database_name, store):
    asked = 0

    class Counted(FaultStore):
        async def all(self, bank=None):
            nonlocal asked
            asked += 1
            return await super().all(bank)

    counted = Counted(faults_client[f"{database_name}_faults"])
    for _ in range(50):
        assert await counted.active(BANK, "GET", "/accounts") == []
    assert asked == 1


async def test_a_bank_without_rules_to_read_answers_for_itself(faults_client, database_name):
    class Away(FaultStore):
        async def all(self, _bank=None):
            raise DatabaseUnavailable("away")

    app = wrap(SampleBank(DIALECTS["leafy"]), BANK, Away(faults_client[f"{database_name}_faults"]), dialect="leafy")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://bank") as client:
        assert (await client.get("/leafy/v1/accounts")).status_code == 200


def test_kinds_and_packs_have_names_of_their_own_and_a_sentence():
    assert not set(kinds()) & set(packs())
    for each in (*kinds().values(), *packs().values()):
        assert each.says.endswith(".")
        assert len(each.says) < 120
