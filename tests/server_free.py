"""A store without a server, for tests in seconds: mongomock-motor made to fit PyMongo's asynchronous client.

mongomock-motor answers as Motor did, for a PyMongo of years ago; what our rooms (and Beanie 2) ask for
beyond that is adapted here, and nothing else. Pipelines, transactions and validators need a real server.
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from bson import ObjectId, decode, encode
from bson.binary import Binary
from bson.codec_options import CodecOptions
from mongomock_motor import AsyncMongoMockClient
from pymongo import ReplaceOne

from backend.documents.store import Store
from backend.kernel.errors import SealBroken
from backend.kernel.ids import KeyedHash

_AWARE = CodecOptions(tz_aware=True)


def server_free_store() -> Store:
    """An empty store in memory."""
    client: Any = AsyncMongoMockClient(tz_aware=True)
    return Store(client, ServerFreeDatabase(client["open_finance"]), PlainSealer(), KeyedHash(b"h" * 32))  # type: ignore[arg-type]


class ServerFreeDatabase:
    """A database that takes the options PyMongo's takes."""

    def __init__(self, database: Any) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def __getitem__(self, name: str) -> "ServerFreeCollection":
        return ServerFreeCollection(self._database[name])

    async def list_collection_names(self, **_options: Any) -> list[str]:
        return await self._database.list_collection_names()


class ServerFreeCollection:
    """A collection whose bulk writes know today's operations."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    def find(self, *arguments: Any, **options: Any) -> Any:
        options.pop("collation", None)  # without a server, capitals make another name
        return self._collection.find(*arguments, **options)

    async def bulk_write(self, operations: Iterable[ReplaceOne], **_options: Any) -> SimpleNamespace:
        results = [
            await self._collection.replace_one(operation._filter, operation._doc, operation._upsert or False)
            for operation in operations
        ]
        return SimpleNamespace(matched_count=sum(result.matched_count for result in results))


class PlainSealer:
    """Stands for the key vault: what it seals opens for its owner alone, but is not encrypted."""

    async def prepare(self, owners: Iterable[ObjectId]) -> None:
        list(owners)

    async def seal(self, owner: ObjectId, value: Any) -> Binary:
        return Binary(encode({"owner": owner, "value": value}), 6)

    async def open(self, owner: ObjectId, sealed: Binary) -> Any:
        opened = decode(sealed, _AWARE)
        if opened["owner"] != owner:
            raise SealBroken("The value was sealed for another owner")
        return opened["value"]
