"""The world's people as customers of its banks: who logs in, and what there is to choose from."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from anyio.to_thread import run_sync
from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.oauth.customers import Customer, CustomerAccount, Passwords
from backend.emulator.openbanking.books import Books
from backend.emulator.openbanking.facts import Account
from backend.emulator.world.schema import CUSTOMERS
from backend.kernel.mongo.client import translated

Stored = dict[str, Any]
_KINDS: Final = {"checking": "Checking", "savings": "Savings", "card": "Credit card"}


class WorldCustomers:
    """The book of customers. Passwords are published test data; they are hashed when first asked for.

    ``lends`` says by bank whether its dialect can tell of loans, so that only what is served can be chosen.
    """

    def __init__(
        self, world: AsyncDatabase[Stored], books: Books, passwords: Passwords, lends: Mapping[str, bool]
    ) -> None:
        self._customers = world[CUSTOMERS]
        self._books = books
        self._passwords = passwords
        self._lends = lends
        self._hashes: dict[str, str] = {}

    async def by_user_name(self, bank: str, user_name: str) -> Customer | None:
        """The customer who logs in to ``bank`` by that name."""
        return await self._one({"bank": bank, "user_name": {"$eq": user_name}})

    async def by_id(self, bank: str, customer_id: str) -> Customer | None:
        """The customer of that id."""
        return await self._one({"bank": bank, "owner": {"$eq": customer_id}})

    async def accounts(self, bank: str, customer_id: str) -> Sequence[CustomerAccount]:
        """The customer's accounts and, where the bank tells of them, loans."""
        offered = [_offered(account) for account in await self._books.of_owner(bank, customer_id)]
        if self._lends[bank]:
            offered += [
                CustomerAccount(product.id, product.kind, f"No. {product.number}", product.kind)
                for product in await self._books.products_of(bank, customer_id)
            ]
        return offered

    async def _one(self, wanted: Stored) -> Customer | None:
        with translated():
            found = await self._customers.find_one(wanted)
        if found is None:
            return None
        password = found["password"]
        if password not in self._hashes:
            self._hashes[password] = await run_sync(self._passwords.hash, password)
        return Customer(found["owner"], found["name"], self._hashes[password])


def _offered(account: Account) -> CustomerAccount:
    shown = account.card if account.kind == "card" and account.card else account.iban or account.number
    return CustomerAccount(account.id, account.name, f"•••• {shown[-4:]}", _KINDS[account.kind])
