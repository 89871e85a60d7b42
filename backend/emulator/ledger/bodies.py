"""What the ledger's HTTP API takes and gives: bodies under the names of the platform it continues.

Amounts come as text or as JSON numbers, both read exactly; they go out as text, with the currency beside them.
"""

from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from backend.emulator.ledger.canonical import instant
from backend.emulator.ledger.journal import Stored
from backend.kernel.money import Amount, render_amount

ACCOUNT_ID: Final = r"^acc_[a-f0-9]{32}$"
AccountId = Annotated[str, Field(pattern=ACCOUNT_ID)]
_MOST: Final = Decimal(1_000_000)
_Text = Annotated[str, Field(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OpenAccount(_Body):
    """POST /accounts."""

    name: Annotated[str, Field(min_length=3, max_length=100)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


class CloseAccount(_Body):
    """PUT /accounts/{account_id}/close."""

    reason: _Text | None = None


class Deposit(_Body):
    """POST /deposit."""

    accountId: AccountId  # noqa: N815 - the wire's name
    amount: Annotated[Amount, Field(gt=0, le=_MOST)]


class Withdrawal(_Body):
    """POST /withdraw."""

    accountId: AccountId  # noqa: N815 - the wire's name
    amount: Annotated[Amount, Field(ge=1, le=_MOST)]


class Transfer(_Body):
    """POST /perform-account-transfer.

    Who pays is known from the log-in and what the accounts are from the accounts: the other fields, which older
    clients send, are let in and not used.
    """

    account_id_sender: AccountId
    account_id_receiver: AccountId
    transaction_amount: Annotated[Amount, Field(gt=0)]
    sender_user_id: _Text | None = None
    sender_user_name: _Text | None = None
    sender_account_number: _Text | None = None
    sender_account_type: _Text | None = None
    receiver_user_id: _Text | None = None
    receiver_user_name: _Text | None = None
    receiver_account_number: _Text | None = None
    receiver_account_type: _Text | None = None


class Payment(Transfer):
    """POST /perform-digital-payment."""

    payment_method: Annotated[str, Field(pattern="^(Paypal|Zelle|Venmo)$")]


def account(stored: Stored) -> Stored:
    """Account."""
    shown = {
        "accountId": stored["_id"],
        "userId": stored["owner"],
        "name": stored["name"],
        "currency": stored["currency"],
        "status": stored["status"],
        "createdAt": instant(stored["created_at"]),
        "updatedAt": instant(stored["updated_at"]),
    }
    return shown | ({"closedAt": instant(stored["closed_at"])} if "closed_at" in stored else {})


def operation(stored: Stored) -> Stored:
    """Operation; ``completedAt`` is null while it is pending, ``errorMessage`` is there when it failed."""
    ended = stored.get("completed_at")
    shown = {
        "operationId": stored["_id"],
        "accountId": stored["account"],
        "type": stored["type"],
        "amount": _text(stored["amount"]),
        "currency": stored["currency"],
        "status": stored["status"],
        "createdAt": instant(stored["created_at"]),
        "completedAt": instant(ended) if ended else None,
    }
    return shown | ({"errorMessage": stored["error_message"]} if "error_message" in stored else {})


def transaction(stored: Stored) -> Stored:
    """Transaction; ``amount`` is below zero when money went out, ``sequence`` numbers the account's entries."""
    return {
        "id": stored["transaction"],
        "accountId": stored["account"],
        "type": stored["type"],
        "amount": _text(stored["amount"]),
        "balance": _text(stored["balance"]),
        "currency": stored["currency"],
        "status": stored["status"],
        "timestamp": instant(stored["timestamp"]),
        "description": stored["description"],
        "sequence": stored["seq"],
    }


def balance(stored: Stored) -> Stored:
    """Balance."""
    return {
        "accountId": stored["_id"],
        "accountName": stored["name"],
        "balance": _text(stored["balance"]),
        "currency": stored["currency"],
        "lastUpdated": instant(stored["updated_at"]),
    }


def notification(stored: Stored) -> Stored:
    """Notification."""
    return {
        "NotificationEvent": stored["event"],
        "NotificationMessage": stored["message"],
        "NotificationDate": instant(stored["at"]),
        "NotificationTransaction": {"TransactionId": stored["transaction"]},
        "NotificationAccounts": {"AccountIdSender": stored["sender"], "AccountIdReceiver": stored["receiver"]},
    }


def _text(amount: Any) -> str:
    return render_amount(amount.to_decimal())
