"""What Berlin Group banks differ in."""

from typing import Literal

from backend.banks.ways import DateWays, Direction, Directions, IdentityWays, TransactionWays


class BerlinDirections(Directions):
    """Signed by the standard; some banks leave the sign away, some turn it while a transaction is pending."""

    booked: Literal[Direction.SIGNED, Direction.INVERTED, Direction.BY_PARTY] = Direction.SIGNED
    pending: Literal[Direction.SIGNED, Direction.INVERTED, Direction.BY_PARTY] | None = None
    information: Literal[Direction.SIGNED, Direction.INVERTED, Direction.BY_PARTY] | None = None
    card: Literal[Direction.SIGNED, Direction.INVERTED] | None = None


class BerlinWays(TransactionWays):
    """The defaults trust no id: the standard makes none obligatory, and banks reuse them."""

    direction: BerlinDirections = BerlinDirections()
    dates: DateWays = DateWays()
    identity: IdentityWays = IdentityWays()
