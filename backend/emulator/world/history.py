"""The past of a persona: two years of life under an opening entry, so that today every balance is as stated."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.emulator.world.dice import cents
from backend.emulator.world.entry import Entry, Label
from backend.emulator.world.life import Life
from backend.emulator.world.making import Maker
from backend.emulator.world.months import first_day, last_day, month_of
from backend.emulator.world.reading import World
from backend.emulator.world.rows import Account
from backend.kernel.errors import Misconfigured

_DAYS_PER_CENT: Final = Decimal(36500)


@dataclass(frozen=True, slots=True)
class History:
    """Entries booked by the start of the clock, in order of booking, and those still pending then."""

    booked: list[Entry]
    pending: list[Entry]


def history(life: Life) -> History:
    """The persona's past. Misconfigured if an account would have been overdrawn, saying which and when."""
    starts = life.world.starts
    opened = min(life.opening_of(account) for account in life.persona.accounts)
    lived = life.between(opened, starts)
    booked = [entry for entry in lived if entry.booked_at and entry.booked_at <= starts]
    # Settled later, begun before. Interest and opening below find out what came before the rest.
    pending = [entry for entry in lived if entry.settled_at > starts and entry.held]
    for account in life.persona.accounts:
        booked += _beginning(life, account, booked)
    booked.sort(key=_order)
    _check_funds(life, booked, pending)
    return History(booked, pending)


def interest_days(life: Life, account: Account, since: datetime, until: datetime) -> Iterator[tuple[int, datetime]]:
    """The months whose interest is booked after ``since`` and not after ``until``, and when."""
    if not rate_of(life.world, account):
        return
    for month in range(month_of(since.date()) - 1, month_of(until.date()) + 1):
        at = life.maker.moment(account, last_day(month), 18)
        if since < at <= until and at > life.opening_of(account):
            yield month, at


def rate_of(world: World, account: Account) -> Decimal:
    """Interest in percent a year; 0 if the account bears none."""
    if account.interest is not None:
        return account.interest
    return world.bank_of(account).savings_rate if account.kind == "savings" else Decimal(0)


def interest_on(balance: Decimal, rate: Decimal, month: int) -> Decimal:
    """What a balance bears in a month."""
    return cents(max(balance, Decimal(0)) * _part(rate, month))


def interest_entry(maker: Maker, account: Account, month: int, at: datetime, amount: Decimal) -> Entry:
    """The month's interest as it is booked."""
    return maker.entry(
        ("interest", account.key, month),
        account,
        amount,
        at,
        kind="interest",
        text=f"Interest {first_day(month):%m/%Y}",
        label=Label(category="interest", stream=f"{maker.persona.user_name}/interest-{account.key}"),
        facts={"counterparty": maker.world.bank_of(account).name},
    )


def _beginning(life: Life, account: Account, booked: list[Entry]) -> list[Entry]:
    """Interest and the opening entry, found backwards from the stated balance."""
    balance = account.balance
    if balance is None:
        return []
    moves = [
        (entry.settled_at, entry.id, amount)
        for entry in booked
        for moved, amount in entry.movements()
        if moved == account.id
    ]
    opened = life.opening_of(account)
    months = {at: month for month, at in interest_days(life, account, opened, life.world.starts)}
    found: list[Entry] = []
    rate = rate_of(life.world, account)
    for at, _, amount in sorted([*moves, *((at, "", Decimal(0)) for at in months)], reverse=True):
        if at not in months or amount:
            balance -= amount
            continue
        before = cents(balance / (1 + _part(rate, months[at])))
        if before < balance:
            found.append(interest_entry(life.maker, account, months[at], at, balance - before))
        balance = before
    return [*found, *_opening(life, account, balance, opened)]


def _opening(life: Life, account: Account, amount: Decimal, at: datetime) -> list[Entry]:
    if not amount:
        return []
    label = Label(category="other")
    text = "Balance brought forward"
    words = ("opening", account.key)
    return [life.maker.entry(words, account, amount, at, kind="opening", text=text, label=label)]


def _part(rate: Decimal, month: int) -> Decimal:
    """What a month's interest is of the balance."""
    return rate * last_day(month).day / _DAYS_PER_CENT


def _check_funds(life: Life, booked: list[Entry], pending: list[Entry]) -> None:
    limits = {account.id: -account.overdraft for account in life.persona.accounts}
    names = {account.id: account.key for account in life.persona.accounts}
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for entry in booked:
        for account, amount in entry.movements():
            balances[account] += amount
            if balances[account] < limits[account] and amount < 0:
                raise Misconfigured(_overdrawn(life, names[account], entry, balances[account]))
    for entry in pending:
        balances[entry.account] -= entry.held or 0
        if balances[entry.account] < limits[entry.account]:
            raise Misconfigured(_overdrawn(life, names[entry.account], entry, balances[entry.account]))


def _overdrawn(life: Life, account: str, entry: Entry, balance: Decimal) -> str:
    return (
        f"{life.persona.user_name}.toml does not work out: {account} would stand at {balance} "
        f"on {entry.initiated_at:%Y-%m-%d} ({entry.description}); state a higher balance or spend less"
    )


def _order(entry: Entry) -> tuple[datetime, str]:
    return entry.settled_at, entry.id
