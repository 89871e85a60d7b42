"""The banks in a process of their own, over databases that stand: `python -m …server_process '{"uris": …}'`."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import uvicorn

from backend.emulator.app import Ground, create_world_server
from backend.emulator.ledger.platform import Platform
from backend.emulator.world.reading import read_world
from backend.kernel.ids import KeyedHash
from backend.kernel.mongo.client import connect


class Announced(uvicorn.Server):
    """Says so when it listens."""

    async def startup(self, sockets=None):
        await super().startup(sockets)
        sys.stdout.write("ready\n")
        sys.stdout.flush()


async def serve(facts):
    async with AsyncExitStack() as stack:
        rooms = {}
        for room, uri in facts["uris"].items():
            client = await stack.enter_async_context(connect(uri))
            rooms[room] = client.get_default_database()
        ground = Ground(
            world=read_world(Path(facts["rows"])),
            ledger=Platform(rooms["books"].client, rooms["books"]).ledger,
            world_database=rooms["world"],
            oauth_database=rooms["oauth"],
            terms_database=rooms["terms"],
            keyed_hash=KeyedHash(bytes(range(32))),
        )
        # The port its addresses name is the one that tokens were issued at.
        app = create_world_server(ground, port=facts["issuing_port"])
        server = Announced(uvicorn.Config(app, host="127.0.0.1", port=facts["port"], log_level="warning"))
        await server.serve()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
