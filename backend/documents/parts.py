"""Pieces that several documents share: owner, dates, provenance, quality notes.

Stored names are PascalCase and spelled where they are declared, so that one search finds model,
pipeline and sample; the names of the seed collections are kept exactly.
"""

from decimal import Decimal
from typing import Any, ClassVar, Literal

from bson import ObjectId
from bson.binary import Binary
from bson.decimal128 import Decimal128
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, InstanceOf

from backend.kernel.errors import InvalidMoney
from backend.kernel.money import Amount, to_bson

# Text before it is stored, ciphertext after; the collection's validator lets only ciphertext in.
Sealable = str | InstanceOf[Binary]
Instant = AwareDatetime
Id = InstanceOf[ObjectId]


class Part(BaseModel):
    """A piece of a document. Absent means the bank did not say; nothing is made up."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid", validate_default=False)

    # Stored as null instead of being left out when the bank gave none: readers look for these.
    KEPT_WHEN_MISSING: ClassVar[frozenset[str]] = frozenset()

    def to_bson(self) -> dict[str, Any]:
        """The document as stored: PascalCase names, Decimal128 amounts, absent fields left out."""
        stored: dict[str, Any] = bson_ready(self.model_dump(by_alias=True, exclude_none=True))
        for name in self.KEPT_WHEN_MISSING:
            stored.setdefault(name, None)
        return stored


def bson_ready(value: Any) -> Any:
    """``value`` as BSON can hold it: Decimals become Decimal128, or text where that has too few digits.

    Empty objects and lists are left out.
    """
    if isinstance(value, dict):
        return {name: bson_ready(inner) for name, inner in value.items() if inner or not isinstance(inner, dict | list)}
    if isinstance(value, list):
        return [bson_ready(inner) for inner in value]
    return _decimal(value) if isinstance(value, Decimal) else value


def _decimal(value: Decimal) -> Decimal128 | str:
    try:
        return to_bson(value)
    except InvalidMoney:  # only what no mapper read as an amount can be so long; it is kept as it was written
        return str(value)


class Owner(Part):
    """The person it belongs to, named as the seed collections do."""

    user_name: str = Field(alias="UserName", min_length=1, max_length=128)
    user_id: Id = Field(alias="UserId")


class Note(Part):
    """One thing about the data that a reader should know, found while mapping."""

    code: str = Field(alias="Code")
    path: str = Field(alias="Path", description="JSON pointer (RFC 6901) into the record")
    detail: str = Field(alias="Detail")
    severity: Literal["INFO", "WARNING"] = Field(default="WARNING", alias="Severity")


class Source(Part):
    """Where a document came from: enough to find the bank's own bytes and to map them again."""

    dialect: str = Field(alias="Dialect")
    bank: str = Field(alias="Bank", description="Id of the bank's row in data/banks")
    mapper_version: int = Field(alias="MapperVersion")
    raw_id: bytes = Field(alias="RawId", description="_id in raw_payloads")
    raw_path: str = Field(alias="RawPath", description="JSON pointer of the record in the payload")
    provider_id: str | None = Field(default=None, alias="ProviderId", description="The bank's own id, if any")
    consent_id: str | None = Field(default=None, alias="ConsentId")
    fetched_at: Instant = Field(alias="FetchedAt")
    content: bytes = Field(
        alias="Content", description="Keyed digest of the mapped facts: equal digests, nothing changed"
    )


class Rate(Part):
    """An interest rate as the bank states it, and as a fraction per year."""

    value: Amount = Field(alias="Value", description="Fraction, 0.0375 for 3.75 %")
    value_raw: str = Field(alias="ValueRaw")
    unit_raw: Literal["percent", "fraction"] = Field(alias="UnitRaw")
    periodicity: str = Field(default="P1Y", alias="Periodicity")
    kind: str = Field(default="NOMINAL", alias="Kind")


class Term(Part):
    """How long a product runs, in the unit the bank uses."""

    count: int = Field(alias="Count", ge=0)
    unit: Literal["MONTH", "YEAR"] = Field(alias="Unit")
