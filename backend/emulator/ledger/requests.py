"""Idempotent requests: the first answer to a key is kept in the transaction that did the work, and given again."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from backend.emulator.ledger.errors import KeyReused
from backend.emulator.ledger.transactions import in_transaction
from backend.kernel.errors import InvalidInput

Stored = dict[str, Any]
_KEY: Final = re.compile(r"[!-~]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, under which key (None: each time is a new request), and the digest of all that is asked."""

    owner: str
    key: str | None
    fingerprint: bytes

    def __post_init__(self) -> None:
        if self.key is not None and not _KEY.match(self.key):
            raise InvalidInput("An Idempotency-Key is 1 to 255 visible ASCII characters")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; ``is_repeat`` if the work was done when the key came first."""

    status: int
    body: Stored
    is_repeat: bool = False


Act = Callable[[AsyncClientSession], Awaitable[Answer]]


class Requests:
    """The keys one service has seen."""

    def __init__(self, client: AsyncMongoClient[Stored], collection: AsyncCollection[Stored]) -> None:
        self._client = client
        self._collection = collection

    async def once(self, request: Request, act: Act) -> Answer:
        """The answer of ``act``, which writes through the session it is given; done once for a key.

        Raises KeyReused if the key came with another request; what ``act`` raises leaves the key unused.
        """
        if request.key is None:
            return await in_transaction(self._client, act)
        key = f"{request.owner} {request.key}"

        async def act_once(session: AsyncClientSession) -> Answer:
            # The key first: of many at once all but one fail here, before they do any work.
            await self._collection.insert_one({"_id": key, "fingerprint": request.fingerprint}, session=session)
            answer = await act(session)
            kept = {"status": answer.status, "body": answer.body}
            await self._collection.update_one({"_id": key}, {"$set": kept}, session=session)
            return answer

        known = await self._known(key, request)
        if known:
            return known
        try:
            return await in_transaction(self._client, act_once)
        except DuplicateKeyError:
            known = await self._known(key, request)
            if not known:
                raise
            return known

    async def _known(self, key: str, request: Request) -> Answer | None:
        found = await self._collection.find_one({"_id": key})
        if not found:
            return None
        if found["fingerprint"] != request.fingerprint:
            raise KeyReused
        return Answer(found["status"], found["body"], is_repeat=True)
