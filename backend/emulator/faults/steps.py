"""What packs are made of: named changes to a page of transactions or balances, the same for every dialect.

Each is deterministic for seed, bank, account and day, and changes the page in place.
"""

import copy
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field

from backend.emulator.faults.pages import Page, Transaction
from backend.emulator.faults.places import Place, all_places, every_text, places
from backend.emulator.faults.reading import Row

_ZONED: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|[+-]\d\d:?\d\d)\Z")
_REMITTANCE: Final = 140
_FILLER: Final = " REF 0000 SEE YOUR STATEMENT"
_WHOLE: Final = 2**64


class ReissueIds(Row):
    """Ids are others every day; with a ``share`` only of so many transactions, chosen anew every day."""

    do: Literal["reissue_ids"]
    share: float = Field(default=1, gt=0, le=1)
    references: bool = False

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for each in page.transactions():
            for place in _identifiers(each, references=self.references):
                if page.mark("chosen", each.account, page.day, place.value) < self.share * _WHOLE:
                    place.put(_like(place.value, page.mark("id", each.account, page.day, place.value)))


class SetIds(Row):
    """Ids are all the same ``value``, or are left out when none is given."""

    do: Literal["set_ids"]
    value: str | None = None
    references: bool = True

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for each in page.transactions():
            for place in _identifiers(each, references=self.references):
                if self.value is None:
                    place.remove()
                else:
                    place.put(self.value)


class NumberIds(Row):
    """Ids are the day and the position in the list, and shift when an entry comes in above."""

    do: Literal["number_ids"]

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for position, each in enumerate(page.transactions(), start=1):
            day = next((str(place.value)[:10] for place in _dates(each)), str(page.day))
            for place in _identifiers(each, references=False):
                place.put(f"{day}.{position}")


class Repeat(Row):
    """One booked transaction in ``one_in`` occurs ``times``; which one does not depend on page or day."""

    do: Literal["repeat"]
    times: int = Field(ge=2, le=100)
    one_in: int = Field(ge=1)

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for listing, place in page.listings():
            repeated: list[Any] = []
            for content in place.value:
                each = page.transaction(listing, content)
                chosen = not each.is_pending and page.mark("twins", each.account, _told(each)) % self.one_in == 0
                repeated += [copy.deepcopy(content) for _ in range(self.times if chosen else 1)]
            place.put(repeated)


class RewriteBooked(Row):
    """Texts of booked transactions are another bank system's; ``pattern`` may use ``{text}`` and ``{number}``."""

    do: Literal["rewrite_booked"]
    pattern: str

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for each in page.transactions():
            for place in () if each.is_pending else _texts(each):
                number = page.mark("text", each.account, place.value) % 1_000_000
                text = self.pattern.format(text=place.value.upper(), number=f"{number:06}")
                place.put(text[:_REMITTANCE])


class LengthenTexts(Row):
    """Texts go on until they have ``length`` characters."""

    do: Literal["lengthen_texts"]
    length: int = Field(gt=_REMITTANCE, le=2_000)

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for each in page.transactions():
            for place in _texts(each):
                place.put((place.value + _FILLER * (self.length // len(_FILLER) + 1))[: self.length])


class SwapDates(Row):
    """The day of booking stands where the day of value belongs, and the other way round.

    Where both are the same, value is taken to be ``apart`` days later, for the swap to be seen.
    """

    do: Literal["swap_dates"]
    apart: int = Field(default=0, ge=0)

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for each in page.transactions():
            dates = _dates(each)
            if len(dates) > 1:
                booked, valued = dates[0].value, dates[-1].value
                dates[0].put(_days_later(valued, self.apart) if valued == booked else valued)
                dates[-1].put(booked)


class StripZones(Row):
    """Instants have no time zone."""

    do: Literal["strip_zones"]

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for place in list(every_text(page.payload)):
            if found := _ZONED.match(place.value):
                place.put(found[1])


class HidePending(Row):
    """What is pending is there on one day and gone on the next."""

    do: Literal["hide_pending"]

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for listing, place in page.listings():
            place.put([each for each in place.value if not self._hides(page, page.transaction(listing, each))])

    @staticmethod
    def _hides(page: Page, each: Transaction) -> bool:
        return each.is_pending and (page.day.toordinal() + page.mark("pending", each.account)) % 2 == 0


class InvertPending(Row):
    """What is pending goes the other way: its sign, the word for it, or who gives and who gets."""

    do: Literal["invert_pending"]

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for each in page.transactions():
            if each.is_pending:
                _turn(each)


class Unsign(Row):
    """Amounts have no sign, and nothing else tells which way the money went."""

    do: Literal["unsign"]

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for each in page.transactions():
            for place in (*(place for _, place in _directions(each)), *_sides(each)):
                place.remove()
            for place in _amounts(each):
                place.put(_magnitude(place.value))


class RetypeAmounts(Row):
    """Amounts that are texts become numbers, and numbers texts: all of them, or every other one."""

    do: Literal["retype_amounts"]
    which: Literal["all", "every_other"] = "all"

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        found = [place for each in page.transactions() for place in _amounts(each)]
        found += all_places(page.payload, *page.dialect.balances.amounts)
        for place in found[:: 2 if self.which == "every_other" else 1]:
            place.put(_retyped(place.value))


class DropBalances(Row):
    """Lists of balances are empty, and accounts have none."""

    do: Literal["drop_balances"]

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for place in all_places(page.payload, *page.dialect.balances.lists):
            place.put([])
        for place in all_places(page.payload, *page.dialect.balances.members):
            place.remove()


class LinkNext(Row):
    """The next page is named wrongly: not at all, behind a literal ``null``, or it is this page again."""

    do: Literal["link_next"]
    to: Literal["nothing", "null_prefix", "itself"]

    def apply(self, page: Page) -> None:
        """Change ``page``."""
        for row, place in page.dialect.next_pages(page.payload):
            host, address = _apart(str(place.value))
            if self.to == "nothing":
                place.put(None)
            elif self.to == "null_prefix":
                place.put(f"null/{address.lstrip('/')}")
            elif row.form == "address":
                place.put(host + page.address)
            elif sent := page.parameter(row.parameter):
                place.put(sent)


Step = Annotated[
    ReissueIds
    | SetIds
    | NumberIds
    | Repeat
    | RewriteBooked
    | LengthenTexts
    | SwapDates
    | StripZones
    | HidePending
    | InvertPending
    | Unsign
    | RetypeAmounts
    | DropBalances
    | LinkNext,
    Field(discriminator="do"),
]


def _identifiers(each: Transaction, *, references: bool) -> list[Place]:
    paths = (*each.listing.ids, *(each.listing.references if references else ()))
    return all_places(each.content, *paths)


def _dates(each: Transaction) -> list[Place]:
    return all_places(each.content, *each.listing.dates)


def _amounts(each: Transaction) -> list[Place]:
    return all_places(each.content, *each.listing.amounts)


def _texts(each: Transaction) -> list[Place]:
    return [place for place in all_places(each.content, *each.listing.texts) if isinstance(place.value, str)]


def _directions(each: Transaction) -> list[tuple[dict[str, str], Place]]:
    named = each.listing.opposites.items()
    return [(opposites, place) for path, opposites in named for place in places(each.content, path)]


def _sides(each: Transaction) -> list[Place]:
    return all_places(each.content, *(each.listing.sides or ()))


def _turn(each: Transaction) -> None:
    """Let the money go the other way."""
    directions, sides = _directions(each), _sides(each)
    for opposites, place in directions:
        place.put(opposites.get(place.value, place.value))
    if len(sides) > 1:
        giver, getter = sides[0].value, sides[1].value
        sides[0].put(getter)
        sides[1].put(giver)
    for place in [] if directions or sides else _amounts(each):
        place.put(_negative(place.value))


def _told(each: Transaction) -> list[Any]:
    """What tells a transaction apart, whatever became of its ids."""
    row = each.listing
    return [place.value for place in all_places(each.content, *row.amounts, *row.dates, *row.texts)]


def _like(value: Any, mark: int) -> str:
    """Hexadecimal digits, as many as ``value`` has characters if it has more than sixteen."""
    return (f"{mark:016x}" * 4)[: min(max(len(str(value)), 16), 64)]


def _negative(amount: Any) -> Any:
    if not isinstance(amount, str):
        return -amount
    return amount[1:] if amount.startswith("-") else f"-{amount}"


def _magnitude(amount: Any) -> Any:
    return amount.removeprefix("-") if isinstance(amount, str) else abs(amount)


def _days_later(text: str, days: int) -> str:
    """A date, or an instant that begins with one, so many days later."""
    return (date.fromisoformat(text[:10]) + timedelta(days=days)).isoformat() + text[10:]


def _apart(address: str) -> tuple[str, str]:
    """Scheme and host of an address, if it has them, and the rest."""
    parts = urlsplit(address)
    host = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return host, address.removeprefix(host)


def _retyped(amount: Any) -> Any:
    return Decimal(amount) if isinstance(amount, str) else str(amount)
