"""What life leaves on an account: entries as banks book them, and apart from them what they truly were."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

# Known only when the money has moved: a pending entry does not show them.
_ON_BOOKING: Final = frozenset({"booking_date", "value_date"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The truth about an entry, for scoring; no bank serves it.

    ``stream`` names what recurs, ``transfer`` the pair of legs between own accounts, ``refund_of`` the entry paid
    back, ``twin`` the group of entries that look the same and are not.
    """

    category: str
    stream: str | None = None
    transfer: str | None = None
    refund_of: str | None = None
    twin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Money that moves on ``account`` (below zero: away from it), to ``counter`` if that is in the same ledger.

    ``held`` is set aside from ``initiated_at`` until ``booked_at``; without a ``booked_at`` it is given free again at
    ``lapses_at``. Where the entry that it ``follows`` was declined, this one does not happen either. ``description``
    is the remittance text, ``details`` are the facts that docs/world.md lists.
    """

    id: str
    account: str
    amount: Decimal
    currency: str
    initiated_at: datetime
    booked_at: datetime | None
    description: str
    label: Label
    details: Mapping[str, str] = field(default_factory=dict)
    counter: str | None = None
    held: Decimal | None = None
    lapses_at: datetime | None = None
    follows: str | None = None

    def replaced(self, **facts: Any) -> "Entry":
        """The same with other facts."""
        return replace(self, **facts)

    @property
    def hold_id(self) -> str:
        """The id of what is set aside for it."""
        return "hold_" + self.id.removeprefix("txn_")

    @property
    def settled_at(self) -> datetime:
        """When it is booked, or given up."""
        settled = self.booked_at or self.lapses_at
        if settled is None:
            raise ValueError("An entry is booked or lapses")
        return settled

    @property
    def pending_details(self) -> dict[str, str]:
        """The facts that are known before it is booked."""
        return {name: value for name, value in self.details.items() if name not in _ON_BOOKING}

    def movements(self) -> Iterator[tuple[str, Decimal]]:
        """Each account it is booked on, with the signed amount there; none if it lapses."""
        if self.booked_at:
            yield self.account, self.amount
            if self.counter:
                yield self.counter, -self.amount


def entry_id(*words: object) -> str:
    """The same id for the same words, in the ledger's form."""
    text = "\x1f".join(str(word) for word in words)
    return "txn_" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
