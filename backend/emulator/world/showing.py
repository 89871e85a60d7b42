"""The world as it stands: who has what where, and how much of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.ledger.port import Ledger
from backend.emulator.world.clock import WorldClock
from backend.emulator.world.loans import product_key
from backend.emulator.world.reading import World
from backend.emulator.world.rows import Account
from backend.emulator.world.schema import PRODUCTS
from backend.kernel.mongo.client import translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An account, or a product whose ``amount`` is outstanding."""

    bank: str
    persona: str
    name: str
    number: str
    currency: str
    amount: Decimal
    held: Decimal
    is_product: bool


async def holdings(world: World, ledger: Ledger, database: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[Holding]:
    """Everything the personas hold, bank by bank; Misconfigured if the world was built from other rows."""
    await WorldClock(database).stands(world)
    with translated():
        products = {each["_id"]: each async for each in database[PRODUCTS].find({})}
    for bank in world.banks.values():
        for persona in world.personas.values():
            for account in persona.accounts:
                if account.bank == bank.id:
                    balance = await ledger.balance(account.id)
                    yield Holding(
                        bank=bank.name,
                        persona=persona.user_name,
                        name=account.name,
                        number=_shown(world, account),
                        currency=balance.currency,
                        amount=balance.booked,
                        held=balance.held,
                        is_product=False,
                    )
            for product in persona.products:
                if product.bank == bank.id:
                    stored = products[product_key(product)]
                    yield Holding(
                        bank=bank.name,
                        persona=persona.user_name,
                        name=product.kind,
                        number=product.product_id,
                        currency=stored["currency"],
                        amount=stored["outstanding"].to_decimal(),
                        held=Decimal(0),
                        is_product=True,
                    )


def _shown(world: World, account: Account) -> str:
    """The number a customer would name."""
    if account.kind == "card" and account.card:
        return account.card
    return world.iban_of(account) or account.number
