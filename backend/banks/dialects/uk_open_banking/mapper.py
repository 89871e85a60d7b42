"""UK Open Banking JSON to our models."""

from typing import Final

from backend.banks.contract import Dialect
from backend.banks.dialects.uk_open_banking.accounts import account, balance
from backend.banks.dialects.uk_open_banking.payloads import split
from backend.banks.dialects.uk_open_banking.products import product
from backend.banks.dialects.uk_open_banking.transactions import transaction
from backend.banks.dialects.uk_open_banking.ways import UkWays

DIALECT: Final = Dialect(
    name="uk_open_banking",
    version=1,
    mappers={"accounts": account, "products": product, "transactions": transaction},
    balances=balance,
    split=split,
    ways=UkWays,
)
