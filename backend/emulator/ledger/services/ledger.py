"""The ledger's side of messages: commands become postings, all of a page in one group commit."""

import asyncio
from collections.abc import Mapping, Sequence

from backend.emulator.ledger.book import REFUSALS
from backend.emulator.ledger.commands import Posting, transaction_id
from backend.emulator.ledger.events import DepositCommand, TransferCommand, WithdrawCommand, read_message
from backend.emulator.ledger.journal import Stored
from backend.emulator.ledger.posting import Poster
from backend.emulator.ledger.schema import SYSTEM_CASH
from backend.kernel.errors import Unavailable


class CommandConsumer:
    """Inbox, journal, balances and the event that answers are one transaction, made by the poster."""

    def __init__(self, poster: Poster) -> None:
        self._poster = poster

    async def consume(self, records: Sequence[Stored]) -> Mapping[str, Exception | None]:
        """See ``relay.Consumer``. A refused command is digested: its failure event is on the way."""
        outcomes = await asyncio.gather(*(self._carry_out(record) for record in records))
        return {record["_id"]: outcome for record, outcome in zip(records, outcomes, strict=True) if outcome}

    async def _carry_out(self, record: Stored) -> Exception | None:
        try:
            posting = _posting(record)
        except Exception as error:  # noqa: BLE001 - poison comes in every form; it is counted and set aside
            return error
        try:
            await self._poster.submit(posting)
        except REFUSALS:
            return None
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - what cannot be written is poison as well
            return error
        return None


def _posting(record: Stored) -> Posting:
    """The posting asked for; an unreadable command raises whatever is wrong with it."""
    command = read_message(record)
    if not isinstance(command, DepositCommand | WithdrawCommand | TransferCommand):
        raise TypeError(f"{command.TYPE} is no command")
    debit, credit, details = command.account_id, SYSTEM_CASH, dict[str, str]()
    if isinstance(command, DepositCommand):
        debit, credit = credit, debit
    elif isinstance(command, TransferCommand):
        credit = command.receiver_account_id
        if command.payment_method:
            details["payment_method"] = command.payment_method
    return Posting(
        id=transaction_id(command.operation_id),
        debit=debit,
        credit=credit,
        amount=command.amount,
        currency=command.currency,
        at=command.timestamp,
        description=command.description,
        details=details,
        operation=command.operation_id,
        message=command.id,
    )
