"""The database as a whole: which collections there are, and Beanie started over them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from beanie import Document, init_beanie
from pymongo import AsyncMongoClient, IndexModel

from backend.documents.account import ExternalAccount
from backend.documents.audit import AuditEvent
from backend.documents.balance import ExternalBalance
from backend.documents.installation import Installation, check_keys
from backend.documents.machine_client import MachineClient, UsedAssertion
from backend.documents.product import ExternalProduct
from backend.documents.quarantine import Quarantined
from backend.documents.raw_payload import RawPayload
from backend.documents.store import Store, Stored
from backend.documents.token import Token
from backend.documents.transaction import ExternalTransaction
from backend.documents.user import User
from backend.kernel.ids import KeyedHash
from backend.kernel.keys import Keys
from backend.kernel.mongo.provision import CollectionSpec
from backend.kernel.sealing import Sealer

DOCUMENTS: Final[tuple[type[Document], ...]] = (
    Token,
    ExternalAccount,
    ExternalProduct,
    ExternalTransaction,
    ExternalBalance,
    RawPayload,
    Quarantined,
    User,
    AuditEvent,
    Installation,
    MachineClient,
    UsedAssertion,
)
APPEND_ONLY: Final = frozenset({"audit"})


def _spec(document: type[Document]) -> CollectionSpec:
    settings: Any = document.Settings
    indexes: list[IndexModel] = settings.indexes
    return CollectionSpec(
        name=settings.name,
        indexes=tuple(indexes),
        validator=settings.validator,
        append_only=settings.name in APPEND_ONLY,
    )


COLLECTIONS: Final[tuple[CollectionSpec, ...]] = tuple(_spec(document) for document in DOCUMENTS)


@asynccontextmanager
async def store_on(client: AsyncMongoClient[Stored], name: str, keys: Keys) -> AsyncIterator[Store]:
    """The store in the database ``name``, which `openfinance db setup` has prepared; Beanie is started over it.

    Raises Misconfigured when the keys are not those the database was begun with.
    """
    database = client[name]
    await init_beanie(database=database, document_models=list(DOCUMENTS), skip_indexes=True)
    async with Sealer(database, keys.master) as sealer:
        store = Store(client, database, sealer, KeyedHash(keys.hash))
        await check_keys(store)
        yield store
