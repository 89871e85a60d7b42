"""OP's JSON to our models."""

from typing import Final

from backend.banks.contract import Dialect
from backend.banks.dialects.op_finland.accounts import account
from backend.banks.dialects.op_finland.payloads import split
from backend.banks.dialects.op_finland.transactions import transaction
from backend.banks.dialects.op_finland.ways import OpWays

DIALECT: Final = Dialect(
    name="op_finland",
    version=1,
    mappers={"accounts": account, "transactions": transaction},
    split=split,
    ways=OpWays,
)
