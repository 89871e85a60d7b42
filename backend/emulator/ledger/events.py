"""Messages between the services: commands and events, and the records in which they travel.

Payload names on the wire are those of the platform this one continues (``accountId``, ``operationId``); amounts
are Decimal128 with their currency beside them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final, Self

from bson.decimal128 import Decimal128

from backend.emulator.ledger.decimals import decimal_of
from backend.kernel.money import to_bson

Stored = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something asked or something that happened; ``id`` makes a second delivery recognisable."""

    TYPE: ClassVar[str]
    CONSUMERS: ClassVar[tuple[str, ...]]

    id: str
    timestamp: datetime

    def payload(self) -> Stored:
        """Everything but id and timestamp, as stored."""
        return {_WIRE_NAMES[name]: _stored(getattr(self, name)) for name in _PAYLOADS[type(self)]}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """The message that travelled in ``record``; KeyError or TypeError if it is none of this type."""
        data = record["data"]
        values = {name: _read(data[_WIRE_NAMES[name]]) for name in _PAYLOADS[cls]}
        return cls(id=record["_id"], timestamp=record["timestamp"], **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAccountEvent(Message):
    """An account was opened."""

    TYPE = "CREATE_ACCOUNT_EVENT"
    CONSUMERS = ("banking", "query")

    account_id: str
    user_id: str
    name: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAccountEvent(Message):
    """An account was closed."""

    TYPE = "CLOSE_ACCOUNT_EVENT"
    CONSUMERS = ("banking", "query")

    account_id: str
    user_id: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositCommand(Message):
    """Somebody brings money."""

    TYPE = "DEPOSIT_CMD"
    CONSUMERS = ("ledger",)

    account_id: str
    user_id: str
    amount: Decimal
    currency: str
    operation_id: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawCommand(Message):
    """Somebody fetches money."""

    TYPE = "WITHDRAW_CMD"
    CONSUMERS = ("ledger",)

    account_id: str
    user_id: str
    amount: Decimal
    currency: str
    operation_id: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferCommand(Message):
    """Somebody pays somebody; with a ``payment_method`` it is a digital payment."""

    TYPE = "TRANSFER_CMD"
    CONSUMERS = ("ledger",)

    account_id: str
    user_id: str
    receiver_account_id: str
    amount: Decimal
    currency: str
    operation_id: str
    description: str
    payment_method: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositEvent(Message):
    """Money came in; ``balance`` is the account's after it, ``seq`` its number in the account's chain."""

    TYPE = "DEPOSIT_EVENT"
    CONSUMERS = ("banking", "query")

    account_id: str
    user_id: str
    amount: Decimal
    currency: str
    operation_id: str | None
    description: str
    transaction_id: str
    balance: Decimal
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawSuccessEvent(Message):
    """Money went out; fields as in ``DepositEvent``."""

    TYPE = "WITHDRAW_SUCCESS_EVENT"
    CONSUMERS = ("banking", "query")

    account_id: str
    user_id: str
    amount: Decimal
    currency: str
    operation_id: str | None
    description: str
    transaction_id: str
    balance: Decimal
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEvent(Message):
    """Money went from one account to another; balances and numbers of both sides."""

    TYPE = "TRANSFER_EVENT"
    CONSUMERS = ("banking", "query")

    account_id: str
    user_id: str
    balance: Decimal
    seq: int
    receiver_account_id: str
    receiver_user_id: str
    receiver_balance: Decimal
    receiver_seq: int
    amount: Decimal
    currency: str
    operation_id: str | None
    description: str
    transaction_id: str
    payment_method: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed(Message):
    CONSUMERS = ("banking",)

    account_id: str
    operation_id: str
    amount: Decimal
    currency: str
    reason: str


class DepositFailedEvent(_Failed):
    """The ledger refused a deposit, as the account was closed meanwhile."""

    TYPE = "DEPOSIT_FAILED_EVENT"


class WithdrawFailedEvent(_Failed):
    """The ledger refused a withdrawal."""

    TYPE = "WITHDRAW_FAILED_EVENT"


class TransferFailedEvent(_Failed):
    """The ledger refused a transfer."""

    TYPE = "TRANSFER_FAILED_EVENT"


FAILED: Final[Mapping[str, type[_Failed]]] = {
    "deposit": DepositFailedEvent,
    "withdrawal": WithdrawFailedEvent,
    "transfer": TransferFailedEvent,
}
MESSAGES: Final[tuple[type[Message], ...]] = (
    CreateAccountEvent,
    CloseAccountEvent,
    DepositCommand,
    WithdrawCommand,
    TransferCommand,
    DepositEvent,
    WithdrawSuccessEvent,
    TransferEvent,
    *FAILED.values(),
)
_BY_TYPE: Final = {message.TYPE: message for message in MESSAGES}
_PAYLOADS: Final = {
    message: tuple(field.name for field in fields(message) if field.name not in {"id", "timestamp"})
    for message in MESSAGES
}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_WIRE_NAMES: Final = {name: _camel(name) for names in _PAYLOADS.values() for name in names}


def read_message(record: Mapping[str, Any]) -> Message:
    """The message in ``record``; KeyError or TypeError for a type or payload that is none of ours."""
    return _BY_TYPE[record["type"]].of(record)


def travelling(
    message: Message, accounts: Iterable[str], stamp: int, consumers: tuple[str, ...] | None = None
) -> Stored:
    """The outbox record that carries ``message``.

    Messages of one account are delivered by growing ``stamp``. ``consumers`` are fewer than all who could care.
    """
    return {
        "_id": message.id,
        "type": message.TYPE,
        "timestamp": message.timestamp,
        "stamp": stamp,
        "accounts": list(accounts),
        "pending": list(message.CONSUMERS if consumers is None else consumers),
        "data": message.payload(),
    }


def _stored(value: Any) -> Any:
    return to_bson(value) if type(value) is Decimal else value


def _read(value: Any) -> Any:
    return decimal_of(value) if type(value) is Decimal128 else value
