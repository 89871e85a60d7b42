"""Account numbers: which of several makes the key, whether their check digits hold, and how they are shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backend.banks.contract import AccountKey, AccountReference, Asked, BadRecord, Place
from backend.documents.account import Identifier, Scheme

# By which number an account is known, best first; the bank's own id only where there is no number at all.
_PREFERRED: Final[tuple[Scheme, ...]] = (
    "IBAN", "BBAN", "SortCode", "BSB", "CompeBranch", "AccountNumber", "MaskedPan", "Msisdn", "Other",
)  # fmt: skip
PROVIDER_ID: Final = "ProviderId"
_SHOWN: Final = 4
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z")
_REMAINDER: Final = 97


@dataclass(frozen=True, slots=True)
class Number:
    """A number by which an account is known, written without blanks."""

    scheme: Scheme
    value: str

    @classmethod
    def of(cls, scheme: Scheme, written: str) -> "Number":
        """The number, blanks aside, and an IBAN in capitals."""
        value = "".join(written.split())
        return cls(scheme, value.upper() if scheme == "IBAN" else value)


def best(numbers: Sequence[Number]) -> Number | None:
    """The number that makes the key."""
    return min(numbers, key=lambda number: _PREFERRED.index(number.scheme), default=None)


def key_of(numbers: Sequence[Number], provider_id: str | None, currency: str) -> AccountKey | None:
    """The account's key: its best number, else the bank's own id; one number in two currencies is two accounts."""
    number = best(numbers)
    if number:
        return AccountKey(number.scheme, number.value, currency)
    return AccountKey(PROVIDER_ID, provider_id, currency) if provider_id else None


def reference(
    numbers: Sequence[Number], provider_id: str | None = None, currency: str | None = None
) -> AccountReference:
    """The account as others refer to it."""
    number = best(numbers)
    return AccountReference(provider_id, number.scheme if number else None, number.value if number else None, currency)


def account_at(place: Place, currency: str, own: AccountReference | None = None) -> AccountKey:
    """The account a record belongs to: as asked for, as the record says (``own``), or as its surroundings say.

    Raises BadRecord when it is told by none of them, or when the bank speaks of another account than asked.
    """
    asked, said = place.asked, own or place.account
    known = asked.accounts.get(said.provider_id) if said.provider_id else None
    if asked.account:
        if _is_other(said, known, asked):
            raise BadRecord("OTHER_ACCOUNT", "The bank speaks of another account than it was asked about", "")
        return asked.account
    if known:
        return known
    if said.scheme and said.identifier:
        return AccountKey(said.scheme, said.identifier, said.currency or currency)
    if said.provider_id:
        return AccountKey(PROVIDER_ID, said.provider_id, said.currency or currency)
    raise BadRecord("NO_ACCOUNT", "Neither the request, the payload nor the record names an account", "")


def known_by(key: AccountKey) -> dict[str, str]:
    """The fields of an account that show its number; the bank's own id is none."""
    if key.scheme == PROVIDER_ID:
        return {}
    return {
        "account_number": key.identifier,
        "account_number_masked": masked(key.identifier),
        "account_identification_type": key.scheme,
    }


def identifiers(numbers: Sequence[Number]) -> list[Identifier]:
    """The numbers as they are stored."""
    return [
        Identifier(
            scheme=number.scheme,
            value=number.value,
            masked=masked(number.value),
            valid=is_iban(number.value) if number.scheme == "IBAN" else None,
        )
        for number in numbers
    ]


def is_iban(value: str) -> bool:
    """Whether shape and check digits are those of an IBAN (ISO 13616); test systems often have others."""
    if not _IBAN.match(value):
        return False
    digits = "".join(str(int(character, 36)) for character in value[4:] + value[:4])
    return int(digits) % _REMAINDER == 1


def masked(identifier: str) -> str:
    """The last four characters, the rest hidden; a number that short is hidden wholly."""
    return "••••" + (identifier[-_SHOWN:] if len(identifier) > _SHOWN else "")


def numbers_in(texts: Mapping[Scheme, str | None]) -> list[Number]:
    """The numbers that are there."""
    return [Number.of(scheme, text) for scheme, text in texts.items() if text]


def _is_other(said: AccountReference, known: AccountKey | None, asked: Asked) -> bool:
    """Whether the id is of another known account, or of none although they are known, or the number differs."""
    if said.provider_id and asked.accounts and known != asked.account:
        return True
    return bool(asked.account and said.scheme == asked.account.scheme and said.identifier != asked.account.identifier)
