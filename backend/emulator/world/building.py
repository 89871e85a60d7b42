"""The world built into its databases: accounts with their past, products, customers, and a clock that stands at now."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from pymongo import ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase

from backend.emulator.ledger.port import Ledger, NewAccount
from backend.emulator.world.books import historical, mandates, placing, store_labels
from backend.emulator.world.clock import WorldClock
from backend.emulator.world.history import History, history, rate_of
from backend.emulator.world.life import Life
from backend.emulator.world.loans import product_key
from backend.emulator.world.reading import World
from backend.emulator.world.rows import Account, Persona, Product
from backend.emulator.world.schema import CUSTOMERS, MANDATES, PRODUCTS
from backend.kernel.money import Money, render_amount, to_bson
from backend.kernel.mongo.client import translated

Stored = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Built:
    """What a persona has got: how many accounts, booked entries and pending ones."""

    persona: str
    accounts: int
    booked: int
    pending: int


async def build(world: World, ledger: Ledger, database: AsyncDatabase[Stored]) -> AsyncIterator[Built]:
    """Builds persona by persona; nothing if the world stands already. An interrupted build is finished by the next.

    Misconfigured if it stands and was built from other rows.
    """
    clock = WorldClock(database)
    if await clock.stands(world):
        return
    for persona in world.personas.values():
        life = Life(world, persona)
        past = history(life)
        await _open_accounts(life, ledger)
        with translated():
            await asyncio.gather(
                _store_documents(world, persona, database),
                _book(past, ledger),
                store_labels(database, persona.id, [*past.booked, *past.pending]),
            )
        yield Built(persona.user_name, len(persona.accounts), len(past.booked), len(past.pending))
    await clock.start(world)


async def _open_accounts(life: Life, ledger: Ledger) -> None:
    persona = life.persona
    known = {account["_id"] for account in await ledger.accounts(owner=persona.id)}
    for account in persona.accounts:
        if account.id not in known:
            await ledger.open_account(
                NewAccount(
                    id=account.id,
                    owner=persona.id,
                    bank=account.bank,
                    name=account.name,
                    currency=life.world.currency_of(account),
                    overdraft=account.overdraft,
                    opened_at=life.maker.moment(account, account.opened, 0, 1),
                    details=account_details(life.world, persona, account),
                )
            )


def account_details(world: World, persona: Persona, account: Account) -> dict[str, str]:
    """All that a bank can tell of an account beside its balance; facts it has not are left out."""
    bank = world.bank_of(account)
    rate = rate_of(world, account)
    facts = {
        "kind": account.kind,
        "number": account.number,
        "iban": world.iban_of(account),
        "bic": bank.bic,
        "sort_code": bank.bank_code[4:] if bank.country == "GB" else None,
        "holder": persona.full_name,
        "user_name": persona.user_name,
        "opened": account.opened.isoformat(),
        "card": account.card,
        "interest_rate": render_amount(rate) if rate else None,
        "narrative": account.narrative,
        "object_id": account.object_id,
    }
    return {name: value for name, value in facts.items() if value is not None}


async def _store_documents(world: World, persona: Persona, database: AsyncDatabase[Stored]) -> None:
    banks = sorted({account.bank for account in persona.accounts})
    for collection, documents in (
        (CUSTOMERS, [_customer(persona, bank) for bank in banks]),
        (PRODUCTS, [_product(world, persona, product) for product in persona.products]),
        (MANDATES, list(mandates(world, persona))),
    ):
        if documents:
            writes = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
            await database[collection].bulk_write(writes)


def _customer(persona: Persona, bank: str) -> Stored:
    return {
        "_id": f"{bank}:{persona.user_name}",
        "bank": bank,
        "owner": persona.id,
        "user_name": persona.user_name,
        "password": persona.password,
        "app_secret": persona.app_secret,
        "name": persona.full_name,
        "first_name": persona.first_name,
        "last_name": persona.last_name,
        "prefix": persona.prefix,
        "email": persona.email,
        "birth_date": persona.birth_date.isoformat(),
        "address": persona.address.model_dump(),
    }


def _product(world: World, persona: Persona, product: Product) -> Stored:
    home = product.property
    return {
        "_id": product_key(product),
        "bank": product.bank,
        "owner": persona.id,
        "user_name": persona.user_name,
        "product_id": product.product_id,
        "kind": product.kind,
        "outstanding": to_bson(product.amount),
        "currency": world.banks[product.bank].currency,
        "rate": to_bson(product.rate),
        "opened": product.opened.isoformat(),
        "term": product.term,
        "instalment": to_bson(product.instalment),
        "day": product.day,
        "account": persona.by_key[product.account].id,
        "last_paid": None,
        "collateral": product.collateral,
        "property": {"address": home.address, "value": to_bson(home.value)} if home else None,
        "narrative": product.narrative,
        "object_id": product.object_id,
    }


async def _book(past: History, ledger: Ledger) -> None:
    await ledger.post_history([historical(entry) for entry in past.booked])
    for entry in past.pending:
        hold = placing(entry)
        await ledger.hold(
            hold.account,
            Money(hold.amount, hold.currency),
            expires_at=hold.expires_at,
            description=hold.description,
            details=hold.details,
            at=hold.at,
            hold_id=hold.id,
        )
