"""Payloads into records: lists, and single objects where a list should be, each with its JSON pointer."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from backend.banks.contract import Asked, Place, Placed, Rejected, Resource


def listed(resource: Resource, value: Any, place: Place) -> Iterator[Placed]:
    """Each record of ``value``, which stands at ``place``: of a list, of one object alone; null holds none."""
    if value is None:
        return
    if isinstance(value, list):
        for position, record in enumerate(value):
            yield Placed(resource, record, replace(place, pointer=f"{place.pointer}/{position}"))
    elif isinstance(value, Mapping):
        yield Placed(resource, value, place)
    else:
        yield refused(resource, "NOT_RECORDS", "Neither a list of objects nor an object", place)


def refused(resource: Resource, code: str, reason: str, place: Place) -> Placed:
    """A part of a payload that holds no records, and why."""
    return Placed(resource, Rejected(code, reason, ""), place)


def under_names(resource: Resource, payload: Any, asked: Asked, names: tuple[str, ...]) -> Iterator[Placed]:
    """Records under the first of ``names`` that the payload has; else the payload itself is the records."""
    place = Place(asked=asked)
    name = next((name for name in names if name in payload), None) if isinstance(payload, Mapping) else None
    if name is None:
        yield from listed(resource, payload, place)
    else:
        yield from listed(resource, payload[name], replace(place, pointer=f"/{name}"))
