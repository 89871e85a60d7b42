"""What every room above works with: the database, the sealer and the keyed hashes, opened together."""

from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from backend.kernel.ids import KeyedHash
from backend.kernel.sealing import Sealer

Stored = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Store:
    """An open store; whoever opened it closes it."""

    client: AsyncMongoClient[Stored]
    database: AsyncDatabase[Stored]
    sealer: Sealer
    keyed_hash: KeyedHash

    def collection(self, name: str) -> AsyncCollection[Stored]:
        """The collection as the driver sees it: for lists and for writing in bulk."""
        return self.database[name]
