import asyncio
import socket
from contextlib import suppress

import pytest
from bson import ObjectId
from bson.binary import Binary
from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure

from backend.kernel.errors import SealBroken
from backend.kernel.sealing import Sealer

ANNA, BEN = ObjectId("64b000000000000000000001"), ObjectId("64b000000000000000000002")


@pytest.fixture
async def sealer(database):
    async with Sealer(database, b"m" * 96) as opened:
        yield opened
        for owner in (ANNA, BEN):
            await opened.forget(owner)


@pytest.mark.parametrize("value", ["204515807", b"\x00\xff", {"Name": {"FirstName": "Anna"}}])
async def test_what_is_sealed_opens_for_its_owner(sealer, value):
    sealed = await sealer.seal(ANNA, value)
    assert sealed.subtype == 6
    assert await sealer.open(ANNA, sealed) == value


async def test_the_plain_value_is_not_in_the_ciphertext_and_no_two_are_alike(sealer):
    first, second = [await sealer.seal(ANNA, "204515807") for _ in range(2)]
    assert b"204515807" not in first
    assert first != second


async def test_a_ciphertext_moved_to_another_owner_does_not_open_there(sealer):
    sealed = await sealer.seal(ANNA, "204515807")
    with pytest.raises(SealBroken, match="another owner"):
        await sealer.open(BEN, sealed)


async def test_a_changed_byte_is_noticed(sealer):
    sealed = bytearray(await sealer.seal(ANNA, "204515807"))
    sealed[-1] ^= 1
    with pytest.raises(SealBroken):
        await sealer.open(ANNA, Binary(bytes(sealed), 6))


async def test_forgetting_an_owner_makes_all_of_theirs_unreadable_and_no_others(sealer):
    annas, bens = await sealer.seal(ANNA, "a"), await sealer.seal(BEN, "b")
    assert await sealer.forget(ANNA)
    assert not await sealer.forget(ANNA)
    with pytest.raises(SealBroken, match="erased"):
        await sealer.open(ANNA, annas)
    assert await sealer.open(BEN, bens) == "b"


async def test_two_processes_make_one_key_for_an_owner(database, sealer):
    async with Sealer(database, b"m" * 96) as other:
        sealed = await other.seal(ANNA, "from the other process")
        assert await sealer.open(ANNA, await sealer.seal(ANNA, "from this one")) == "from this one"
        assert await sealer.open(ANNA, sealed) == "from the other process"
    keys = database.client["encryption"]["__keyVault"]
    assert await keys.count_documents({"keyAltNames": f"{database.name}/user/{ANNA}"}) == 1


async def test_keys_of_many_owners_are_prepared_together(sealer):
    owners = [ObjectId() for _ in range(20)]
    await sealer.prepare(owners)
    await sealer.prepare(owners)
    for owner in owners:
        assert await sealer.open(owner, await sealer.seal(owner, "x")) == "x"
        await sealer.forget(owner)


async def test_another_master_key_opens_nothing(database, sealer):
    sealed = await sealer.seal(ANNA, "204515807")
    async with Sealer(database, b"x" * 96) as stranger:
        with pytest.raises(SealBroken):
            await stranger.open(ANNA, sealed)


async def test_a_key_vault_that_does_not_answer_is_not_taken_for_an_erased_value(sealer):
    sealed = await sealer.seal(ANNA, "204515807")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"mongodb://127.0.0.1:{silent.getsockname()[1]}"
        async with (
            AsyncMongoClient(uri, serverSelectionTimeoutMS=200) as nowhere,
            Sealer(nowhere["nowhere"], b"m" * 96) as cut_off,
        ):
            with pytest.raises(ConnectionFailure):
                await cut_off.open(ANNA, sealed)


async def test_erasing_a_person_leaves_the_same_person_of_another_installation_alone(client, sealer):
    async with Sealer(client["another_installation"], b"m" * 96) as other:
        kept = await other.seal(ANNA, "theirs")
        await sealer.seal(ANNA, "ours")
        await sealer.forget(ANNA)
        assert await other.open(ANNA, kept) == "theirs"
        await other.forget(ANNA)


async def test_forgetting_one_person_while_others_are_sealed_and_opened_harms_nobody(sealer):
    sealed = await sealer.seal(BEN, "b")

    async def work():
        for _ in range(40):
            await sealer.seal(BEN, "b")
            assert await sealer.open(BEN, sealed) == "b"

    async def erase():
        for _ in range(20):
            with suppress(SealBroken):  # the other one was quicker
                await sealer.seal(ANNA, "a")
            await sealer.forget(ANNA)

    await asyncio.gather(*(work() for _ in range(8)), erase(), erase())
