"""One service in a process of its own, to be killed; every message reaches it three times and in no order."""

import asyncio
import os
import random
import sys

import uvicorn

from backend.emulator.ledger.api import create_ledger_app
from backend.emulator.ledger.callers import SignedOwner
from backend.emulator.ledger.platform import Platform
from backend.kernel.ids import KeyedHash
from backend.kernel.mongo.client import connect


def thrice_shuffled(records):
    arrived = records * 3
    random.shuffle(arrived)
    return arrived


async def serve(service: str, port: int) -> None:
    async with connect(os.environ["LEDGER_URI"]) as client:
        database = client[os.environ["LEDGER_DATABASE"]]
        platform = Platform(client, database, arrange=thrice_shuffled, poll_seconds=0.1)
        app = create_ledger_app(platform, SignedOwner(KeyedHash(b"k" * 32)), services=[service])
        await uvicorn.Server(uvicorn.Config(app, port=port, log_level="error")).serve()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
