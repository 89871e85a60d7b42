"""Reading one record strictly: each field by name and kind, with pointer and reason when it does not fit."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from bson import ObjectId

from backend.banks.contract import BadRecord
from backend.documents.parts import Note
from backend.kernel.errors import InvalidMoney
from backend.kernel.money import exact_amount, parse_currency

_NO_DATE: Final = (date.min, date(9999, 12, 31))
_TEXT_MAX: Final = 4096


class Fields:
    """One JSON object being read. Remembers which fields were asked for; the others are ``rest()``.

    A field that is absent, null or blank is None, unless it is required. Notes gather what is odd;
    what cannot be used at all raises BadRecord.
    """

    def __init__(self, record: Mapping[str, Any], pointer: str = "", notes: list[Note] | None = None) -> None:
        self._record = record
        self._pointer = pointer
        self._asked: set[str] = set()
        self._inside: dict[str, Fields] = {}
        self.notes: list[Note] = [] if notes is None else notes

    def text(self, name: str) -> str | None:
        """The text of a field; a number is taken as its digits."""
        value = self._take(name)
        if isinstance(value, bool | dict | list):
            raise self.bad(name, "NOT_TEXT", "is not text")
        text = None if value is None else str(value).strip()
        if text and len(text) > _TEXT_MAX:
            raise self.bad(name, "TOO_LONG", f"has more than {_TEXT_MAX} characters")
        return text or None

    def required_text(self, name: str) -> str:
        """The text of a field that must be there."""
        text = self.text(name)
        if text is None:
            raise self.bad(name, "MISSING", "is missing")
        return text

    def amount(self, name: str) -> Decimal | None:
        """An exact amount, from text or an exact number; a float was already inexact and is refused."""
        value = self._take(name)
        if value is None or value == "":
            return None
        try:
            return exact_amount(value)
        except InvalidMoney as error:
            raise self.bad(name, "NOT_AN_AMOUNT", f"is not an amount: {error}") from error

    def required_amount(self, name: str) -> Decimal:
        """An exact amount that must be there."""
        amount = self.amount(name)
        if amount is None:
            raise self.bad(name, "MISSING", "is missing")
        return amount

    def currency(self, name: str) -> str:
        """An ISO 4217 code, which every amount needs."""
        code = self.required_text(name).upper()
        try:
            return parse_currency(code)
        except InvalidMoney as error:
            raise self.bad(name, "NOT_A_CURRENCY", "is not an ISO 4217 currency") from error

    def whole(self, name: str) -> int | None:
        """A whole number that is not negative."""
        amount = self.amount(name)
        if amount is None:
            return None
        if amount != amount.to_integral_value() or not 0 <= amount < 2**31:
            raise self.bad(name, "NOT_WHOLE", "is not a whole number from 0 on")
        return int(amount)

    def instant(self, name: str, zone: ZoneInfo) -> datetime | None:
        """An instant in UTC; text without an offset is local time at the bank. Sentinel dates are None."""
        value = self._take(name)
        if value is None or value == "":
            return None
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            if found.date() in _NO_DATE:
                return None
            return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.bad(name, "NOT_A_DATE", "is not an ISO 8601 date or time") from error

    def object_id(self, name: str) -> ObjectId | None:
        """A MongoDB id, as such or as 24 hexadecimal digits."""
        value = self._take(name)
        if value is None:
            return None
        if not ObjectId.is_valid(value):
            raise self.bad(name, "NOT_AN_ID", "is not an ObjectId")
        return ObjectId(value)

    def object(self, name: str) -> "Fields | None":
        """A nested object, read the same way; its notes are ours."""
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.bad(name, "NOT_AN_OBJECT", "is not an object")
        self._inside[name] = Fields(value, f"{self._pointer}/{_escaped(name)}", self.notes)
        return self._inside[name]

    def required_object(self, name: str) -> "Fields":
        """A nested object that must be there."""
        found = self.object(name)
        if found is None:
            raise self.bad(name, "MISSING", "is missing")
        return found

    def objects(self, name: str) -> "list[Fields]":
        """A list of nested objects; absent is empty, and one object alone is a list of one."""
        value = self._take(name)
        if value is None:
            return []
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, Mapping) for item in items):
            raise self.bad(name, "NOT_OBJECTS", "is not a list of objects")
        return [
            Fields(item, f"{self._pointer}/{_escaped(name)}/{position}", self.notes)
            for position, item in enumerate(items)
        ]

    def matching(self, ending: str) -> dict[str, str]:
        """All text fields whose name ends so, by name."""
        names = [name for name in self._record if name.endswith(ending)]
        return {name: text for name in names if (text := self.text(name))}

    def rest(self) -> dict[str, Any] | None:
        """What nobody asked for, nested objects included, to be kept as it came."""
        left = {name: value for name, value in self._record.items() if name not in self._asked}
        inside = {name: more for name, fields in self._inside.items() if (more := fields.rest())}
        return left | inside or None

    def note(self, code: str, name: str, detail: str) -> None:
        """Remember something odd about a field that is still usable."""
        self.notes.append(Note(code=code, path=f"{self._pointer}/{_escaped(name)}", detail=detail))

    def bad(self, name: str, code: str, what: str) -> BadRecord:
        """The error that gives the record up because of this field."""
        return BadRecord(code, f"{name} {what}", f"{self._pointer}/{_escaped(name)}")

    def _take(self, name: str) -> Any:
        self._asked.add(name)
        return self._record.get(name)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
