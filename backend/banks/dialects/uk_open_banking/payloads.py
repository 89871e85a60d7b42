"""UK payloads: a list, or one object alone, under Data."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from backend.banks.contract import Asked, Place, Placed, Resource
from backend.banks.splitting import listed, refused

_NAMES: Final[Mapping[Resource, str]] = {
    "accounts": "Account",
    "balances": "Balance",
    "products": "Product",
    "transactions": "Transaction",
}


def split(resource: Resource, payload: Any, asked: Asked) -> Iterator[Placed]:
    """The records of ``payload``."""
    place, name = Place(asked=asked), _NAMES[resource]
    if not isinstance(payload, Mapping):
        yield refused(resource, "OTHER_MEDIA", "The body is not a JSON object", place)
        return
    data = payload.get("Data")
    if "Errors" in payload:
        yield refused(resource, "BANK_ERROR", "The bank answered with an error", replace(place, pointer="/Errors"))
    elif isinstance(data, Mapping) and name in data:
        yield from listed(resource, data[name], replace(place, pointer=f"/Data/{name}"))
    else:
        yield refused(resource, "NOT_RECORDS", f"The payload holds no {resource}", replace(place, pointer="/Data"))
