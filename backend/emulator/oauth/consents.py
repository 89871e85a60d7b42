"""Consents: what a customer lets a third party read, from asking to the end, with all that happened."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from pymongo import IndexModel, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from backend.kernel.errors import Conflict, NotFound
from backend.kernel.ids import new_token
from backend.kernel.mongo.provision import CollectionSpec

Stored = dict[str, Any]


class State(StrEnum):
    """Where a consent stands; each dialect has its own word for it."""

    RECEIVED = "Received"
    VALID = "Valid"
    REJECTED = "Rejected"
    REVOKED = "Revoked"
    EXPIRED = "Expired"


class Verdict(StrEnum):
    """Whether a read is covered, and if not, what is missing."""

    ALLOWED = "Allowed"
    UNKNOWN = "Unknown"
    NOT_VALID = "NotValid"
    EXPIRED = "Expired"
    PERMISSION_MISSING = "PermissionMissing"
    ACCOUNT_MISSING = "AccountMissing"


# Signal -> the states it may come in, and the one it leads to. The ends have no way out.
TRANSITIONS: Final[dict[str, tuple[frozenset[State], State]]] = {
    "authorise": (frozenset({State.RECEIVED}), State.VALID),
    "reject": (frozenset({State.RECEIVED}), State.REJECTED),
    "revoke": (frozenset({State.RECEIVED, State.VALID}), State.REVOKED),
    "expire": (frozenset({State.RECEIVED, State.VALID}), State.EXPIRED),
}

CONSENTS: Final = CollectionSpec(
    "consents",
    indexes=(
        # The consents of one customer, newest first.
        IndexModel([("Bank", 1), ("CustomerId", 1), ("CreatedAt", -1)], name="customer"),
        # What has to be expired: {"State": {"$in": […]}, "EndsAt": {"$lte": now}}.
        IndexModel([("State", 1), ("EndsAt", 1)], name="due"),
    ),
)
READS: Final = CollectionSpec("unattended_reads", indexes=(IndexModel("LastAt", name="last"),))
_DAY: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a consent's history."""

    state: State
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A consent. ``accounts`` are the chosen ones; ``requested_accounts`` None means: the customer chooses freely."""

    id: str
    bank: str
    client_id: str
    permissions: tuple[str, ...]
    purpose: str
    valid_until: datetime | None
    state: State
    created_at: datetime
    requested_accounts: tuple[str, ...] | None = None
    recurring: bool = True
    customer_id: str | None = None
    accounts: tuple[str, ...] = ()
    authenticated_at: datetime | None = None
    ends_at: datetime | None = None
    history: tuple[Event, ...] = field(default=(), repr=False)

    def state_at(self, now: datetime) -> State:
        """The state as of ``now``: what is over is expired, whether or not that was written down yet."""
        is_over = self.ends_at is not None and self.ends_at <= now
        return State.EXPIRED if is_over and self.state in TRANSITIONS["expire"][0] else self.state

    def covers(self, *, account: str | None, permission: str, now: datetime) -> Verdict:
        """Whether it covers reading ``permission`` of ``account`` (None: of no account in particular)."""
        state = self.state_at(now)
        if state is State.EXPIRED:
            return Verdict.EXPIRED
        if state is not State.VALID:
            return Verdict.NOT_VALID
        if permission not in self.permissions:
            return Verdict.PERMISSION_MISSING
        is_shared = account is None or account in self.accounts
        return Verdict.ALLOWED if is_shared else Verdict.ACCOUNT_MISSING


@dataclass(frozen=True, slots=True)
class UnattendedRead:
    """The answer to an unattended read: its id, to continue it page by page, or how long to wait."""

    read_id: str | None
    retry_after_seconds: int = 0


class ConsentBook(Protocol):
    """What the pages ask of whoever keeps the consents."""

    async def find(self, bank: str, consent_id: str) -> Consent | None:
        """The bank's consent of that id."""

    async def of_customer(self, bank: str, customer_id: str) -> Sequence[Consent]:
        """All consents the customer decided on, newest first."""

    async def authorise(
        self, consent: Consent, *, customer_id: str, accounts: Sequence[str], now: datetime, ends_at: datetime
    ) -> Consent:
        """The customer, strongly authenticated just now, allows it; Conflict when it cannot be allowed any more."""

    async def reject(self, consent: Consent, *, reason: str, now: datetime, customer_id: str | None) -> Consent:
        """The customer refuses; Conflict when it was decided before."""

    async def revoke(self, consent: Consent, *, reason: str, now: datetime) -> Consent:
        """Somebody entitled takes it back; Conflict when there is nothing left to take back."""


class Consents:
    """The consents of all banks of a database; a ``ConsentBook`` and more."""

    def __init__(self, database: AsyncDatabase[Stored]) -> None:
        self._consents = database[CONSENTS.name]
        self._reads = database[READS.name]

    async def receive(self, consent: Consent) -> None:
        """Keep a new consent; Conflict if its id is taken."""
        try:
            await self._consents.insert_one(_to_bson(consent))
        except DuplicateKeyError:
            raise Conflict("A consent of this id exists") from None

    async def find(self, bank: str, consent_id: str) -> Consent | None:
        """The bank's consent of that id."""
        found = await self._consents.find_one({"_id": {"$eq": consent_id}, "Bank": bank})
        return _from_bson(found) if found else None

    async def of_customer(self, bank: str, customer_id: str) -> Sequence[Consent]:
        """All consents the customer decided on, newest first."""
        newest_first = [("CreatedAt", -1), ("_id", 1)]
        cursor = self._consents.find({"Bank": bank, "CustomerId": customer_id}, sort=newest_first)
        return [_from_bson(found) async for found in cursor]

    async def authorise(
        self, consent: Consent, *, customer_id: str, accounts: Sequence[str], now: datetime, ends_at: datetime
    ) -> Consent:
        """Allowed by the customer for ``accounts`` until ``ends_at``, or until it ends by itself if that is sooner."""
        earliest = min(ends_at, consent.valid_until or ends_at)
        decided = {
            "CustomerId": customer_id,
            "Accounts": list(accounts),
            "AuthenticatedAt": now,
            "EndsAt": earliest,
        }
        return await self._signal("authorise", consent, "Allowed by the customer", now, decided)

    async def reject(self, consent: Consent, *, reason: str, now: datetime, customer_id: str | None = None) -> Consent:
        """Refused."""
        return await self._signal("reject", consent, reason, now, {"CustomerId": customer_id})

    async def revoke(self, consent: Consent, *, reason: str, now: datetime) -> Consent:
        """Taken back, by the customer or by the third party."""
        return await self._signal("revoke", consent, reason, now, {})

    async def expire_due(self, now: datetime) -> int:
        """Write down what has ended by itself; how many consents that were."""
        ended = {"State": {"$in": sorted(TRANSITIONS["expire"][0])}, "EndsAt": {"$lte": now}}
        done = await self._consents.update_many(ended, _step(State.EXPIRED, "Its time is over", now, {}))
        return done.modified_count

    async def allows(
        self, bank: str, consent_id: str, *, account: str | None, permission: str, now: datetime
    ) -> Verdict:
        """Whether the consent covers reading ``permission`` of ``account``, as of ``now``."""
        consent = await self.find(bank, consent_id)
        return consent.covers(account=account, permission=permission, now=now) if consent else Verdict.UNKNOWN

    async def read_unattended(
        self, consent_id: str, resource: str, *, now: datetime, limit: int, read_id: str | None = None
    ) -> UnattendedRead:
        """Count a read without the customer, of which ``limit`` are let in per rolling 24 hours.

        A first page is a new read and gets a ``read_id``; the pages after it bring that id and count no more.
        Let it travel only inside what continues the read, or one read could be begun again without end.
        """
        new_id = new_token()
        counted = await self._count(consent_id, resource, new_id, now=now, limit=limit, read_id=read_id)
        let_in = {read["Id"] for read in counted}
        if read_id in let_in or new_id in let_in:
            return UnattendedRead(read_id if read_id in let_in else new_id)
        frees_at = min(read["At"] for read in counted) + _DAY
        return UnattendedRead(None, retry_after_seconds=max(1, int((frees_at - now).total_seconds()) + 1))

    async def sweep(self, now: datetime) -> int:
        """Delete the counts that are over."""
        return (await self._reads.delete_many({"LastAt": {"$lte": now - _DAY}})).deleted_count

    async def _count(
        self, consent_id: str, resource: str, new_id: str, *, now: datetime, limit: int, read_id: str | None
    ) -> list[Stored]:
        recent = {"$filter": {"input": {"$ifNull": ["$Reads", []]}, "cond": {"$gt": ["$$this.At", now - _DAY]}}}
        is_room = {"$lt": [{"$size": "$Reads"}, limit]}
        is_known = {"$in": [{"$literal": read_id}, "$Reads.Id"]}
        more = {"$concatArrays": ["$Reads", [{"Id": new_id, "At": now}]]}
        stages: list[Stored] = [
            {"$set": {"Reads": recent, "LastAt": now}},
            {"$set": {"Reads": {"$cond": [{"$or": [is_known, {"$not": [is_room]}]}, "$Reads", more]}}},
        ]
        key = {"_id": {"Consent": consent_id, "Resource": resource}}
        for _ in range(2):
            try:
                counted: Any = await self._reads.find_one_and_update(
                    key, stages, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:  # two first reads at once; the second finds the first one's record
                continue
            reads: list[Stored] = counted["Reads"]
            return reads
        raise Conflict("The read was counted by another at the same time; try again")

    async def _signal(self, signal: str, consent: Consent, reason: str, now: datetime, changes: Stored) -> Consent:
        sources, target = TRANSITIONS[signal]
        # A consent that is over but not yet written down as such is as good as expired.
        in_time = {"$or": [{"EndsAt": None}, {"EndsAt": {"$gt": now}}]}
        done = await self._consents.find_one_and_update(
            {"_id": consent.id, "Bank": consent.bank, "State": {"$in": sorted(sources)}, **in_time},
            _step(target, reason, now, changes),
            return_document=ReturnDocument.AFTER,
        )
        if done:
            return _from_bson(done)
        if await self.find(consent.bank, consent.id) is None:
            raise NotFound("There is no such consent")
        raise Conflict(f"The consent has been decided or is over; it cannot take the signal {signal}")


def received(
    *,
    consent_id: str,
    bank: str,
    client_id: str,
    permissions: Sequence[str],
    purpose: str,
    now: datetime,
    valid_until: datetime | None = None,
    requested_accounts: Sequence[str] | None = None,
    recurring: bool = True,
) -> Consent:
    """A consent as a third party asks for it."""
    return Consent(
        id=consent_id,
        bank=bank,
        client_id=client_id,
        permissions=tuple(permissions),
        purpose=purpose,
        valid_until=valid_until,
        state=State.RECEIVED,
        created_at=now,
        requested_accounts=None if requested_accounts is None else tuple(requested_accounts),
        recurring=recurring,
        ends_at=valid_until,
        history=(Event(State.RECEIVED, now, "Asked for by the third party"),),
    )


def _step(state: State, reason: str, now: datetime, changes: Stored) -> Stored:
    line = {"State": state.value, "At": now, "Reason": reason}
    return {"$set": {**changes, "State": state.value}, "$push": {"History": line}}


def _to_bson(consent: Consent) -> Stored:
    return {
        "_id": consent.id,
        "Bank": consent.bank,
        "ClientId": consent.client_id,
        "Permissions": list(consent.permissions),
        "Purpose": consent.purpose,
        "ValidUntil": consent.valid_until,
        "State": consent.state.value,
        "CreatedAt": consent.created_at,
        "RequestedAccounts": None if consent.requested_accounts is None else list(consent.requested_accounts),
        "Recurring": consent.recurring,
        "CustomerId": consent.customer_id,
        "Accounts": list(consent.accounts),
        "AuthenticatedAt": consent.authenticated_at,
        "EndsAt": consent.ends_at,
        "History": [{"State": e.state.value, "At": e.at, "Reason": e.reason} for e in consent.history],
    }


def _from_bson(stored: Stored) -> Consent:
    requested: Any = stored["RequestedAccounts"]
    return Consent(
        id=stored["_id"],
        bank=stored["Bank"],
        client_id=stored["ClientId"],
        permissions=tuple(stored["Permissions"]),
        purpose=stored["Purpose"],
        valid_until=stored["ValidUntil"],
        state=State(stored["State"]),
        created_at=stored["CreatedAt"],
        requested_accounts=None if requested is None else tuple(requested),
        recurring=stored["Recurring"],
        customer_id=stored["CustomerId"],
        accounts=tuple(stored["Accounts"]),
        authenticated_at=stored["AuthenticatedAt"],
        ends_at=stored["EndsAt"],
        history=tuple(Event(State(e["State"]), e["At"], e["Reason"]) for e in stored["History"]),
    )
