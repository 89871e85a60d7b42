"""Accounts and money, with what a test does not speak of filled in."""

from backend.emulator.ledger.port import Ledger, NewAccount
from backend.kernel.money import Money

FRIDA = "fridaklo"
GRACE = "gracehop"


def eur(amount: str) -> Money:
    return Money.of(amount, "EUR")


async def account(ledger: Ledger, balance: str = "0", *, currency: str = "EUR", **facts) -> str:
    wanted = NewAccount(**{"owner": FRIDA, "bank": "green-bank", "name": "Everyday", "currency": currency, **facts})
    opened = (await ledger.open_account(wanted))["_id"]
    if balance != "0":
        await ledger.deposit(opened, Money.of(balance, currency))
    return opened
