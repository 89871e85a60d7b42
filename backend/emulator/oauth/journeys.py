"""Journeys: one customer's way through one request, from log-in to the answer, at most five minutes idle."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from bson.binary import Binary
from pymongo import IndexModel, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from backend.kernel.errors import Conflict
from backend.kernel.ids import KeyedHash, new_token
from backend.kernel.mongo.provision import CollectionSpec
from backend.oauth.authorizations import AuthorizationRequest

Stored = dict[str, Any]

JOURNEYS: Final = CollectionSpec(
    "journeys",
    indexes=(
        # What waits for a customer in the bank app: {"Bank": b, "CustomerId": c, "Step": …}, newest first.
        IndexModel([("Bank", 1), ("CustomerId", 1), ("Step", 1), ("CreatedAt", -1)], name="waiting"),
        IndexModel("LastActiveAt", name="idle"),
    ),
)
# Regulation (EU) 2018/389, article 4(3)(d).
IDLE_MAX: Final = timedelta(minutes=5)
_CODE_DIGITS: Final = 6
_KEPT: Final = timedelta(days=1)


class Step(StrEnum):
    """How far a journey has come."""

    LOG_IN = "log-in"
    REVIEW = "review"
    CODE = "code"
    APP = "app"
    APPROVED = "approved"
    REFUSED = "refused"
    ANSWERED = "answered"


# Signal -> the steps it may come in, and the one it leads to.
TRANSITIONS: Final[dict[str, tuple[frozenset[Step], Step]]] = {
    "log in": (frozenset({Step.LOG_IN}), Step.REVIEW),
    "choose": (frozenset({Step.REVIEW}), Step.CODE),
    "choose again": (frozenset({Step.CODE}), Step.REVIEW),
    "approve": (frozenset({Step.CODE, Step.APP}), Step.APPROVED),
    "refuse": (frozenset({Step.LOG_IN, Step.REVIEW, Step.CODE, Step.APP}), Step.REFUSED),
    "answer": (frozenset({Step.APPROVED, Step.REFUSED}), Step.ANSWERED),
}


class Gone(Conflict):
    """The journey is not this browser's, or was left alone for too long."""

    status = 410
    kind = "journey-over"
    title = "This request is no longer open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One journey; ``request`` is None when it began in the bank app, with no browser to send back."""

    id: str
    bank: str
    consent_id: str
    client_id: str
    step: Step
    created_at: datetime
    last_active_at: datetime
    request: AuthorizationRequest | None = None
    browser: bytes | None = None
    customer_id: str | None = None
    accounts: tuple[str, ...] = ()
    nonce: str = ""
    note: str = ""

    def is_idle(self, now: datetime) -> bool:
        """Whether five minutes passed without a sign of the customer."""
        return now - self.last_active_at >= IDLE_MAX


class Journeys:
    """The journeys of all banks of a database."""

    def __init__(self, database: AsyncDatabase[Stored], keyed_hash: KeyedHash) -> None:
        self._journeys = database[JOURNEYS.name]
        self._keyed_hash = keyed_hash

    async def begin(
        self, bank: str, request: AuthorizationRequest, consent_id: str, *, browser: str, now: datetime
    ) -> str:
        """A new journey of the browser that holds the secret ``browser``; its id."""
        return await self._add(
            bank, consent_id, request.client_id, now, Step=Step.LOG_IN, Request=request.to_bson(),
            Browser=Binary(self._keyed_hash.token(browser)),
        )  # fmt: skip

    async def begin_in_app(self, bank: str, consent_id: str, client_id: str, *, customer_id: str, now: datetime) -> str:
        """A new journey that waits in the customer's bank app (decoupled approach); its id."""
        return await self._add(bank, consent_id, client_id, now, Step=Step.APP, CustomerId=customer_id)

    async def of_browser(self, bank: str, journey_id: str, browser: str, now: datetime) -> Journey:
        """The journey, kept awake by being looked at; Gone if it is over, unknown or another browser's."""
        journey = await self._find(bank, journey_id)
        secret = self._keyed_hash.token(browser)
        if journey is None or journey.browser is None or not hmac.compare_digest(journey.browser, secret):
            raise Gone("Nothing is open here; go back to where you came from and begin again")
        if journey.is_idle(now):
            raise Gone("For your safety we ended this after five minutes without activity; begin again there")
        await self._journeys.update_one({"_id": journey.id}, {"$max": {"LastActiveAt": now}})
        return journey

    async def waiting(self, bank: str, customer_id: str, now: datetime) -> Sequence[Journey]:
        """What waits for the customer's code or decision in the bank app, newest first."""
        query = {
            "Bank": bank,
            "CustomerId": customer_id,
            "Step": {"$in": [Step.CODE.value, Step.APP.value]},
            "LastActiveAt": {"$gt": now - IDLE_MAX},
        }
        return [_from_bson(found) async for found in self._journeys.find(query, sort=[("CreatedAt", -1)])]

    async def in_app(self, bank: str, journey_id: str, customer_id: str, now: datetime) -> Journey:
        """The customer's journey that waits for a decision in the app; Gone if there is none."""
        journey = await self._find(bank, journey_id)
        is_open = journey is not None and journey.step is Step.APP and journey.customer_id == customer_id
        if journey is None or not is_open or journey.is_idle(now):
            raise Gone("This request is no longer open; ask the other service to send it again")
        return journey

    async def signal(self, signal: str, journey: Journey, now: datetime, **changes: Any) -> Journey:
        """The journey one step on; Gone if it has moved meanwhile. ``changes`` are stored fields by name."""
        sources, target = TRANSITIONS[signal]
        moved = await self._journeys.find_one_and_update(
            {"_id": journey.id, "Step": {"$in": [step.value for step in sources]}},
            {"$set": {"Step": target.value, "LastActiveAt": now, "Note": "", **changes}},
            return_document=ReturnDocument.AFTER,
        )
        if moved is None:
            raise Gone("This request has been decided in the meantime")
        return _from_bson(moved)

    async def choose(self, journey: Journey, accounts: Sequence[str], now: datetime) -> Journey:
        """The accounts are chosen; a new code, good for these accounts alone, waits in the bank app."""
        return await self.signal("choose", journey, now, Accounts=list(accounts), Nonce=new_token())

    async def note(self, journey: Journey, note: str) -> None:
        """Something to tell the customer on the next page."""
        await self._journeys.update_one({"_id": journey.id}, {"$set": {"Note": note}})

    def code(self, journey: Journey) -> str:
        """The second factor of this journey: six digits bound to the consent and the chosen accounts."""
        bound = (journey.id, journey.nonce, journey.consent_id, *journey.accounts)
        number = int.from_bytes(self._keyed_hash.digest("oauth-sca-code", *bound), "big")
        return str(number % 10**_CODE_DIGITS).zfill(_CODE_DIGITS)

    def is_code(self, journey: Journey, typed: str) -> bool:
        """Whether the customer typed the code, blanks aside."""
        return hmac.compare_digest(self.code(journey).encode(), "".join(typed.split()).encode())

    async def sweep(self, now: datetime) -> int:
        """Delete the journeys that ended a day ago or more."""
        return (await self._journeys.delete_many({"LastActiveAt": {"$lte": now - _KEPT}})).deleted_count

    async def _add(self, bank: str, consent_id: str, client_id: str, now: datetime, **fields: Any) -> str:
        journey_id = new_token()[:32]
        begun = {"_id": journey_id, "Bank": bank, "ConsentId": consent_id, "ClientId": client_id}
        await self._journeys.insert_one({**begun, "CreatedAt": now, "LastActiveAt": now, **fields})
        return journey_id

    async def _find(self, bank: str, journey_id: str) -> Journey | None:
        found = await self._journeys.find_one({"_id": {"$eq": journey_id}, "Bank": bank})
        return _from_bson(found) if found else None


def _from_bson(stored: Stored) -> Journey:
    request = stored.get("Request")
    return Journey(
        id=stored["_id"],
        bank=stored["Bank"],
        consent_id=stored["ConsentId"],
        client_id=stored["ClientId"],
        step=Step(stored["Step"]),
        created_at=stored["CreatedAt"],
        last_active_at=stored["LastActiveAt"],
        request=AuthorizationRequest.from_bson(request) if request else None,
        browser=stored.get("Browser"),
        customer_id=stored.get("CustomerId"),
        accounts=tuple(stored.get("Accounts", ())),
        nonce=stored.get("Nonce", ""),
        note=stored.get("Note", ""),
    )
