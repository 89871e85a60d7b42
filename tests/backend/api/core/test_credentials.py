"""Credentials: what is remembered, for how long, and what is written in the background."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from pymongo.errors import AutoReconnect

from backend.api.identity import credentials as module
from backend.api.identity.audit import Audit
from backend.api.identity.credentials import Credentials
from backend.kernel import clock

NOW = datetime(2030, 1, 2, 12, 30, 45, tzinfo=UTC)


@pytest.fixture
async def alice(services, database):
    """A person as stored, without a password."""
    return await services.people.sign_up("alice", None)


@pytest.fixture
async def credentials(services, alice):
    """Credentials of their own, with nothing remembered, that write only when told to."""
    return Credentials(services.store, services.audit)


async def issue(credentials, user, **more):
    wish = {"kind": "personal", "scopes": ["read"], "expires_at": None} | more
    return await credentials.issue(user_id=user["_id"], user_name=user["UserName"], **wish)


async def test_a_token_is_recognised_and_then_remembered_without_the_database(credentials, alice, database):
    issued = await issue(credentials, alice)
    assert credentials.remembered(issued.token) is None
    viewer = await credentials.recognise(issued.token)
    assert viewer.user_id == alice["_id"]
    await database.tokens.delete_many({})
    assert await credentials.recognise(issued.token) == viewer


async def test_another_process_follows_a_revocation_when_its_memory_ends(credentials, services, alice, monkeypatch):
    issued = await issue(credentials, alice)
    assert await credentials.recognise(issued.token)
    await services.credentials.revoke(user_id=alice["_id"], token_id=issued.stored["_id"], actor="user")
    begun = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: begun + module.REMEMBERED_SECONDS + 0.1)
    assert await credentials.recognise(issued.token) is None


async def test_a_token_revoked_while_it_is_being_looked_up_is_not_remembered(credentials, alice, monkeypatch):
    issued = await issue(credentials, alice)
    found, go_on = asyncio.Event(), asyncio.Event()
    users = credentials._users

    class Slow:
        async def find_one(self, *args):
            found.set()
            await go_on.wait()
            return await users.find_one(*args)

    credentials._users = Slow()
    looking = asyncio.create_task(credentials.recognise(issued.token))
    await found.wait()
    await credentials.revoke(user_id=alice["_id"], token_id=issued.stored["_id"], actor="user")
    go_on.set()
    await looking
    assert credentials.remembered(issued.token) is None
    assert await credentials.recognise(issued.token) is None


async def test_a_remembered_token_still_expires_on_time(credentials, alice):
    issued = await issue(credentials, alice, expires_at=NOW + timedelta(seconds=1))
    with clock.stopped_at(NOW):
        assert await credentials.recognise(issued.token)
    with clock.stopped_at(NOW + timedelta(seconds=1)):
        assert credentials.remembered(issued.token) is None
        assert await credentials.recognise(issued.token) is None


async def test_the_memory_has_an_end(credentials, alice, monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED_MAX", 3)
    tokens = [(await issue(credentials, alice)).token for _ in range(5)]
    for token in tokens:
        await credentials.recognise(token)
    assert [credentials.remembered(token) is not None for token in tokens] == [False, False, True, True, True]


async def test_uses_are_written_together_one_link_for_each_route(credentials, alice, database):
    issued = await issue(credentials, alice)
    viewer = await credentials.recognise(issued.token)
    await database.audit.find_one()
    before = await database.audit.count_documents({})
    with clock.stopped_at(NOW):
        for _ in range(100):
            credentials.used(viewer, "GET /api/v1/accounts")
        credentials.used(viewer, "GET /api/v1/products")
    assert await database.audit.count_documents({}) == before
    await credentials.flush()
    token = await database.tokens.find_one({"_id": viewer.token_id})
    assert token["TokenDates"]["LastUseDate"] == NOW.replace(second=0)
    links = await database.audit.find({"Action": "route.called"}).to_list()
    counts = {link["Object"]: link["Times"] for link in links}
    assert counts == {"GET /api/v1/accounts": 100, "GET /api/v1/products": 1}
    await credentials.flush()
    assert await database.audit.count_documents({}) == before + 2


async def test_what_waits_is_written_when_the_api_stops(services, alice, database):
    async with Credentials(services.store, services.audit) as credentials:
        viewer = await credentials.recognise((await issue(credentials, alice)).token)
        credentials.used(viewer, "GET /api/v1/accounts")
    assert await database.audit.count_documents({"Action": "route.called"}) == 1


async def test_uses_that_cannot_be_written_wait_for_the_next_time(services, alice, database):
    class Failing(Audit):
        left = 1

        async def append(self, event):
            if event.object == "GET /b" and self.left:
                self.left -= 1
                raise AutoReconnect("gone")
            await super().append(event)

    credentials = Credentials(services.store, Failing(services.store))
    viewer = await credentials.recognise((await issue(credentials, alice)).token)
    for what in ("GET /a", "GET /b", "GET /b", "GET /c"):
        credentials.used(viewer, what)
    with pytest.raises(AutoReconnect):
        await credentials.flush()
    credentials.used(viewer, "GET /b")
    await credentials.flush()
    links = await database.audit.find({"Action": "route.called"}).to_list()
    assert {link["Object"]: link["Times"] for link in links} == {"GET /a": 1, "GET /b": 3, "GET /c": 1}


async def test_the_scopes_of_a_token_are_those_it_was_issued_with(credentials, alice):
    issued = await issue(credentials, alice, scopes=["read", "operate"])
    assert (await credentials.recognise(issued.token)).scopes == {"read"}


async def test_nobody_revokes_what_is_anothers(credentials, alice):
    issued = await issue(credentials, alice)
    token_id = issued.stored["_id"]
    assert not await credentials.revoke(user_id=ObjectId(), token_id=token_id, actor="user")
    assert await credentials.recognise(issued.token)
