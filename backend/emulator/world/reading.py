"""The world as read from its files: banks, shops and people that fit together."""

import hashlib
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from backend.emulator.world.dice import Dice
from backend.emulator.world.numbers import iban
from backend.emulator.world.rows import Account, Bank, Merchants, Persona, Row, WorldRow
from backend.kernel.errors import Misconfigured

DATA: Final = Path(__file__).resolve().parents[3] / "data" / "personas"
_OWN_FILES: Final = ("world.toml", "merchants.toml")
_STRAY: Final = Decimal("0.012")
_RATE_STEP: Final = Decimal("0.000001")


class World:
    """Everything that is written down: ``banks`` by id, ``personas`` by user name, merchants, rates, start and seed.

    ``fingerprint`` stands for all of it.
    """

    def __init__(self, world: WorldRow, shops: Merchants, personas: tuple[Persona, ...], fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.starts = world.starts
        self.seed = world.seed
        self.history_months = world.history_months
        self.rates = world.rates
        self.banks = {bank.id: bank for bank in world.banks}
        self.kinds = shops.kinds
        self.currencies = shops.currencies
        self.merchants = shops.merchants
        self.personas = {persona.user_name: persona for persona in personas}

    def bank_of(self, account: Account) -> Bank:
        """Where the account is kept."""
        return self.banks[account.bank]

    def currency_of(self, account: Account) -> str:
        """What the account is kept in."""
        return account.currency or self.bank_of(account).currency

    def rate(self, currency: str, target: str, day: date) -> Decimal:
        """What one unit of ``currency`` costs in ``target`` on that day, with six decimals."""
        middle = self.rates[target] / self.rates[currency]
        stray = Dice(self.seed, "rate", currency, target, day).swing(_STRAY)
        return (middle * (1 + stray)).quantize(_RATE_STEP)

    def iban_of(self, account: Account) -> str | None:
        """The account's IBAN, if its bank's country has such."""
        bank = self.bank_of(account)
        if not bank.has_iban or account.kind == "card":
            return None
        return iban(bank.country, bank.bank_code + account.number.zfill(bank.number_digits))


def read_world(rows: Path = DATA) -> World:
    """The world in ``rows``: world.toml, merchants.toml, a file per persona. Misconfigured names file and place."""
    world = _read(rows / "world.toml", WorldRow)
    shops = _read(rows / "merchants.toml", Merchants)
    paths = sorted(path for path in rows.glob("*.toml") if path.name not in _OWN_FILES)
    personas = tuple(_read(path, Persona) for path in paths)
    banks = {bank.id for bank in world.banks}
    for path, persona in zip(paths, personas, strict=True):
        _check_banks(path, persona, banks)
        _check_shops(path, persona, shops)
    _check_apart(rows, [persona.user_name for persona in personas], "user name")
    _check_apart(rows, [account.id for persona in personas for account in persona.accounts], "account number")
    return World(world, shops, personas, _fingerprint(rows))


def _fingerprint(rows: Path) -> str:
    state = hashlib.sha256()
    for path in sorted(rows.glob("*.toml")):
        state.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return state.hexdigest()


def _check_banks(path: Path, persona: Persona, banks: set[str]) -> None:
    named = {account.bank for account in persona.accounts} | {product.bank for product in persona.products}
    unknown = sorted(named - banks)
    if unknown:
        raise Misconfigured(f"{path} names a bank that world.toml does not have: {', '.join(unknown)}")


def _check_shops(path: Path, persona: Persona, shops: Merchants) -> None:
    known = set(shops.kinds)
    unknown = sorted({kind for row in persona.everyday for kind in row.mix} - known)
    if unknown:
        raise Misconfigured(f"{path} names kinds that merchants.toml does not have: {', '.join(unknown)}")
    countries = {merchant.country for merchant in shops.merchants}
    named = {persona.shops_in, *(row.country for row in persona.journeys)}
    named |= {row.shops_in for row in persona.everyday if row.shops_in}
    shopless = sorted(named - countries)
    if shopless:
        raise Misconfigured(f"{path} goes shopping where merchants.toml has no shops: {', '.join(shopless)}")


def _check_apart(rows: Path, names: list[str], what: str) -> None:
    if len(set(names)) != len(names):
        raise Misconfigured(f"Two of the personas in {rows} have the same {what}")


R = TypeVar("R", bound=Row)


def _read(path: Path, shape: type[R]) -> R:
    try:
        return shape.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise Misconfigured(f"{path} is missing; the world needs it") from error
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        raise Misconfigured(f"{path} cannot be used; {_wrong(error.errors()[0])}") from error


def _wrong(issue: Any) -> str:
    place = ".".join(map(str, issue["loc"])) or "the whole"
    return f"look at {place}: {issue['msg']}"
