"""The decision, without a database: commands folded over the accounts as they stand, one after the other.

Admission happens here. A refused command changes nothing, so the commands behind it see what they would have seen
without it; what was accepted is collected as the records to be written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from backend.emulator.ledger import errors
from backend.emulator.ledger.canonical import canonical, digest, instant
from backend.emulator.ledger.commands import Command, HoldEnding, HoldPlacing, Posting
from backend.emulator.ledger.decimals import decimal_of
from backend.emulator.ledger.events import (
    FAILED,
    DepositEvent,
    Message,
    TransferEvent,
    WithdrawSuccessEvent,
    travelling,
)
from backend.emulator.ledger.schema import SYSTEM_CASH
from backend.kernel.errors import Conflict, InvalidInput, InvalidMoney, NotFound, OpenFinanceError
from backend.kernel.money import render_amount, to_bson

Stored = dict[str, Any]
REFUSALS: Final = (Conflict, InvalidInput, NotFound)


@dataclass(slots=True)
class Standing:
    """How an account stands while commands are folded over it."""

    id: str
    bank: str
    owner: str
    currency: str
    status: str
    booked: Decimal
    held: Decimal
    overdraft: Decimal
    version: int
    seq: int
    head: bytes
    booked_at: datetime
    stamp: int
    is_changed: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Standing":
        """As it was stored."""
        amounts: dict[str, Any] = {name: decimal_of(stored[name]) for name in ("booked", "held", "overdraft")}
        return cls(id=stored["_id"], **{k: v for k, v in stored.items() if k != "_id" and k not in amounts}, **amounts)

    def changes(self) -> Stored:
        """What to set in the stored form."""
        return {
            "booked": to_bson(self.booked),
            "held": to_bson(self.held),
            "version": self.version + 1,
            "seq": self.seq,
            "head": self.head,
            "booked_at": self.booked_at,
            "stamp": self.stamp,
        }


class Book:
    """Accounts and holds as they stand, and what became of them.

    ``known`` are the records of transactions asked for again, ``delivered`` the messages handled before.
    """

    def __init__(
        self,
        standings: Iterable[Standing],
        holds: Iterable[Stored],
        *,
        known: Mapping[str, Stored],
        delivered: Iterable[str],
        now_microseconds: int,
    ) -> None:
        self.standings = {standing.id: standing for standing in standings}
        self.holds = {hold["_id"]: hold for hold in holds}
        self.known = dict(known)
        self.delivered = set(delivered)
        self.journal: list[Stored] = []
        self.outbox: list[Stored] = []
        self.inbox: list[Stored] = []
        self.new_holds: list[Stored] = []
        self.ended_holds: list[Stored] = []
        # A logical clock: it never runs behind the accounts it touches, so records of one account sort in order.
        self._stamp = max((standing.stamp for standing in self.standings.values()), default=0)
        self._stamp = max(self._stamp, now_microseconds)

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.journal or self.outbox or self.inbox or self.new_holds or self.ended_holds)

    def apply(self, command: Command) -> Stored | OpenFinanceError:
        """The journal record or hold that came of ``command``, or why it is refused; {} if it was handled before."""
        if isinstance(command, Posting) and command.message:
            return self._answer_message(command, command.message)
        try:
            return self._decide(command)
        except REFUSALS as refusal:
            return refusal

    def _decide(self, command: Command) -> Stored:
        if isinstance(command, Posting):
            known = self.known.get(command.id)
            return _same(command, known) if known else self._post(command)
        if isinstance(command, HoldPlacing):
            return self.holds[command.id] if command.id in self.holds else self._place(command)
        return self._end(command)

    def _answer_message(self, posting: Posting, message: str) -> Stored | OpenFinanceError:
        """A refusal is an answer too: whoever asked by message hears of it by message, exactly once."""
        if message in self.delivered:
            return {}
        self.delivered.add(message)
        self.inbox.append({"_id": message})
        try:
            return self._decide(posting)
        except REFUSALS as refusal:
            if posting.operation:
                self._stamp += 1
                failed = FAILED[posting.kind](
                    id=f"evt_{posting.operation}_failed",
                    timestamp=posting.at,
                    account_id=posting.accounts[0],
                    operation_id=posting.operation,
                    amount=posting.amount,
                    currency=posting.currency,
                    reason=str(refusal),
                )
                self.outbox.append(travelling(failed, posting.accounts, self._stamp))
            return refusal

    def _post(self, posting: Posting) -> Stored:
        payer, payee = (self._usable(side, posting) for side in (posting.debit, posting.credit))
        hold = self._pending(posting.hold, posting.debit) if posting.hold else None
        freed = decimal_of(hold["amount"]) if hold else 0
        if payer and payer.booked - payer.held + freed + payer.overdraft < posting.amount:
            raise errors.InsufficientFunds
        booked_at = _date(posting, [side.booked_at for side in (payer, payee) if side])
        if hold:
            self._finish(hold, "posted", posting.at, ended_by=posting.id)
        return self._book(posting, payer, payee, booked_at)

    def _book(self, posting: Posting, payer: Standing | None, payee: Standing | None, booked_at: datetime) -> Stored:
        self._stamp += 1
        record = _draft(posting, booked_at, self._stamp)
        bank = next(side.bank for side in (payer, payee) if side)
        sides = ((payer, -posting.amount), (payee, posting.amount))
        legs = [_leg(record, side, bank, signed) for side, signed in sides]
        links = [link | {"prev": link["prev"].hex()} for link in record["links"]]
        record["hash"] = digest(canonical(record | {"booked_at": instant(booked_at), "legs": legs, "links": links}))
        for side in (payer, payee):
            if side:
                side.head, side.booked_at, side.stamp = record["hash"], booked_at, self._stamp
        self.journal.append(record)
        self.known[posting.id] = record
        self.outbox.append(self._told(posting, payer, payee, booked_at))
        return record

    def _told(self, posting: Posting, payer: Standing | None, payee: Standing | None, booked_at: datetime) -> Stored:
        message: Message
        common: dict[str, Any] = {
            "id": f"evt_{posting.id}",
            "timestamp": booked_at,
            "amount": posting.amount,
            "currency": posting.currency,
            "operation_id": posting.operation,
            "description": posting.description,
            "transaction_id": posting.id,
        }
        if payer and payee:
            message = TransferEvent(
                **common,
                **_side(payer),
                receiver_account_id=payee.id,
                receiver_user_id=payee.owner,
                receiver_balance=payee.booked,
                receiver_seq=payee.seq,
                payment_method=posting.details.get("payment_method"),
            )
        elif payee:
            message = DepositEvent(**common, **_side(payee))
        elif payer:
            message = WithdrawSuccessEvent(**common, **_side(payer))
        consumers = None if posting.operation else ("query",)
        return travelling(message, posting.accounts, self._stamp, consumers)

    def _place(self, placing: HoldPlacing) -> Stored:
        account = self._open(placing.account, placing.currency)
        if account.booked - account.held + account.overdraft < placing.amount:
            raise errors.InsufficientFunds
        account.held += placing.amount
        account.is_changed = True
        hold = {
            "_id": placing.id,
            "account": placing.account,
            "bank": account.bank,
            "amount": to_bson(placing.amount),
            "currency": placing.currency,
            "state": "pending",
            "placed_at": placing.at,
            "expires_at": placing.expires_at,
            "description": placing.description,
            "details": dict(placing.details),
        }
        self.holds[placing.id] = hold
        self.new_holds.append(hold)
        return hold

    def _end(self, ending: HoldEnding) -> Stored:
        if self.holds.get(ending.hold, {}).get("ended_by") == ending.id:
            return self.holds[ending.hold]
        hold = self._pending(ending.hold, ending.account)
        self._finish(hold, ending.state, ending.at, ended_by=ending.id)
        return hold

    def _finish(self, hold: Stored, state: str, at: datetime, **facts: Any) -> None:
        account = self.standings[hold["account"]]
        account.held -= decimal_of(hold["amount"])
        account.is_changed = True
        hold.update(state=state, ended_at=at, **facts)
        if not any(hold is new for new in self.new_holds):
            self.ended_holds.append(hold)

    def _pending(self, hold: str, account: str) -> Stored:
        found = self.holds.get(hold)
        if not found or found["account"] != account:
            raise errors.UnknownHold("There is no such hold on the account")
        if found["state"] != "pending":
            raise errors.ALREADY_ENDED[found["state"]]
        return found

    def _usable(self, side: str, posting: Posting) -> Standing | None:
        return None if side == SYSTEM_CASH else self._open(side, posting.currency)

    def _open(self, account: str, currency: str) -> Standing:
        found = self.standings.get(account)
        if not found:
            raise errors.UnknownAccount("There is no such account")
        if found.status != "active":
            raise errors.AccountClosed
        if found.currency != currency:
            raise InvalidMoney(f"The account is kept in {found.currency}; {currency} cannot be booked on it")
        return found


def _same(posting: Posting, known: Stored) -> Stored:
    """What was booked under this id before, if it is what is asked for now."""
    legs = {leg["account"]: decimal_of(leg["amount"]) for leg in known["legs"]}
    if legs != {posting.debit: -posting.amount, posting.credit: posting.amount}:
        raise errors.KeyReused
    return known


def _date(posting: Posting, latest: list[datetime]) -> datetime:
    """When to book: as asked, but clocks of several machines may not turn the order of a chain round."""
    earliest = max(latest)
    if posting.at >= earliest:
        return posting.at
    if posting.is_dated:
        raise errors.Backdated
    return earliest


def _draft(posting: Posting, booked_at: datetime, stamp: int) -> Stored:
    """The journal record before its legs, links and hash."""
    record: Stored = {
        "_id": posting.id,
        "type": posting.kind,
        "currency": posting.currency,
        "legs": [],
        "links": [],
        "booked_at": booked_at,
        "stamp": stamp,
        "description": posting.description,
        "details": dict(posting.details),
    }
    if posting.operation:
        record["operation"] = posting.operation
    if posting.hold:
        record["hold"] = posting.hold
    return record


def _leg(record: Stored, side: Standing | None, bank: str, signed: Decimal) -> Stored:
    """Book one side into ``record``; the leg in the types of JSON, for the hash."""
    account, bank = (side.id, side.bank) if side else (SYSTEM_CASH, bank)
    leg: Stored = {"account": account, "bank": bank, "amount": to_bson(signed)}
    record["legs"].append(leg)
    if not side:
        return leg | {"amount": render_amount(signed)}
    side.booked += signed
    side.seq += 1
    side.is_changed = True
    leg["balance"] = to_bson(side.booked)
    record["links"].append({"account": side.id, "seq": side.seq, "prev": side.head})
    return leg | {"amount": render_amount(signed), "balance": render_amount(side.booked)}


def _side(standing: Standing) -> dict[str, Any]:
    return {
        "account_id": standing.id,
        "user_id": standing.owner,
        "balance": standing.booked,
        "seq": standing.seq,
    }
