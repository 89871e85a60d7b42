"""Which document a mapped thing is: ids that depend on nothing but what identifies it."""

from backend.banks.contract import AccountKey, Bank, MappedProduct
from backend.documents.parts import Owner
from backend.kernel.ids import KeyedHash


def account_digest(keyed: KeyedHash, owner: Owner, bank: Bank, key: AccountKey) -> bytes:
    """Of one user's account; a joint account connected by two people is two documents."""
    return keyed.digest("account", owner.user_id.binary, bank.id, key.scheme, key.identifier, key.currency)


def account_group(keyed: KeyedHash, bank: Bank, key: AccountKey) -> bytes:
    """Of the account whoever connected it: ties joint accounts together."""
    return keyed.digest("account-group", bank.id, key.scheme, key.identifier, key.currency)


def product_digest(keyed: KeyedHash, owner: Owner, bank: Bank, mapped: MappedProduct) -> bytes:
    """Of one user's contract."""
    model = mapped.model
    return keyed.digest("product", owner.user_id.binary, bank.id, model.contract_number, model.product_currency)


def transaction_digest(keyed: KeyedHash, account_id: str, key: str) -> bytes:
    """Of one movement on one account."""
    return keyed.digest("transaction", account_id, key)
