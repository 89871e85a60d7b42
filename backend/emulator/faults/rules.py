"""Rules: which bank misbehaves how, on which calls and how often; in MongoDB, so that any process can set them."""

import hashlib
import time
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.faults.calls import matches, split
from backend.emulator.faults.kinds import kinds
from backend.emulator.faults.packs import packs
from backend.kernel.clock import now
from backend.kernel.errors import InvalidInput
from backend.kernel.mongo.client import translated
from backend.kernel.mongo.provision import CollectionSpec

DATABASE: Final = "bank_faults"
RULES: Final = "rules"
CACHED_SECONDS: Final = 0.5
LONGEST_SECONDS: Final = 600

# {bank} when an operator looks or clears; the processes that serve banks read all of them.
COLLECTIONS: Final = (CollectionSpec(RULES, (IndexModel([("bank", ASCENDING)], name="bank"),)),)

_WHOLE: Final = 2**64
_ANY_CALL: Final = "/*"


class Rule(BaseModel):
    """A fault or pack at a bank. It ends by itself after ``count`` times, or at ``ends_at``, or when it is cleared.

    ``fired`` is how often it did; ``turns`` how often chance was asked, ``probability`` being below one.
    """

    model_config = ConfigDict(frozen=True)

    bank: str = Field(min_length=1)
    fault: str
    call: str = _ANY_CALL
    probability: float = Field(default=1, gt=0, le=1)
    seed: str = "leafy-harbour"
    count: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, ge=0, le=LONGEST_SECONDS)
    ends_at: AwareDatetime | None = None
    fired: int = 0
    turns: int = 0

    @property
    def id(self) -> str:
        """One rule for a bank, fault and call: setting it again begins anew."""
        return f"{self.bank} {self.fault} {self.call}"

    def matches(self, bank: str, method: str, path: str) -> bool:
        """Whether a call of that bank is meant."""
        return bank == self.bank and matches(self.call, method, path)

    def is_over(self, at: datetime) -> bool:
        """Whether it has cleared itself."""
        return bool(self.count and self.fired >= self.count) or bool(self.ends_at and self.ends_at <= at)

    def hits(self, turn: int) -> bool:
        """Whether chance strikes at that turn: the same for the same seed, bank, fault and call."""
        told = f"{self.seed} {self.id} {turn}".encode()
        drawn = int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big")
        return drawn < self.probability * _WHOLE


class FaultStore:
    """The rules in ``database``. What was read is believed for half a second."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], *, cached_seconds: float = CACHED_SECONDS) -> None:
        self._rules = database[RULES]
        self._cached_seconds = cached_seconds
        self._cached: tuple[float, tuple[Rule, ...]] | None = None

    async def put(self, rule: Rule) -> None:
        """Let ``rule`` hold from now on, instead of the one for the same bank, fault and call.

        Raises InvalidInput when there is no such fault or call.
        """
        split(rule.call)
        if rule.fault not in kinds() and rule.fault not in packs():
            raise InvalidInput("There is no fault of that name; see `openfinance world fault --list`")
        with translated():
            await self._rules.replace_one({"_id": rule.id}, rule.model_dump(), upsert=True)
        self._cached = None

    async def clear(self, bank: str | None = None, fault: str | None = None) -> int:
        """End the rules of ``bank`` (or of all) for ``fault`` (or for all); how many there were."""
        wanted = {name: {"$eq": value} for name, value in (("bank", bank), ("fault", fault)) if value is not None}
        with translated():
            gone = await self._rules.delete_many(wanted)
        self._cached = None
        return gone.deleted_count

    async def all(self, bank: str | None = None) -> list[Rule]:
        """The rules of ``bank`` (or of all) as they stand, those included that have cleared themselves."""
        wanted = {"bank": {"$eq": bank}} if bank is not None else {}
        with translated():
            return [Rule.model_validate(found) async for found in self._rules.find(wanted, {"_id": 0}).sort("_id")]

    async def active(self, bank: str, method: str, path: str) -> list[Rule]:
        """The rules that may strike such a call, half a second old at most."""
        if not self._cached or time.monotonic() - self._cached[0] >= self._cached_seconds:
            self._cached = (time.monotonic(), tuple(await self.all()))
        at = now()
        return [rule for rule in self._cached[1] if rule.matches(bank, method, path) and not rule.is_over(at)]

    async def claim(self, rule: Rule) -> bool:
        """Whether ``rule`` strikes now; if so it is counted. Of many who ask at once no more than its count succeed."""
        with translated():
            if rule.probability < 1 and not await self._chance(rule):
                return False
            still = {"fired": {"$lt": rule.count}} if rule.count else {}
            counted = await self._rules.update_one({"_id": rule.id, **still}, {"$inc": {"fired": 1}})
        return counted.modified_count == 1

    async def _chance(self, rule: Rule) -> bool:
        turn = await self._rules.find_one_and_update(
            {"_id": rule.id}, {"$inc": {"turns": 1}}, return_document=ReturnDocument.AFTER
        )
        return turn is not None and rule.hits(turn["turns"])
