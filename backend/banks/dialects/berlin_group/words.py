"""The standard's words in ours: account references, balance types, account types and states."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from backend.banks.contract import AccountReference
from backend.banks.fields import Fields
from backend.banks.rules.numbers import Number, numbers_in, reference
from backend.documents.account import AccountStatus, AccountType, Scheme

BALANCES: Final = {
    "openingBooked": "OPBD",
    "closingBooked": "CLBD",
    "interimBooked": "ITBD",
    "interimAvailable": "ITAV",
    "forwardAvailable": "FWAV",
    "expected": "XPCD",
    "previouslyClosedBooked": "PRCD",
    "nonInvoiced": "NINV",
    "authorised": "AUTH",
}
ACCOUNT_TYPES: Final[Mapping[str, AccountType]] = {
    "CACC": "Checking",
    "TRAN": "Checking",
    "SVGS": "Savings",
    "LLSV": "Savings",
    "CARD": "CreditCard",
    "LOAN": "Loan",
    "ODFT": "Overdraft",
}
STATUSES: Final[Mapping[str | None, AccountStatus]] = {
    None: "Active",
    "enabled": "Active",
    "blocked": "Blocked",
    "deleted": "Closed",
}
USAGES: Final[Mapping[str, Literal["Personal", "Business"]]] = {"PRIV": "Personal", "ORGA": "Business"}
_NUMBERS: Final[Mapping[str, Scheme]] = {"iban": "IBAN", "bban": "BBAN", "maskedPan": "MaskedPan", "msisdn": "Msisdn"}


def numbers(read: Fields | None) -> list[Number]:
    """The numbers of an account or of a reference to one. A whole card number is not kept in clear as one."""
    if read is None:
        return []
    found = numbers_in({scheme: read.text(name) for name, scheme in _NUMBERS.items()})
    other = read.object("other")
    identification = other.text("identification") if other else None
    return [*found, Number.of("Other", identification)] if identification else found


def reference_in(envelope: Mapping[str, Any]) -> AccountReference:
    """The account an envelope refers to, as far as it can be read."""
    read = Fields(envelope, strict=False)
    currency = read.text("currency")
    return reference(numbers(read), read.text("resourceId"), currency.upper() if currency else None)
