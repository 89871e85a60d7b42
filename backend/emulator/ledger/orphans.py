"""Transactions whose process was killed: MongoDB keeps their locks for a minute, unless somebody ends them.

A process that dies between two statements leaves a transaction open, and everybody who wants the same documents
meets a write conflict until the server's time limit (60 s by default). Any process of the same database user may
see and end such a session. Ending one that is only slow is harmless: its transaction aborts and is tried again.
"""

import asyncio
from typing import Any, Final

from bson.binary import Binary
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from backend.kernel.log import get_logger

IDLE_SECONDS: Final = 2.0
_LOOK_EVERY_SECONDS: Final = 1.0


async def end_orphans(client: AsyncMongoClient[dict[str, Any]], idle_seconds: float = IDLE_SECONDS) -> int:
    """End this user's transactions whose clients let them wait that long; how many.

    A server that does not tell (shared Atlas tiers) lets them expire by themselves; a look that fails is repeated soon.
    """
    idle = {"type": "idleSession", "transaction.timeInactiveMicros": {"$gte": int(idle_seconds * 1_000_000)}}
    own = {"$currentOp": {"allUsers": False, "idleSessions": True}}
    try:
        found = await client.admin.aggregate([own, {"$match": idle}])
        sessions = [{"id": Binary.from_uuid(each["lsid"]["id"])} async for each in found]
        if sessions:
            await client.admin.command("killSessions", sessions)
    except PyMongoError as error:
        get_logger().debug("orphans.unseen", error_class=type(error).__name__)
        return 0
    return len(sessions)


async def keep_ending_orphans(client: AsyncMongoClient[dict[str, Any]]) -> None:
    """Do so every second until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        if ended := await end_orphans(client):
            get_logger().warning("orphans.ended", count=ended)
