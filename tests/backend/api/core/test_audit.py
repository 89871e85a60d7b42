"""The record of events: one chain for each person, in which every change shows."""

import asyncio

import pytest
from bson import ObjectId
from pymongo.errors import OperationFailure

from backend.api.identity.audit import Audit, Event, Verdict
from backend.documents.audit import GENESIS

ALICE = ObjectId("65a546ae4a8f64e8f88fb89e")


@pytest.fixture
def audit(services, database):
    """The record, empty."""
    return Audit(services.store)


async def append(audit, count=5, chain=ALICE):
    for number in range(count):
        await audit.append(Event(chain, f"user:{chain}", "token.issued", f"token:{number}"))


async def test_links_hang_together(audit, database):
    await append(audit, 3)
    links = await database.audit.find({}, sort=[("Seq", 1)]).to_list()
    assert [link["Seq"] for link in links] == [1, 2, 3]
    assert [link["Prev"] for link in links] == [GENESIS, links[0]["Hash"], links[1]["Hash"]]
    assert await audit.verify_chain(ALICE) == Verdict(3)


async def test_many_writers_of_one_chain_make_one_chain(audit):
    await asyncio.gather(*(append(audit, 2) for _ in range(10)))
    assert await audit.verify_chain(ALICE) == Verdict(20)


async def test_chains_of_two_people_do_not_touch(audit):
    await asyncio.gather(append(audit, 4), append(audit, 3, chain=ObjectId(b"another-user")))
    assert await audit.verify_chain(ALICE) == Verdict(4)
    assert await audit.verify_chain(ObjectId(b"another-user")) == Verdict(3)
    assert await audit.verify_chain(ObjectId()) == Verdict(0)


@pytest.mark.parametrize(
    "change",
    [
        {"Action": "token.revoked"},
        {"Times": 2},
        {"Actor": "system"},
        {"Hash": b"x" * 32},
        {"Prev": GENESIS},
        {"Extra": 1},
    ],
)
async def test_a_changed_link_is_found(audit, admin_client, database, change):
    await append(audit)
    await admin_client[database.name].audit.update_one({"Seq": 3}, {"$set": change})
    assert (await audit.verify_chain(ALICE)).broken_at in (3, 4)


async def test_a_missing_link_is_found(audit, admin_client, database):
    await append(audit)
    await admin_client[database.name].audit.delete_one({"Seq": 3})
    assert await audit.verify_chain(ALICE) == Verdict(2, broken_at=3)


async def test_the_application_cannot_change_or_delete_a_link(audit, database):
    await append(audit, 1)
    with pytest.raises(OperationFailure):
        await database.audit.update_one({}, {"$set": {"Action": "nothing"}})
    with pytest.raises(OperationFailure):
        await database.audit.delete_many({})
