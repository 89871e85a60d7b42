"""The MongoDB of a test run: one server for all workers, one database for each."""

import asyncio
import base64
import os
import random
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from backend.kernel.keys import Keys
from backend.kernel.mongo.embedded import EmbeddedMongo

_RUN = "openfinance-tests-"
# One pair for all tests: data keys outlive the databases that are emptied between them.
KEYS = Keys(master=b"m" * 96, hash=b"h" * 32)
# The same for commands and servers that tests start.
KEY_SETTINGS = {
    "MASTER_KEY": base64.b64encode(KEYS.master).decode(),
    "HASH_KEY": base64.b64encode(KEYS.hash).decode(),
}


def free_port() -> int:
    """A port nobody listens on, below those the kernel lends to outgoing connections."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - not a secret
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def new_run() -> dict[str, Any]:
    """Where this run's server will live, and its port; nothing is started before a test asks for it."""
    _clear_dead_runs()
    home = tempfile.mkdtemp(prefix=f"{_RUN}{os.getpid()}-")
    return {"mongo_home": home, "mongo_port": free_port()}


def end_run(run: dict[str, Any]) -> None:
    _clear(Path(run["mongo_home"]), run["mongo_port"])


async def empty(client: AsyncMongoClient[dict[str, Any]], database_name: str) -> None:
    """Delete all documents, and leave collections, validators and indexes as they are.

    ``client`` is an administrator's: the application cannot delete from append-only collections.
    """
    database = client.get_database(database_name, write_concern=WriteConcern(w=1, j=False))
    names = await database.list_collection_names(filter={"type": "collection"})

    async def clear(name: str) -> None:
        if await database[name].find_one({}, {"_id": 1}):
            await database[name].delete_many({})

    await asyncio.gather(*(clear(name) for name in names if not name.startswith("system.")))


def _clear_dead_runs() -> None:
    """Servers of runs that were killed before they could stop them."""
    for home in Path(tempfile.gettempdir()).glob(f"{_RUN}*"):
        owner = int(home.name.removeprefix(_RUN).partition("-")[0])
        try:
            os.kill(owner, 0)
        except ProcessLookupError:
            _clear(home, 0)
        except PermissionError:
            continue


def _clear(home: Path, port: int) -> None:
    EmbeddedMongo(home, port).stop()
    shutil.rmtree(home, ignore_errors=True)
