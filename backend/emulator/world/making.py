"""Entries put together: when a bank books them, what it says about them, and which code of ISO 20022 they bear."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from backend.emulator.world.dice import Dice, cents, digits, mark
from backend.emulator.world.entry import Entry, Label, entry_id
from backend.emulator.world.months import instant, workday_from
from backend.emulator.world.numbers import invented_account
from backend.emulator.world.reading import World
from backend.emulator.world.rows import Account, Persona
from backend.kernel.money import render_amount

_SEPA: Final = frozenset({"DE", "AT", "FI"})
# What it is -> how it is paid, and the bank transaction code (domain, family, sub-family) in the euro area, elsewhere.
_KINDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "salary": ("salary", "PMNT-RCDT-SALA", "PMNT-RCDT-SALA"),
    "credit": ("credit", "PMNT-RCDT-ESCT", "PMNT-RCDT-DMCT"),
    "direct_debit": ("direct_debit", "PMNT-RDDT-ESDD", "PMNT-RDDT-PMDD"),
    "standing_order": ("standing_order", "PMNT-ICDT-STDO", "PMNT-ICDT-STDO"),
    "transfer_out": ("transfer", "PMNT-ICDT-ESCT", "PMNT-ICDT-DMCT"),
    "transfer_in": ("transfer", "PMNT-RCDT-ESCT", "PMNT-RCDT-DMCT"),
    "transfer_inside": ("transfer", "PMNT-ICDT-BOOK", "PMNT-ICDT-BOOK"),
    "card": ("card", "PMNT-CCRD-POSD", "PMNT-CCRD-POSD"),
    "card_abroad": ("card", "PMNT-CCRD-XBCP", "PMNT-CCRD-XBCP"),
    "refund": ("refund", "PMNT-CCRD-RIMB", "PMNT-CCRD-RIMB"),
    "cash": ("cash", "PMNT-CCRD-CWDL", "PMNT-CCRD-CWDL"),
    "interest": ("interest", "ACMT-MCOP-INTR", "ACMT-MCOP-INTR"),
    "opening": ("opening", "ACMT-OPCL-ACCO", "ACMT-OPCL-ACCO"),
    "loan": ("instalment", "LDAS-CSLN-PPAY", "LDAS-CSLN-PPAY"),
    "mortgage": ("instalment", "LDAS-MGLN-PPAY", "LDAS-MGLN-PPAY"),
}
_LAPSE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """Something paid by card: ``price`` in the shop's ``currency``. The rest is as a kind of merchant has it."""

    shop: str
    city: str | None
    country: str
    mcc: str
    category: str
    price: Decimal
    currency: str
    tip: Decimal = Decimal(0)
    authorised: Decimal | None = None
    is_given_up: bool = False


class Maker:
    """Makes the entries of one persona. ``words`` name an entry among all of them, for ever."""

    def __init__(self, world: World, persona: Persona) -> None:
        self.world = world
        self.persona = persona

    def dice(self, *words: object) -> Dice:
        """Chance for this purpose of this persona."""
        return Dice(self.world.seed, self.persona.user_name, *words)

    def id(self, *words: object) -> str:
        """The id of the entry with that name."""
        return entry_id(self.world.seed, self.persona.user_name, *words)

    def moment(self, account: Account, day: date, hour: int, minute: int = 0) -> datetime:
        """That hour where the account is kept."""
        return instant(day, self.world.bank_of(account).tz, hour, minute)

    def entry(
        self,
        words: tuple[object, ...],
        account: Account,
        amount: Decimal,
        booked_at: datetime,
        *,
        kind: str,
        text: str,
        label: Label,
        counter: Account | None = None,
        facts: Mapping[str, str | None] | None = None,
        follows: str | None = None,
    ) -> Entry:
        """An entry booked at once; ``facts`` that are None are left out of its details."""
        bank = self.world.bank_of(account)
        booked = booked_at.astimezone(bank.tz).date().isoformat()
        means, euro_code, other_code = _KINDS[kind]
        details = {
            "means": means,
            "code": euro_code if bank.country in _SEPA else other_code,
            "booking_date": booked,
            "value_date": booked,
            "entry_reference": self._reference(words),
        }
        details |= {name: value for name, value in (facts or {}).items() if value is not None}
        return Entry(
            id=self.id(*words),
            account=account.id,
            amount=amount,
            currency=self.world.currency_of(account),
            initiated_at=booked_at,
            booked_at=booked_at,
            description=text,
            label=label,
            details=details,
            counter=counter.id if counter else None,
            follows=follows,
        )

    def counterparty(
        self, account: Account, name: str, means: str, country: str | None = None
    ) -> dict[str, str | None]:
        """What the bank tells about the other side of a payment."""
        bank = self.world.bank_of(account)
        home = country or bank.country
        is_debit = means == "direct_debit"
        return {
            "counterparty": name,
            "counterparty_account": invented_account(home, name),
            "mandate_id": f"M{digits(9, self.persona.user_name, name)}" if is_debit else None,
            "creditor_id": f"{home}98ZZZ{digits(11, name)}" if is_debit and home in _SEPA else None,
            "purpose": "SALA" if means == "salary" else None,
        }

    def purchase(self, words: tuple[object, ...], account: Account, bought: Purchase, day: date, label: Label) -> Entry:
        """Paid by card on ``day``: held at once and booked one to three days later, with tip and the day's rate."""
        dice = self.dice("card", *words)
        until = workday_from(day + timedelta(days=dice.whole(1, 3)))
        booked_at = self.moment(account, until, 4, dice.whole(5, 55))
        paid_at = self.moment(account, day, dice.whole(7, 20), dice.whole(0, 59))
        price = cents(bought.price * (1 + bought.tip))
        amount, exchange = self.exchanged(account, price, bought.currency, until)
        held, _ = self.exchanged(account, bought.authorised or bought.price, bought.currency, day)
        facts = {
            "counterparty": bought.shop,
            "mcc": bought.mcc,
            "merchant_city": bought.city,
            "merchant_country": bought.country,
            "transaction_date": day.isoformat(),
            "card": account.card,
            **exchange,
        }
        is_abroad = bought.country != self.world.bank_of(account).country
        kind = "card_abroad" if is_abroad else "card"
        text = " ".join(part for part in (bought.shop.upper(), bought.city, bought.country) if part)
        booked = self.entry(words, account, -amount, booked_at, kind=kind, text=text, label=label, facts=facts)
        pending = {"initiated_at": paid_at, "held": held}
        if bought.is_given_up:
            return booked.replaced(booked_at=None, lapses_at=paid_at + _LAPSE, **pending)
        return booked.replaced(**pending)

    def again(self, words: tuple[object, ...], bought: Entry) -> Entry:
        """The same once more, two minutes later and under its own name."""
        details = dict(bought.details) | {"entry_reference": self._reference(words)}
        at = bought.initiated_at + timedelta(minutes=2)
        return bought.replaced(id=self.id(*words), initiated_at=at, details=details)

    def refund(self, words: tuple[object, ...], account: Account, bought: Entry, amount: Decimal, day: date) -> Entry:
        """The shop pays ``amount`` of what was bought back."""
        facts = ("counterparty", "mcc", "merchant_city", "merchant_country", "card")
        return self.entry(
            words,
            account,
            amount,
            self.moment(account, workday_from(day), 5),
            kind="refund",
            text=f"{bought.description} REFUND",
            label=Label(category=bought.label.category, refund_of=bought.id),
            facts={name: bought.details.get(name) for name in facts},
            follows=bought.id,
        )

    def exchanged(self, account: Account, amount: Decimal, currency: str, day: date) -> tuple[Decimal, dict[str, str]]:
        """``amount`` in the account's currency at the day's rate, and the facts of the exchange if there was one."""
        own = self.world.currency_of(account)
        if currency == own:
            return amount, {}
        rate = self.world.rate(currency, own, day)
        facts = {
            "original_amount": render_amount(amount),
            "original_currency": currency,
            "exchange_rate": render_amount(rate),
        }
        return cents(amount * rate), facts

    def _reference(self, words: tuple[object, ...]) -> str:
        return mark(16, "reference", self.persona.user_name, *words).upper()
