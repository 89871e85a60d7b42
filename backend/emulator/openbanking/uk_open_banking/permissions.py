"""The standard's permission codes: which go together, and what each lets a third party see."""

from collections.abc import Iterable
from typing import Final

from backend.emulator.openbanking.refusals import Reason, Refused

# Code -> the permission that a customer reads about. None: it only qualifies another one.
CODES: Final[dict[str, str | None]] = {
    "ReadAccountsBasic": "accounts",
    "ReadAccountsDetail": "accounts",
    "ReadBalances": "balances",
    "ReadBeneficiariesBasic": None,
    "ReadBeneficiariesDetail": None,
    "ReadDirectDebits": None,
    "ReadOffers": None,
    "ReadPAN": None,
    "ReadParty": None,
    "ReadPartyPSU": None,
    "ReadProducts": "products",
    "ReadScheduledPaymentsBasic": None,
    "ReadScheduledPaymentsDetail": None,
    "ReadStandingOrdersBasic": "standing-orders",
    "ReadStandingOrdersDetail": "standing-orders",
    "ReadStatementsBasic": None,
    "ReadStatementsDetail": None,
    "ReadTransactionsBasic": "transactions",
    "ReadTransactionsCredits": None,
    "ReadTransactionsDebits": None,
    "ReadTransactionsDetail": "transactions",
}
_ACCOUNTS: Final = frozenset({"ReadAccountsBasic", "ReadAccountsDetail"})
_TRANSACTIONS: Final = frozenset({"ReadTransactionsBasic", "ReadTransactionsDetail"})
_DIRECTIONS: Final = frozenset({"ReadTransactionsCredits", "ReadTransactionsDebits"})
PLACE: Final = "Data.Permissions"


def read(codes: Iterable[str]) -> tuple[str, ...]:
    """The permissions that ``codes`` come to; Refused for a code unknown or without the one it needs."""
    asked = frozenset(codes)
    unknown = sorted(asked - CODES.keys())
    if unknown:
        raise Refused(Reason.FIELD_INVALID, "There is no such permission", place=PLACE)
    if not asked & _ACCOUNTS:
        raise Refused(Reason.FIELD_INVALID, "ReadAccountsBasic or ReadAccountsDetail is needed", place=PLACE)
    if bool(asked & _TRANSACTIONS) is not bool(asked & _DIRECTIONS):
        raise Refused(Reason.FIELD_INVALID, "Transactions need Basic or Detail, and Credits or Debits", place=PLACE)
    found = [permission for code in sorted(asked) if (permission := CODES[code])]
    return tuple(dict.fromkeys(found))
