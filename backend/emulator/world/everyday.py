"""Days of a month filled with purchases until a budget is spent: shops near by, and others on journeys."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from backend.emulator.world.dice import Dice, cents
from backend.emulator.world.entry import Entry, Label
from backend.emulator.world.making import Maker, Purchase
from backend.emulator.world.months import day_in, workday_from
from backend.emulator.world.rows import Account, Everyday, Journey, Merchant

_TWINS: Final = 0.6
_LAPSES: Final = 0.012
_TRIES: Final = 6
_LEAST: Final = Decimal("1.00")
_ON_JOURNEYS: Final = {"hotel": 5, "museum": 6, "dining": 18, "coffee": 14, "transit": 14, "groceries": 8}
# Prices are written for currencies worth about a euro.
_SMALL_MONEY: Final = 3


class Purchases:
    """One persona's purchases on one account in one month."""

    def __init__(self, maker: Maker, row: Everyday, month: int, budget: Decimal) -> None:
        self._maker = maker
        self._row = row
        self._month = month
        self._left = budget
        self._account = maker.persona.by_key[row.account]
        self._dice = maker.dice("everyday", row.account, month)
        self._near = _shops(maker, row.shops_in or maker.persona.shops_in, row.mix)
        kinds = maker.world.kinds
        self._weights = {kind: row.mix.get(kind) or kinds[kind].weight for kind in self._near}
        self._entries: list[Entry] = []

    def entries(self) -> list[Entry]:
        """Purchases, refunds and authorisations that come to nothing; together they cost the budget, or less."""
        if self._dice.chance(_TWINS):
            self._buy_twice()
        misses = 0
        while self._left >= _LEAST and misses < _TRIES:
            misses = 0 if self._buy() else misses + 1
        self._spend_the_rest()
        return self._entries

    def _buy(self) -> bool:
        day = day_in(self._month, self._dice.whole(1, 31))
        journey = self._journey(day)
        shop = self._pick(journey)
        bought = self._purchase(shop, self._dice)
        entry = self._made(bought, day, self._label(shop))
        if -entry.amount > self._left:
            return False
        if bought.is_given_up:
            self._entries.append(entry)
        else:
            self._pay(entry)
            self._bring_back(entry, shop, day)
        return True

    def _buy_twice(self) -> None:
        """The same ticket twice, as one buys it for two."""
        priced = [shop for shops in self._near.values() for shop in shops if shop.price]
        if not priced:
            return
        shop = self._dice.pick(priced)
        day = day_in(self._month, self._dice.whole(1, 31))
        bought = self._purchase(shop, None)
        first = self._made(bought, day, self._label(shop))
        self._pay(first)
        self._pay(self._maker.again(self._words(), first))

    def _spend_the_rest(self) -> None:
        usual = [shops[0] for kind, shops in self._near.items() if not shops[0].price and self._is_plain(kind)]
        if usual and self._left >= _LEAST:
            shop = usual[0]
            kind = self._maker.world.kinds[shop.kind]
            rest = cents(min(self._left, kind.high))
            bought = self._purchase(shop, None, price=rest)
            entry = self._made(bought, day_in(self._month, self._dice.whole(1, 28)), self._label(shop))
            if -entry.amount <= self._left:
                self._pay(entry)

    def _bring_back(self, bought: Entry, shop: Merchant, day: date) -> None:
        if not self._dice.chance(float(self._maker.world.kinds[shop.kind].refunded)):
            return
        part = Decimal(1) if self._dice.chance(0.7) else Decimal("0.5")
        back = workday_from(max(day + timedelta(days=self._dice.whole(4, 14)), bought.settled_at.date()))
        words = ("refund", self._row.account, self._month, len(self._entries))
        self._pay(self._maker.refund(words, self._account, bought, cents(-bought.amount * part), back))

    def _pay(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._left += entry.amount

    def _made(self, bought: Purchase, day: date, label: Label) -> Entry:
        return self._maker.purchase(self._words(), self._account, bought, day, label)

    def _words(self) -> tuple[object, ...]:
        return "purchase", self._row.account, self._month, len(self._entries)

    def _purchase(self, shop: Merchant, dice: Dice | None, price: Decimal | None = None) -> Purchase:
        """What is bought at ``shop``; without dice, at the shop's price or the one given."""
        world = self._maker.world
        kind = world.kinds[shop.kind]
        currency = world.currencies[shop.country]
        paid = price or shop.price or kind.low
        if dice and not shop.price:
            paid = dice.amount(kind.low, kind.high)
            worth = world.rates[currency]
            paid = (paid * worth).quantize(Decimal(1)) if worth > _SMALL_MONEY else paid
        return Purchase(
            shop=shop.name,
            city=shop.city,
            country=shop.country,
            mcc=kind.mcc,
            category=kind.category,
            price=paid,
            currency=currency,
            tip=kind.tip,
            authorised=kind.authorised,
            is_given_up=bool(dice) and self._dice.chance(_LAPSES),
        )

    def _pick(self, journey: Journey | None) -> Merchant:
        if not journey:
            return self._dice.pick(self._near[self._dice.weighted(self._weights)])
        shops = _shops(self._maker, journey.country, _ON_JOURNEYS)
        return self._dice.pick(shops[self._dice.weighted({kind: _ON_JOURNEYS[kind] for kind in shops})])

    def _journey(self, day: date) -> Journey | None:
        for journey in self._maker.persona.journeys:
            if journey.account == self._row.account and journey.month == day.month:
                first = day_in(self._month, journey.day)
                if first <= day < first + timedelta(days=journey.days):
                    return journey
        return None

    def _is_plain(self, kind: str) -> bool:
        row = self._maker.world.kinds[kind]
        return not row.tip and row.authorised is None

    def _label(self, shop: Merchant) -> Label:
        return Label(category=self._maker.world.kinds[shop.kind].category)


def cash_entries(maker: Maker, row: Everyday, month: int) -> list[Entry]:
    """The month's withdrawals of cash."""
    account = maker.persona.by_key[row.account]
    dice = maker.dice("cash", row.account, month)
    made = []
    for count, amount in enumerate(row.cash):
        day = workday_from(day_in(month, dice.whole(2, 25)))
        made.append(_withdrawal(maker, ("cash", row.account, month, count), account, amount, day))
    return made


def _withdrawal(maker: Maker, words: tuple[object, ...], account: Account, amount: Decimal, day: date) -> Entry:
    bank = maker.world.bank_of(account)
    return maker.entry(
        words,
        account,
        -amount,
        maker.moment(account, day, 17),
        kind="cash",
        text=f"ATM {bank.name.upper()} {maker.persona.shops_in}",
        label=Label(category="cash"),
        facts={"counterparty": bank.name, "mcc": "6011", "transaction_date": day.isoformat(), "card": account.card},
    )


def drift(maker: Maker, row: Everyday, month: int) -> Decimal:
    """How much more than usual is left on the account when ``month`` begins."""
    return cents(maker.dice("drift", row.account, month).swing(row.drift))


def _shops(maker: Maker, country: str, mix: dict[str, int]) -> dict[str, Sequence[Merchant]]:
    """Shops of the country by kind, those kinds only that are wanted: by ``mix``, or usual if there is none."""
    kinds = maker.world.kinds
    wanted = mix or {kind: row.weight for kind, row in kinds.items()}
    found: dict[str, list[Merchant]] = {}
    for merchant in maker.world.merchants:
        if merchant.country == country and wanted.get(merchant.kind, 0):
            found.setdefault(merchant.kind, []).append(merchant)
    return {kind: found[kind] for kind in wanted if kind in found}
