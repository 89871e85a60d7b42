"""Berlin Group JSON to our models."""

from typing import Final

from backend.banks.contract import Dialect
from backend.banks.dialects.berlin_group.accounts import account, balance
from backend.banks.dialects.berlin_group.payloads import split
from backend.banks.dialects.berlin_group.transactions import transaction
from backend.banks.dialects.berlin_group.ways import BerlinWays

DIALECT: Final = Dialect(
    name="berlin_group",
    version=1,
    mappers={"accounts": account, "transactions": transaction},
    balances=balance,
    split=split,
    ways=BerlinWays,
)
