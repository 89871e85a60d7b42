"""The dialects spoken in the world, by the name that a bank's row gives."""

from typing import Final

from backend.emulator.openbanking.berlin_group.routes import DIALECT as BERLIN_GROUP
from backend.emulator.openbanking.leafy.routes import DIALECT as LEAFY
from backend.emulator.openbanking.op_finland.routes import DIALECT as OP_FINLAND
from backend.emulator.openbanking.uk_open_banking.routes import DIALECT as UK_OPEN_BANKING

DIALECTS: Final = {each.name: each for each in (LEAFY, BERLIN_GROUP, UK_OPEN_BANKING, OP_FINLAND)}
