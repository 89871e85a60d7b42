"""The platform put together: the four services over one database, and the relays between them."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

from pymongo import AsyncMongoClient

from backend.emulator.ledger.journal import Database, Stored
from backend.emulator.ledger.orphans import keep_ending_orphans
from backend.emulator.ledger.outbox import Outbox
from backend.emulator.ledger.port import Ledger
from backend.emulator.ledger.posting import Poster
from backend.emulator.ledger.relay import POLL_SECONDS, Arrange, Consumer, Relay, in_order, wake_on_inserts
from backend.emulator.ledger.schema import (
    ACCOUNTS_OUTBOX,
    BANKING_INBOX,
    BANKING_OUTBOX,
    LEDGER_OUTBOX,
    QUERY_INBOX,
)
from backend.emulator.ledger.services.accounts import AccountsService
from backend.emulator.ledger.services.banking import BankingService
from backend.emulator.ledger.services.consuming import PageConsumer
from backend.emulator.ledger.services.ledger import CommandConsumer
from backend.emulator.ledger.services.query import QueryService

SERVICES: Final = ("accounts", "banking", "ledger", "query")
# Who hears from whom.
SUBSCRIPTIONS: Final = (
    ("banking", ACCOUNTS_OUTBOX),
    ("query", ACCOUNTS_OUTBOX),
    ("ledger", BANKING_OUTBOX),
    ("banking", LEDGER_OUTBOX),
    ("query", LEDGER_OUTBOX),
)


class Platform:
    """The services; nothing moves between them until ``relaying``."""

    def __init__(
        self,
        client: AsyncMongoClient[Stored],
        database: Database,
        *,
        arrange: Arrange = in_order,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.client = client
        self.database = database
        poster = Poster(client, database)
        self.accounts = AccountsService(client, database)
        self.banking = BankingService(client, database)
        self.query = QueryService(database)
        self.ledger = Ledger(client, database, poster=poster)
        consumers: dict[str, Consumer] = {
            "banking": PageConsumer(client, database, BANKING_INBOX, self.banking.handle),
            "ledger": CommandConsumer(poster),
            "query": PageConsumer(client, database, QUERY_INBOX, self.query.handle),
        }
        self.relays = tuple(
            Relay(
                Outbox(client, database, outbox, consumer),
                consumers[consumer],
                arrange=arrange,
                poll_seconds=poll_seconds,
            )
            for consumer, outbox in SUBSCRIPTIONS
        )

    @asynccontextmanager
    async def relaying(self, services: Collection[str] = SERVICES) -> AsyncIterator[None]:
        """Within the block, messages reach ``services``."""
        relays = [relay for relay in self.relays if relay.outbox.consumer in services]
        names = {relay.outbox.name for relay in relays}
        tasks = [asyncio.create_task(relay.run()) for relay in relays]
        tasks.append(asyncio.create_task(keep_ending_orphans(self.client)))
        for name in names:
            woken = [relay for relay in relays if relay.outbox.name == name]
            tasks.append(asyncio.create_task(wake_on_inserts(self.database, name, woken)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def settle(self) -> int:
        """Carry messages here and now until none gets any further; how many steps that took."""
        steps = 0
        while sum([await relay.step() for relay in self.relays]):
            steps += 1
        return steps
