"""`openfinance audit verify`: every chain is checked, and what was cut off is missed."""

import asyncio
import json

import pytest
from bson import ObjectId

from backend.api.identity.audit import Audit, Event

ALICE, BOB = ObjectId("65a546ae4a8f64e8f88fb89e"), ObjectId("65a546ae4a8f64e8f88fb89f")


@pytest.fixture
async def record(store):
    """Two people's chains of three links."""
    for chain in (ALICE, BOB):
        for number in range(3):
            await Audit(store).append(Event(chain, "system", "token.issued", f"token:{number}"))


@pytest.fixture
def audit(admin_client, database):
    """The collection, as somebody who may do everything sees it."""
    return admin_client[database.name].audit


@pytest.fixture
def verify(openfinance):
    """Runs the command in a thread, as it has a loop of its own: exit code and what it printed."""

    async def run():
        done = await asyncio.to_thread(openfinance, "audit", "verify")
        return done.exit_code, done.output

    return run


@pytest.fixture
def checkpoints(tmp_path):
    return tmp_path / "home" / "audit.checkpoints"


@pytest.mark.usefixtures("record")
async def test_what_is_right_is_written_down_for_the_owner_alone(verify, checkpoints):
    code, said = await verify()
    assert (code, "6 links of 2 chains" in said) == (0, True)
    assert (await verify())[0] == 0
    first, second = (json.loads(line) for line in checkpoints.read_text().splitlines())
    assert set(first["heads"]) == {str(ALICE), str(BOB)}
    assert (second["heads"], second["above"], second["count"]) == ({}, first["mac"], 6)
    assert checkpoints.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("record")
async def test_the_first_bad_link_of_every_chain_is_named_and_nothing_written_down(verify, audit, checkpoints):
    await audit.update_one({"Chain": ALICE, "Seq": 2}, {"$set": {"Action": "nothing", "More": [1.5, 2**60]}})
    await audit.delete_one({"Chain": BOB, "Seq": 1})
    code, said = await verify()
    assert code == 1
    assert f"Chain {ALICE}: link 2 was changed or is missing" in said
    assert f"Chain {BOB}: link 1 was changed or is missing" in said
    assert checkpoints.read_text() == ""


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("lost", [1, 3])
async def test_a_chain_without_its_end_is_missed_again_and_again(verify, audit, lost):
    await verify()
    await audit.delete_many({"Chain": BOB, "Seq": {"$gt": 3 - lost}})
    for _ in range(2):
        code, said = await verify()
        assert code == 1
        assert f"Chain {BOB}: link {4 - lost} was changed or is missing" in said


@pytest.mark.usefixtures("record")
async def test_a_chain_that_went_on_is_compared_with_where_it_was(verify, store, audit):
    await verify()
    await audit.delete_many({"Chain": BOB, "Seq": 3})
    await Audit(store).append(Event(BOB, "system", "token.issued", "token:another"))
    await Audit(store).append(Event(BOB, "system", "token.issued", "token:more"))
    code, said = await verify()
    assert (code, f"Chain {BOB}: link 3" in said) == (1, True)


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    "damage",
    [lambda first, _: first.replace('"count":6', '"count":5'), lambda _, second: second, lambda *_: "nonsense"],
    ids=["changed", "the first is missing", "nonsense"],
)
async def test_checkpoints_that_were_not_written_so_are_refused(verify, checkpoints, damage):
    await verify()
    await verify()
    checkpoints.write_text(damage(*checkpoints.read_text().splitlines()) + "\n")
    code, said = await verify()
    assert (code, "Line 1 of" in said) == (1, True)
