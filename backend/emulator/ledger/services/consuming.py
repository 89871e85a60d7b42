"""How a service digests a page of messages: inbox, change and outbox in one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from backend.emulator.ledger.events import Message, read_message
from backend.emulator.ledger.journal import Database, Stored
from backend.emulator.ledger.outbox import fresh
from backend.emulator.ledger.transactions import in_transaction, met_another
from backend.kernel.errors import Unavailable

Handle = Callable[[Sequence[Message], AsyncClientSession], Awaitable[None]]


class PageConsumer:
    """Whole pages where all goes well; message by message where one does not."""

    def __init__(self, client: AsyncMongoClient[Stored], database: Database, inbox: str, handle: Handle) -> None:
        self._client = client
        self._database = database
        self._inbox = inbox
        self._handle = handle

    async def consume(self, records: Sequence[Stored]) -> Mapping[str, Exception | None]:
        """See ``relay.Consumer``; a database that does not answer is no message's fault and is raised."""
        try:
            await self._digest(records)
        except Unavailable:
            raise
        except Exception as error:
            if _is_passing(error):
                raise
            return await self._one_by_one(records)
        return {}

    async def _one_by_one(self, records: Sequence[Stored]) -> dict[str, Exception | None]:
        failures: dict[str, Exception | None] = {}
        behind: set[str] = set()
        for record in records:
            if not behind.isdisjoint(record["accounts"]):
                failures.setdefault(record["_id"], None)
                behind.update(record["accounts"])
                continue
            try:
                await self._digest([record])
            except Unavailable:
                raise
            except Exception as error:
                if _is_passing(error):
                    raise
                failures[record["_id"]] = error
                behind.update(record["accounts"])
        return failures

    async def _digest(self, records: Sequence[Stored]) -> None:
        async def act(session: AsyncClientSession) -> None:
            unseen = await fresh(self._database, self._inbox, records, session)
            if unseen:
                await self._handle([read_message(record) for record in unseen], session)

        await in_transaction(self._client, act)


def _is_passing(error: Exception) -> bool:
    """Whether it is the database's or a twin relay's doing, and no message's fault."""
    return met_another(error) or (isinstance(error, PyMongoError) and error.timeout)
