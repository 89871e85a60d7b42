"""Which of an account's balances is its balance, and what may be spent of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from backend.documents.account import Account, Balance
from backend.documents.parts import Note

# Types besides ISO 20022's are our own: NINV not invoiced, CLRD cleared, AUTH authorised, OTHR any other.
BOOKED: Final = ("ITBD", "CLBD")
_THEN: Final = ("XPCD", "OPBD", "PRCD")
_ON_DEBT: Final = ("NINV", *_THEN)
AVAILABLE: Final = ("ITAV", "CLAV")
DEBTS: Final = frozenset({"CreditCard", "Loan", "Mortgage", "Overdraft"})
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StatedBalance:
    """A balance as the bank states it, and the credit granted in it or beside it."""

    balance: Balance
    limit: Decimal | None = None


def settled(account: Account, stated: Sequence[StatedBalance]) -> tuple[Account, tuple[Note, ...]]:
    """The account with these balances, and notes on the choice. Without a usable one its balance is null, never 0.

    The booked one counts; the newer where there are two; then expected, opening and previous ones; what is
    available only at last, and without the credit in it. Other currencies are kept and never counted.
    """
    same = [each for each in stated if each.balance.currency == account.account_currency]
    chosen, notes = _chosen(same, is_debt=account.account_type in DEBTS)
    available = _available(same)
    limit = max((each.limit for each in same if each.limit is not None), default=None)
    included = next((each.balance.credit_limit_included for each in same if each is available), None)
    found = {
        "balances": [each.balance for each in stated],
        "account_balance": chosen.balance.amount if chosen else None,
        "account_balance_type": chosen.balance.type if chosen else None,
        "account_balance_as_of": chosen.balance.as_of_utc if chosen else None,
        "account_available_balance": available.balance.amount if available else None,
        "account_credit_limit": account.account_credit_limit if limit is None else limit,
        "account_credit_limit_included": included,
    }
    return account.model_copy(update=found), notes


def owed(stated: Sequence[StatedBalance], currency: str) -> Decimal | None:
    """What a loan's balances say is owed, as a positive amount; None when they do not say, or nothing is owed."""
    chosen, _ = _chosen([each for each in stated if each.balance.currency == currency], is_debt=True)
    return -chosen.balance.amount if chosen and chosen.balance.amount <= 0 else None


def _chosen(stated: Sequence[StatedBalance], *, is_debt: bool) -> tuple[StatedBalance | None, tuple[Note, ...]]:
    booked = [each for each in stated if each.balance.type in BOOKED]
    if booked:
        return max(booked, key=_newness), ()
    for kind in _ON_DEBT if is_debt else _THEN:
        if same := [each for each in stated if each.balance.type == kind]:
            return max(same, key=_newness), ()
    available = _available(stated)
    return (None, (_MISSING,)) if available is None else _without_credit(available)


def _without_credit(available: StatedBalance) -> tuple[StatedBalance | None, tuple[Note, ...]]:
    balance = available.balance
    if not balance.credit_limit_included:
        return available, (_ONLY_AVAILABLE,)
    if available.limit is None:
        return None, (_ONLY_WITH_CREDIT,)
    own = balance.model_copy(update={"amount": balance.amount - available.limit})
    return StatedBalance(own, available.limit), (_ONLY_AVAILABLE,)


def _available(stated: Sequence[StatedBalance]) -> StatedBalance | None:
    """What may be spent: the one without credit in it first, since that one is one's own."""
    usable = [each for each in stated if each.balance.type in AVAILABLE]
    own = [each for each in usable if not each.balance.credit_limit_included]
    return max(own or usable, key=lambda each: (each.balance.type == "ITAV", _newness(each)), default=None)


def _newness(stated: StatedBalance) -> tuple[str, datetime, bool]:
    """Later days first; on one day later instants, and where nothing is dated the running balance."""
    balance = stated.balance
    day = balance.as_of_local or ""
    return day, balance.as_of_utc or _NEVER, balance.type == "ITBD"


_MISSING: Final = Note(
    code="BALANCE_MISSING", path="", detail="The bank gave no balance in the account's currency; it counts nowhere"
)
_ONLY_AVAILABLE: Final = Note(
    code="BALANCE_IS_AVAILABLE", path="", detail="The bank gave no booked balance; this is what is available of it"
)
_ONLY_WITH_CREDIT: Final = Note(
    code="BALANCE_INCLUDES_CREDIT",
    path="",
    detail="The bank gave only a balance with granted credit in it, and not how much that is; it counts nowhere",
)
