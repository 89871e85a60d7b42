"""What leafy banks differ in."""

from pydantic import Field

from backend.banks.ways import Ways


class LeafyWays(Ways):
    """The ISO 20022 type of the one balance given, and the currency of transactions that name none."""

    balance_type: str = Field(default="ITBD", pattern=r"^[A-Z]{4}$")
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
