"""All emulated banks' authorization servers over one database, put together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.oauth.approvals import Approvals, StillCovered
from backend.emulator.oauth.banks import Bank, Directory
from backend.emulator.oauth.consents import CONSENTS, READS, ConsentBook, Consents
from backend.emulator.oauth.customers import Customers, Passwords
from backend.emulator.oauth.journeys import JOURNEYS, Journeys
from backend.emulator.oauth.lockouts import LOCKOUTS, Lockouts
from backend.emulator.oauth.sessions import SESSIONS, Sessions
from backend.kernel import clock
from backend.kernel.ids import KeyedHash
from backend.kernel.mongo.provision import CollectionSpec
from backend.oauth.service import COLLECTIONS as PROTOCOL_COLLECTIONS
from backend.oauth.service import AuthorizationService, Shelves

Stored = dict[str, Any]

DATABASE_NAME: Final = "bank_oauth"
COLLECTIONS: Final[tuple[CollectionSpec, ...]] = (
    *PROTOCOL_COLLECTIONS, CONSENTS, READS, JOURNEYS, LOCKOUTS, SESSIONS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OAuthServices:
    """The parts of all banks' servers. ``approvals`` and ``issuers`` are by the bank's slug."""

    directory: Directory
    issuers: Mapping[str, AuthorizationService]
    approvals: Mapping[str, Approvals]
    shelves: Shelves
    consents: Consents
    journeys: Journeys
    sessions: Sessions
    lockouts: Lockouts
    keyed_hash: KeyedHash

    @classmethod
    def over(
        cls,
        database: AsyncDatabase[Stored],
        keyed_hash: KeyedHash,
        banks: Iterable[Bank],
        customers: Customers,
        *,
        consent_book: ConsentBook | None = None,
        passwords: Passwords | None = None,
    ) -> Self:
        """The servers of ``banks``, in ``database``, which was provisioned with ``COLLECTIONS``.

        ``consent_book`` stands in for our own book of consents where a bank keeps them elsewhere.
        """
        directory, shelves = Directory(banks), Shelves.of(database, keyed_hash)
        consents, journeys = Consents(database), Journeys(database, keyed_hash)
        lockouts, book = Lockouts(database, keyed_hash), consent_book or consents
        passwords = passwords or Passwords()
        issuers = {
            bank.slug: AuthorizationService(bank.policy, shelves, still_allowed=StillCovered(bank, book))
            for bank in directory
        }
        approvals = {
            bank.slug: Approvals(
                bank, issuers[bank.slug], journeys=journeys, consents=book, customers=customers,
                passwords=passwords, lockouts=lockouts,
            )
            for bank in directory
        }  # fmt: skip
        sessions = Sessions(database, keyed_hash)
        return cls(directory, issuers, approvals, shelves, consents, journeys, sessions, lockouts, keyed_hash)

    async def sweep(self) -> int:
        """Write down what expired and delete what is over; how many records that touched."""
        now = clock.now()
        shelves = (self.journeys, self.sessions, self.lockouts, self.consents)
        over = [await shelf.sweep(now) for shelf in shelves]
        return sum(over) + await self.shelves.sweep() + await self.consents.expire_due(now)
