"""OP's payloads: lists under their names, one object, or (corporate) a bare list; no balances of their own."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from backend.banks.contract import Asked, Place, Placed, Resource
from backend.banks.splitting import listed, refused

_MARKS: Final[Mapping[Resource, tuple[str, ...]]] = {
    "accounts": ("accountId", "surrogateId", "cardId"),
    "transactions": ("amount",),
}


def split(resource: Resource, payload: Any, asked: Asked) -> Iterator[Placed]:
    """The records of ``payload``; cards are listed among accounts, and marked."""
    place = Place(asked=asked, section="booked")
    if resource not in _MARKS:
        yield refused(resource, "UNSUPPORTED", f"The API has no {resource}", place)
    elif isinstance(payload, list):
        yield from listed(resource, payload, place)
    elif not isinstance(payload, Mapping):
        yield refused(resource, "OTHER_MEDIA", "The body is not a JSON object", place)
    elif resource in payload:
        yield from listed(resource, payload[resource], replace(place, pointer=f"/{resource}"))
    elif resource == "accounts" and "cards" in payload:
        yield from listed(resource, payload["cards"], replace(place, pointer="/cards", is_card=True))
    elif any(mark in payload for mark in _MARKS[resource]):
        yield from listed(resource, payload, replace(place, is_card="cardId" in payload))
    elif "violations" in payload or "message" in payload:
        yield refused(resource, "BANK_ERROR", "The bank answered with an error", place)
    else:
        yield refused(resource, "NOT_RECORDS", f"The payload holds no {resource}", place)
