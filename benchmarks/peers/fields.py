"""The fields of an account that every app answers: those that our own list shows of this data."""

from typing import Final

FIELDS: Final = (
    "AccountId", "AccountBank", "AccountStatus", "AccountType", "AccountBalance", "AccountCurrency", "AccountDate",
    "AccountNumberMasked", "AccountIdentificationType", "AccountBalanceType", "AccountSubtype", "AccountNarrative",
    "GreenAccountNarrative", "MDBAccountNarrative", "Balances", "AccountUser", "Source.Dialect", "Source.Bank",
    "Source.MapperVersion", "Source.FetchedAt", "Quality", "SchemaVersion", "CreatedAt", "UpdatedAt", "Revision",
)  # fmt: skip
PROJECTION: Final = dict.fromkeys(FIELDS, 1)
# What no account lacks, whatever its bank says.
ALWAYS: Final = (
    "AccountId", "AccountBank", "AccountStatus", "AccountType", "AccountBalance", "AccountCurrency", "AccountDate",
    "AccountNumberMasked", "AccountNarrative", "AccountUser", "Source", "SchemaVersion", "CreatedAt", "UpdatedAt",
    "Revision",
)  # fmt: skip
MOST: Final = 50
