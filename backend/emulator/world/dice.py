"""Chance that repeats: a stream of draws for each purpose, so that a new persona changes nobody else's life."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, TypeVar

T = TypeVar("T")
_CENT: Final = Decimal("0.01")
_FINE: Final = Decimal("0.000001")


class Dice:
    """Draws that depend on nothing but the words given: the same words, the same draws, on every machine.

    Only ``random()`` is used of the generator, because that is all Python promises to keep.
    """

    def __init__(self, *words: object) -> None:
        seed = "\x1f".join(str(word) for word in words)
        self._random = random.Random(hashlib.sha256(seed.encode()).digest())  # noqa: S311 - not a secret

    def chance(self, probability: float) -> bool:
        """True that often."""
        return self._random.random() < probability

    def whole(self, least: int, most: int) -> int:
        """A whole number from ``least`` to ``most``, both included."""
        return least + int(self._random.random() * (most - least + 1))

    def pick(self, among: Sequence[T]) -> T:
        """One of them, each as likely."""
        return among[int(self._random.random() * len(among))]

    def weighted(self, weights: Mapping[T, int]) -> T:
        """One of them, as often as its weight says."""
        left = self._random.random() * sum(weights.values())
        for one, weight in weights.items():
            left -= weight
            if left < 0:
                return one
        return list(weights)[-1]

    def share(self) -> Decimal:
        """From 0 to less than 1."""
        return Decimal(self._random.random()).quantize(_FINE)

    def amount(self, low: Decimal, high: Decimal) -> Decimal:
        """An amount in cents between the two; small ones are likelier."""
        share = self.share()
        return cents(low + (high - low) * share * (1 + share) / 2)

    def swing(self, width: Decimal) -> Decimal:
        """From minus ``width`` to plus ``width``, each as likely."""
        return width * (2 * self.share() - 1)


def cents(amount: Decimal) -> Decimal:
    """``amount`` rounded to whole cents, half a cent upwards."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def mark(length: int, *words: object) -> str:
    """``length`` hexadecimal digits that stand for these words."""
    return hashlib.sha256("\x1f".join(str(word) for word in words).encode()).hexdigest()[:length]


def digits(length: int, *words: object) -> str:
    """``length`` decimal digits that stand for these words; the first is not 0."""
    number = int(mark(32, *words), 16)
    return str(10 ** (length - 1) + number % (9 * 10 ** (length - 1)))
