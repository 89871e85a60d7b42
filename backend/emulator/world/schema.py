"""What the world remembers besides the ledger: customers, products, standing instructions, truth, and its clock."""

from typing import Final

from pymongo import ASCENDING, IndexModel

from backend.kernel.mongo.provision import CollectionSpec

DATABASE: Final = "bank_world"

CUSTOMERS: Final = "customers"
PRODUCTS: Final = "products"
MANDATES: Final = "mandates"
LABELS: Final = "labels"
DECLINED: Final = "declined"
CLOCK: Final = "clock"


def _index(name: str, *keys: str, unique: bool = False) -> IndexModel:
    return IndexModel([(key, ASCENDING) for key in keys], name=name, unique=unique)


COLLECTIONS: Final[tuple[CollectionSpec, ...]] = (
    # {bank, user_name}; and {owner}
    CollectionSpec(CUSTOMERS, (_index("login", "bank", "user_name", unique=True), _index("owner", "owner"))),
    # {owner[, bank]}
    CollectionSpec(PRODUCTS, (_index("owner", "owner", "bank"),)),
    # {account}: standing orders and direct debits
    CollectionSpec(MANDATES, (_index("account", "account"),)),
    # {owner}, for scoring only: no bank serves it
    CollectionSpec(LABELS, (_index("owner", "owner"),)),
    CollectionSpec(DECLINED),
    CollectionSpec(CLOCK),
)
