"""What comes again and again: salaries, rents, subscriptions, and money moved between a persona's own accounts."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from backend.emulator.world.dice import cents
from backend.emulator.world.entry import Entry, Label
from backend.emulator.world.making import Maker, Purchase
from backend.emulator.world.months import day_in, first_day, last_day, workday_from, workday_until
from backend.emulator.world.rows import Account, Stream, Transfer

# Salaries of the second half of a month are paid before the weekend, all else waits for Monday.
_MIDDLE: Final = 15
_SETTLEMENT_DAY: Final = 8


def stream_entries(maker: Maker, stream: Stream, month: int) -> Iterator[Entry]:
    """What of ``stream`` falls due in ``month``."""
    for day in _due(stream, month):
        words = ("stream", stream.id, day)
        amount = _amount(stream, day)
        if stream.vary:
            amount = cents(amount * (1 + maker.dice(*words).swing(stream.vary)))
        label = Label(category=stream.category, stream=f"{maker.persona.user_name}/{stream.id}")
        make = _card_payment if stream.means == "card" else _payment
        yield make(maker, words, stream, amount, day, label)


def _due(stream: Stream, month: int) -> list[date]:
    days = [day_in(month, stream.day)] if month % 12 + 1 in stream.months else []
    if stream.days and stream.first:
        into = (first_day(month) - stream.first).days
        first = stream.first + timedelta(days=-(-into // stream.days) * stream.days)
        days = [first + timedelta(days=step) for step in range(0, 31, stream.days)]
    earliest = max(first_day(month), stream.first or date.min)
    latest = min(last_day(month), stream.until or date.max)
    return [day for day in days if earliest <= day <= latest]


def _amount(stream: Stream, day: date) -> Decimal:
    return next((change.amount for change in reversed(stream.changes) if change.since <= day), stream.amount)


def _payment(
    maker: Maker, words: tuple[object, ...], stream: Stream, amount: Decimal, day: date, label: Label
) -> Entry:
    account = maker.persona.by_key[stream.account]
    booked = workday_until(day) if stream.means == "salary" and day.day > _MIDDLE else workday_from(day)
    own, exchange = maker.exchanged(account, amount, stream.currency or maker.world.currency_of(account), booked)
    return maker.entry(
        words,
        account,
        own if stream.is_income else -own,
        maker.moment(account, booked, 3 if stream.is_income else 5, 30),
        kind=stream.means,
        text=f"{stream.text or stream.counterparty} {day:%m/%Y}",
        label=label,
        facts=maker.counterparty(account, stream.counterparty, stream.means, stream.country) | exchange,
    )


def _card_payment(
    maker: Maker, words: tuple[object, ...], stream: Stream, amount: Decimal, day: date, label: Label
) -> Entry:
    account = maker.persona.by_key[stream.account]
    bought = Purchase(
        shop=stream.counterparty,
        city=stream.city,
        country=stream.country or maker.persona.shops_in,
        mcc=stream.mcc or "5968",  # direct marketing: continuity and subscription merchants
        category=stream.category,
        price=amount,
        currency=stream.currency or maker.world.currency_of(account),
    )
    return maker.purchase(words, account, bought, day, label)


def transfer_entries(maker: Maker, transfer: Transfer, month: int) -> list[Entry]:
    """The month's transfer: one entry inside a bank; two, up to two days apart, from one bank to another."""
    source, target = (maker.persona.by_key[key] for key in (transfer.source, transfer.target))
    words = ("transfer", transfer.id, month)
    dice = maker.dice(*words)
    amount = transfer.amount
    if transfer.vary:
        amount = cents(amount * (1 + dice.swing(transfer.vary)))
    day = workday_from(day_in(month, transfer.day))
    if source.bank == target.bank:
        return [_moved_inside(maker, words, source, target, amount, day, transfer)]
    arrival = workday_from(day + timedelta(days=dice.whole(0, 2)))
    return _moved_between(maker, words, source, target, amount, (day, arrival), transfer)


def settlement(maker: Maker, card: Account, month: int, owed: Decimal) -> Entry:
    """What was ``owed`` on a card account at the end of the last month, paid from the account behind it."""
    payer = maker.persona.by_key[card.paid_from or ""]
    words = ("settlement", card.key, month)
    return maker.entry(
        words,
        payer,
        -owed,
        maker.moment(payer, workday_from(day_in(month, _SETTLEMENT_DAY)), 6),
        kind="transfer_inside",
        text=f"{card.name} {first_day(month - 1):%m/%Y}",
        label=_pair(maker, words, f"card-{card.key}"),
        counter=card,
        facts={"counterparty": maker.persona.full_name},
    )


def _moved_inside(
    maker: Maker,
    words: tuple[object, ...],
    source: Account,
    target: Account,
    amount: Decimal,
    day: date,
    transfer: Transfer,
) -> Entry:
    return maker.entry(
        words,
        source,
        -amount,
        maker.moment(source, day, 8),
        kind="transfer_inside",
        text=transfer.text or f"Transfer to {target.name}",
        label=_pair(maker, words, transfer.id),
        counter=target,
        facts={"counterparty": maker.persona.full_name},
    )


def _moved_between(
    maker: Maker,
    words: tuple[object, ...],
    source: Account,
    target: Account,
    amount: Decimal,
    days: tuple[date, date],
    transfer: Transfer,
) -> list[Entry]:
    world, name = maker.world, maker.persona.full_name
    label = _pair(maker, words, transfer.id)
    text = transfer.text or "Own transfer"
    arriving, exchange = maker.exchanged(target, amount, world.currency_of(source), days[1])
    reference = maker.id(*words)[4:20].upper()
    left = maker.entry(
        (*words, "out"),
        source,
        -amount,
        maker.moment(source, days[0], 8),
        kind="transfer_out",
        text=text,
        label=label,
        facts={"counterparty": name, "counterparty_account": _number(maker, target), "end_to_end_id": reference},
    )
    arrived = maker.entry(
        (*words, "in"),
        target,
        arriving,
        max(maker.moment(target, days[1], 15), left.settled_at + timedelta(hours=1)),
        kind="transfer_in",
        text=text,
        label=label,
        facts={"counterparty": name, "counterparty_account": _number(maker, source), "end_to_end_id": reference}
        | exchange,
        follows=left.id,
    )
    return [left, arrived]


def _number(maker: Maker, account: Account) -> str:
    return maker.world.iban_of(account) or account.number


def _pair(maker: Maker, words: tuple[object, ...], stream: str) -> Label:
    pair = maker.id(*words).removeprefix("txn_")
    return Label(category="transfer", stream=f"{maker.persona.user_name}/{stream}", transfer=pair)
