"""Sentences about green balances and debts, made of computed figures and of nothing else."""

from collections.abc import Sequence
from decimal import Decimal

from backend.insights.parts import BankShare, Share

_WHERE = {"balance": "on your accounts", "debt": "you owe"}
_COUNTED = {"balance": "accounts", "debt": "products"}


def green_sentences(totals: Sequence[Share], by_bank: Sequence[BankShare]) -> tuple[str, ...]:
    """One sentence for each total, then one for each bank that has anything green."""
    banks = [_at_bank(share) for share in by_bank if share.green_items]
    return (*(_in_all(share) for share in totals), *banks)


def _in_all(share: Share) -> str:
    whole = f"the {share.total} {_WHERE[share.of]}"
    if not share.green_items:
        return f"None of {whole} is under a green narrative."
    return f"{share.green} of {whole}{_percent(share.share)} is under a green narrative."


def _at_bank(share: BankShare) -> str:
    whole = f"the {share.total} {_WHERE[share.of]} there"
    counted = f"{share.green_items} of {share.items} {_COUNTED[share.of]}"
    return f"At {share.bank} it is {share.green} of {whole}{_percent(share.share)}, in {counted}."


def _percent(share: Decimal | None) -> str:
    return "" if share is None else f" ({share * 100:.2f} %)"
