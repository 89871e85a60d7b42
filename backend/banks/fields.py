"""Reading one record strictly: each field by name and kind, with pointer and reason when it does not fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from bson import ObjectId

from backend.banks.contract import BadRecord
from backend.banks.rules.dates import Day, read_day
from backend.banks.ways import DateWays
from backend.documents.parts import Note
from backend.kernel.errors import InvalidMoney
from backend.kernel.money import exact_amount, parse_currency, render_amount

_NO_DATE: Final = (date.min, date(9999, 12, 31))
# No account is older, no contract ends later; at the calendar's ends, time zones and terms overflow.
_YEARS: Final = range(1700, 2301)
_TEXT_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class WrittenAmount:
    """An exact amount, the text it was written as, and its currency."""

    amount: Decimal
    text: str
    currency: str
    pointer: str


class Fields:
    """One JSON object being read. Remembers which fields were asked for; the others are ``rest()``.

    A field that is absent, null or blank is None, unless it is required. Notes gather what is odd;
    what cannot be used at all raises BadRecord. That is everything of the wrong form where reading is strict;
    where it is not, only money and what is required: anything else is noted and kept in ``rest()``.
    """

    def __init__(
        self, record: Mapping[str, Any], pointer: str = "", notes: list[Note] | None = None, *, strict: bool = True
    ) -> None:
        self._record = record
        self._pointer = pointer
        self._strict = strict
        self._asked: set[str] = set()
        self._inside: dict[str, Fields] = {}
        self._lists: dict[str, list[Fields]] = {}
        self.notes: list[Note] = [] if notes is None else notes

    def __contains__(self, name: str) -> bool:
        return self._record.get(name) is not None

    def text(self, name: str) -> str | None:
        """The text of a field; a number is taken as its digits."""
        value = self._take(name)
        if isinstance(value, bool | dict | list):
            self._unfit(name, "NOT_TEXT", "is not text")
            return None
        text = None if value is None else str(value).strip()
        if text and len(text) > _TEXT_MAX:
            self._unfit(name, "TOO_LONG", f"has more than {_TEXT_MAX} characters")
            return text[:_TEXT_MAX]
        return text or None

    def texts(self, name: str) -> list[str]:
        """All texts of a field that holds one or a list of them."""
        value = self._record.get(name)
        if not isinstance(value, list):
            text = self.text(name)
            return [text] if text else []
        self._asked.add(name)
        if not all(isinstance(item, str | int | Decimal | None) for item in value):
            self._unfit(name, "NOT_TEXTS", "is not a list of texts")
            return []
        return [text for item in value if item is not None and (text := str(item).strip()[:_TEXT_MAX])]

    def flag(self, name: str) -> bool | None:
        """Yes or no, as JSON has them or as text."""
        value = self._take(name)
        if value is None or isinstance(value, bool):
            return value
        known = {"true": True, "false": False}.get(str(value).strip().lower())
        if known is None:
            self._unfit(name, "NOT_A_FLAG", "is neither true nor false")
        return known

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

    def written(self, amount: str, currency: str, *, as_number: bool = False) -> WrittenAmount:
        """An amount and its currency that must be there; a number where the standard has text is noted."""
        found = self.required_amount(amount)
        value = self._record[amount]
        if not as_number and not isinstance(value, str):
            self.note("AMOUNT_AS_NUMBER", amount, "The bank wrote a number where the standard has text", "INFO")
        text = value if isinstance(value, str) else render_amount(found)
        return WrittenAmount(found, text, self.currency(currency), f"{self._pointer}/{_escaped(amount)}")

    def rate(self, name: str) -> Decimal | None:
        """A number that is not money, such as a rate of exchange or of interest."""
        try:
            return self.amount(name)
        except BadRecord:
            self._unfit(name, "NOT_A_NUMBER", "is not a number")
            return None

    def currency(self, name: str) -> str:
        """An ISO 4217 code, which every amount needs."""
        code = self.required_text(name).upper()
        try:
            return parse_currency(code)
        except InvalidMoney as error:
            raise self.bad(name, "NOT_A_CURRENCY", "is not an ISO 4217 currency") from error

    def whole(self, name: str) -> int | None:
        """A whole number that is not negative."""
        amount = self.rate(name)
        if amount is None:
            return None
        if amount != amount.to_integral_value() or not 0 <= amount < 2**31:
            self._unfit(name, "NOT_WHOLE", "is not a whole number from 0 on")
            return None
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
            instant = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.bad(name, "NOT_A_DATE", "is not an ISO 8601 date or time") from error
        if instant.year not in _YEARS:
            raise self.bad(name, "NOT_A_DATE", f"is not between the years {_YEARS[0]} and {_YEARS[-1]}")
        return instant

    def day(self, name: str, zone: ZoneInfo, ways: DateWays) -> Day | None:
        """A day at the bank, with the instant where one is told; days that stand for none are None."""
        value = self._take(name)
        if value is None or value == "":
            return None
        try:
            found = read_day(value, zone, ways)
        except ValueError:
            self._unfit(name, "NOT_A_DATE", "is not a date as this bank writes them")
            return None
        if found and found.is_naive:
            self.note("NO_TIME_ZONE", name, "The bank wrote a time without an offset", "INFO")
        return found

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
            self._unfit(name, "NOT_AN_OBJECT", "is not an object")
            return None
        if name not in self._inside:
            self._inside[name] = self._nested(value, _escaped(name))
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
            self._unfit(name, "NOT_OBJECTS", "is not a list of objects")
            return []
        self._lists[name] = [self._nested(item, f"{_escaped(name)}/{position}") for position, item in enumerate(items)]
        return self._lists[name]

    def holds_objects(self, name: str) -> bool:
        """Whether a field holds an object, or a list that begins with one."""
        value = self._record.get(name)
        first = value[0] if isinstance(value, list) and value else value
        return isinstance(first, Mapping)

    def matching(self, ending: str) -> dict[str, str]:
        """All text fields whose name ends so, by name."""
        names = [name for name in self._record if name.endswith(ending)]
        return {name: text for name in names if (text := self.text(name))}

    def rest(self) -> dict[str, Any] | None:
        """What nobody asked for, nested objects included, to be kept as it came."""
        left = {name: value for name, value in self._record.items() if name not in self._asked}
        inside = {name: more for name, fields in self._inside.items() if (more := fields.rest())}
        lists = {name: [fields.rest() or {} for fields in inner] for name, inner in self._lists.items()}
        return left | inside | {name: rests for name, rests in lists.items() if any(rests)} or None

    def note(self, code: str, name: str, detail: str, severity: Literal["INFO", "WARNING"] = "WARNING") -> None:
        """Remember something odd about a field that is still usable; without a name, about the whole."""
        path = f"{self._pointer}/{_escaped(name)}" if name else self._pointer
        self.notes.append(Note(code=code, path=path, detail=detail, severity=severity))

    def keep(self, name: str) -> None:
        """Leave a field in ``rest()`` although it was read."""
        self._asked.discard(name)
        self._inside.pop(name, None)
        self._lists.pop(name, None)

    def bad(self, name: str, code: str, what: str) -> BadRecord:
        """The error that gives the record up because of this field."""
        return BadRecord(code, f"{name} {what}", f"{self._pointer}/{_escaped(name)}")

    def _unfit(self, name: str, code: str, what: str) -> None:
        """Give the record up because of a field of the wrong form, or note it and keep it as it came."""
        bad = self.bad(name, code, what)
        if self._strict:
            raise bad
        self.notes.append(Note(code=code, path=bad.pointer, detail=str(bad)))
        self.keep(name)

    def _nested(self, record: Mapping[str, Any], name: str) -> "Fields":
        return Fields(record, f"{self._pointer}/{name}", self.notes, strict=self._strict)

    def _take(self, name: str) -> Any:
        self._asked.add(name)
        return self._record.get(name)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
