"""Proof that the keys are the ones this database was begun with: the `installation` collection, one document.

With another hash key every account would be new and every token unknown; with another master key nothing
would open. Either is noticed before anything is written.
"""

from typing import ClassVar, Final

from beanie import Document
from bson import ObjectId
from bson.binary import Binary
from pydantic import Field, InstanceOf
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from backend.documents.schema import schema, sealed
from backend.documents.store import Store, Stored
from backend.kernel.errors import Misconfigured, SealBroken

KEYS: Final = "keys"
# Owner of what belongs to the installation itself.
ITSELF: Final = ObjectId("000000000000000000000001")
_WORD: Final = "the keys of this installation"


class Installation(Document):
    """A known word, once as a keyed digest and once sealed."""

    id: str = Field(alias="_id")  # type: ignore[assignment]  # always "keys"
    hash_check: bytes = Field(alias="HashCheck")
    master_check: InstanceOf[Binary] = Field(alias="MasterCheck")

    class Settings:
        """Collection, and what the server refuses."""

        name = "installation"
        indexes: ClassVar[list[IndexModel]] = []
        validator: ClassVar = schema(required=["HashCheck", "MasterCheck"], properties={"MasterCheck": sealed()})


async def check_keys(store: Store) -> None:
    """Misconfigured when HASH_KEY or MASTER_KEY is not the one the database was begun with."""
    known = await _known(store)
    if known["HashCheck"] != store.keyed_hash.digest("installation", _WORD):
        raise Misconfigured(
            "HASH_KEY is not the one this database was begun with; restore it, or use another OPENFINANCE_DB_NAME"
        )
    try:
        await store.sealer.open(ITSELF, known["MasterCheck"])
    except SealBroken as error:
        raise Misconfigured(
            "MASTER_KEY is not the one this database was begun with; restore it, or use another OPENFINANCE_DB_NAME"
        ) from error


async def _known(store: Store) -> Stored:
    """The document, written now if this is the first time the database is opened."""
    collection = store.collection(Installation.Settings.name)
    known = await collection.find_one({"_id": KEYS})
    if known is None:
        known = {"_id": KEYS, "HashCheck": store.keyed_hash.digest("installation", _WORD)}
        try:
            known["MasterCheck"] = await store.sealer.seal(ITSELF, _WORD)
            await collection.insert_one(known)
        except SealBroken as error:
            raise Misconfigured("The key vault holds keys that this MASTER_KEY does not open; restore it") from error
        except DuplicateKeyError:  # another process opened it at the same moment
            known = await collection.find_one({"_id": KEYS}) or known
    return known
