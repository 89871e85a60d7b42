"""Notifications: what a transfer or a digital payment tells its two sides, in the five kinds customers know."""

from collections.abc import Iterator

from backend.emulator.ledger.events import Message, TransferEvent
from backend.emulator.ledger.journal import Stored
from backend.kernel.money import Money


def notifications(event: Message) -> Iterator[Stored]:
    """One for a transfer between accounts of one owner, one for each side of any other; none for cash."""
    if not isinstance(event, TransferEvent):
        return
    amount = _in_words(Money(event.amount, event.currency))
    sender_has = _in_words(Money(event.balance, event.currency))
    receiver_has = _in_words(Money(event.receiver_balance, event.currency))
    if event.user_id == event.receiver_user_id:
        said = f"You have moved {amount} between your accounts. Your new balances are {sender_has} and {receiver_has}."
        yield _notification(event, "InternalTransfer", event.user_id, said)
        return
    via = f" via {event.payment_method}" if event.payment_method else ""
    thing = "payment" if event.payment_method else "transfer"
    sent, received = ("PaymentMade", "PaymentReceived") if via else ("TransferSent", "TransferReceived")
    said = f"You have sent a {thing} of {amount} to {event.receiver_user_id}{via}. Your new balance is {sender_has}."
    yield _notification(event, sent, event.user_id, said)
    said = f"You have received a {thing} of {amount} from {event.user_id}{via}. Your new balance is {receiver_has}."
    yield _notification(event, received, event.receiver_user_id, said)


def _notification(event: TransferEvent, kind: str, owner: str, message: str) -> Stored:
    return {
        "_id": f"{event.transaction_id}:{kind}",
        "owner": owner,
        "event": kind,
        "message": message,
        "at": event.timestamp,
        "transaction": event.transaction_id,
        "sender": event.account_id,
        "receiver": event.receiver_account_id,
    }


def _in_words(money: Money) -> str:
    amount, currency = str(money).split()
    return f"{currency} {amount}"
