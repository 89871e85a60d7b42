"""Loans and mortgages repaid: each instalment is interest on what is outstanding, and the rest principal."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from backend.emulator.world.dice import cents
from backend.emulator.world.entry import Entry, Label
from backend.emulator.world.making import Maker
from backend.emulator.world.months import day_in, month_of, workday_from
from backend.emulator.world.rows import Product
from backend.kernel.money import render_amount

_MONTHS_PER_CENT: Final = Decimal(1200)


@dataclass(frozen=True, slots=True)
class Instalment:
    """What a month's instalment pays."""

    interest: Decimal
    principal: Decimal

    @property
    def amount(self) -> Decimal:
        """Both together."""
        return self.interest + self.principal


class Repayment:
    """A product's instalments, month by month, such that ``amount`` is outstanding when the clock starts."""

    def __init__(self, maker: Maker, product: Product) -> None:
        self._maker = maker
        self.product = product
        self._rate = product.rate / _MONTHS_PER_CENT
        # Before the clock starts they are found backwards, after it forwards.
        self._known: dict[int, tuple[Decimal, Instalment]] = {}
        month = month_of(maker.world.starts.date())
        self._last = month if self.due_at(month) <= maker.world.starts else month - 1

    def due_at(self, month: int) -> datetime:
        """When the month's instalment is booked."""
        account = self._maker.persona.by_key[self.product.account]
        return self._maker.moment(account, workday_from(day_in(month, self.product.day)), 6)

    def instalment(self, month: int) -> Instalment | None:
        """The month's instalment; None before the first and after the last."""
        if month <= month_of(self.product.opened):
            return None
        step = 1 if month > self._last else -1
        outstanding = self.product.amount
        for each in range(self._last + (step > 0), month + step, step):
            if each not in self._known:
                self._known[each] = self._forwards(outstanding) if step > 0 else self._backwards(outstanding)
            outstanding = self._known[each][0]
        found = self._known[month][1]
        return found if found.amount else None

    def entry(self, month: int) -> Entry | None:
        """The month's instalment as it is booked."""
        instalment = self.instalment(month)
        if not instalment:
            return None
        product, maker = self.product, self._maker
        bank = maker.world.banks[product.bank]
        return maker.entry(
            ("instalment", product.product_id, month),
            maker.persona.by_key[product.account],
            -instalment.amount,
            self.due_at(month),
            kind=product.kind.lower(),
            text=f"{product.kind} {product.product_id} instalment",
            label=Label(category="debt", stream=f"{maker.persona.user_name}/loan-{product.product_id}"),
            facts={
                "counterparty": bank.name,
                "product": product_key(product),
                "principal": render_amount(instalment.principal),
                "interest": render_amount(instalment.interest),
            },
        )

    def _forwards(self, outstanding: Decimal) -> tuple[Decimal, Instalment]:
        interest = cents(outstanding * self._rate)
        principal = min(self.product.instalment - interest, outstanding)
        return outstanding - principal, Instalment(interest, principal)

    def _backwards(self, outstanding: Decimal) -> tuple[Decimal, Instalment]:
        before = cents((outstanding + self.product.instalment) / (1 + self._rate))
        principal = before - outstanding
        return before, Instalment(self.product.instalment - principal, principal)


def product_key(product: Product) -> str:
    """The product's id in the world."""
    return f"{product.bank}:{product.product_id}"
