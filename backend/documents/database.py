"""The database as a whole: which collections there are, and Beanie started over them."""

from typing import Any, Final

from beanie import Document, init_beanie
from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from backend.documents.account import ExternalAccount
from backend.documents.audit import AuditEvent
from backend.documents.balance import ExternalBalance
from backend.documents.product import ExternalProduct
from backend.documents.quarantine import Quarantined
from backend.documents.raw_payload import RawPayload
from backend.documents.token import Token
from backend.documents.transaction import ExternalTransaction
from backend.documents.user import User
from backend.kernel.mongo.provision import CollectionSpec

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


async def start_beanie(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Make the documents usable on ``database``; indexes are `openfinance db setup`'s work, not the app's."""
    await init_beanie(database=database, document_models=list(DOCUMENTS), skip_indexes=True)
