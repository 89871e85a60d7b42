"""`openfinance users`: who is here."""

import asyncio

from bson import ObjectId

from backend.kernel import clock


async def test_a_name_is_printed_whole(openfinance, store):
    name = "a-name-of-quite-some-length-for-eighty-columns"
    await store.collection("users").insert_one({"_id": ObjectId(), "UserName": name, "CreatedAt": clock.now()})
    listed = (await asyncio.to_thread(openfinance, "users", "list")).output
    cells = "".join(line.strip("│").split("│")[0].strip() for line in listed.splitlines() if line.startswith("│"))
    assert cells == name
