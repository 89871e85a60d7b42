"""The answers: what each question is answered with, money as text in JSON."""

from pydantic import AwareDatetime, computed_field

from backend.insights.parameters import Asked, AskedOfAccounts, AskedOfBoth, AskedOfProducts
from backend.insights.parts import (
    BalanceTotal,
    BankBalance,
    BankDebt,
    BankPosition,
    BankShare,
    DebtTotal,
    End,
    LeftOut,
    NarratedItem,
    Piece,
    Position,
    ProductsAtBank,
    ProductsOfType,
    RatedProduct,
    Share,
    TypeBalance,
    TypeDebt,
    Used,
    UsedProduct,
)
from backend.insights.sentences import green_sentences


class Answer(Piece):
    """What every answer says: which question, when, asked how, made of what and without what."""

    insight: str
    computed_at: AwareDatetime
    parameters: Asked
    used: tuple[Used, ...]
    left_out: tuple[LeftOut, ...]


class BalancesAnswer(Answer):
    """Balances per currency, by institution and by account type; overdrawn accounts lower them."""

    parameters: AskedOfAccounts
    totals: tuple[BalanceTotal, ...]
    by_institution: tuple[BankBalance, ...]
    by_type: tuple[TypeBalance, ...]


class DebtAnswer(Answer):
    """Debts per currency, by institution and by product type; what is owed is positive."""

    parameters: AskedOfProducts
    totals: tuple[DebtTotal, ...]
    by_institution: tuple[BankDebt, ...]
    by_type: tuple[TypeDebt, ...]
    used: tuple[UsedProduct, ...]


class PositionAnswer(Answer):
    """Net worth per currency and by institution: net = balance - debt."""

    parameters: AskedOfBoth
    totals: tuple[Position, ...]
    by_institution: tuple[BankPosition, ...]


class ProductsAnswer(Answer):
    """Products by type and by institution, and what ends when, soonest first."""

    parameters: AskedOfProducts
    by_type: tuple[ProductsOfType, ...]
    by_institution: tuple[ProductsAtBank, ...]
    ends: tuple[End, ...]
    used: tuple[RatedProduct, ...]


class GreenAnswer(Answer):
    """The share of money and of debt under a green narrative, per currency and by institution."""

    parameters: AskedOfBoth
    totals: tuple[Share, ...]
    by_institution: tuple[BankShare, ...]
    used: tuple[NarratedItem, ...]

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated property; pydantic asks for one
    @property
    def sentences(self) -> tuple[str, ...]:
        """The figures above in words."""
        return green_sentences(self.totals, self.by_institution)
