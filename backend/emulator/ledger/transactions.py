"""One MongoDB transaction as a block of code that may be run again, and when to."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import BulkWriteError, PyMongoError

from backend.kernel.mongo.client import translated

T = TypeVar("T")
_TRANSIENT: Final = "TransientTransactionError"
# A duplicate key; and what a transaction meets whose session somebody ended: it is gone, killed, or interrupted.
_PASSING: Final = frozenset({11000, 251, 46841, 11601, 237})


async def in_transaction(
    client: AsyncMongoClient[dict[str, Any]], act: Callable[[AsyncClientSession], Awaitable[T]]
) -> T:
    """What ``act`` answers, when all it wrote is committed. After a conflict it is called again.

    Raises what ``act`` raises, with nothing written; DatabaseUnavailable when the outcome is unknown.
    """
    with translated():
        async with client.start_session() as session:
            return await session.with_transaction(act)


def met_another(error: BaseException) -> bool:
    """Whether a transaction failed only because of what somebody else did meanwhile; anew it may succeed.

    Of two who insert the same ``_id``, the later one sees the other's write conflict, or a duplicate key.
    """
    if not isinstance(error, PyMongoError):
        return False
    codes = [getattr(error, "code", None)]
    if isinstance(error, BulkWriteError):
        codes += [each["code"] for each in error.details["writeErrors"]]
    return error.has_error_label(_TRANSIENT) or not _PASSING.isdisjoint(codes)
