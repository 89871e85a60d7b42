"""Berlin Group payloads: lists under their names, reports in sections, balances beside transactions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from backend.banks.contract import Asked, Place, Placed, Resource
from backend.banks.dialects.berlin_group.words import reference_in
from backend.banks.splitting import listed, refused

SECTIONS: Final = ("booked", "pending", "information")
_ACCOUNTS: Final = {"accounts": False, "cardAccounts": True, "account": False, "cardAccount": True}
_ACCOUNT_MARKS: Final = ("resourceId", "iban", "bban", "maskedPan")


def split(resource: Resource, payload: Any, asked: Asked) -> Iterator[Placed]:
    """The records of ``payload``; a report also holds the balances that came with it."""
    place = Place(asked=asked)
    if isinstance(payload, Mapping):
        if "tppMessages" in payload:
            yield refused(
                resource, "BANK_ERROR", "The bank answered with an error", replace(place, pointer="/tppMessages")
            )
        else:
            yield from _SPLITTERS[resource](payload, _within(payload, place))
    elif isinstance(payload, list):
        yield from listed(resource, payload, replace(place, section="booked"))
    else:
        yield refused(resource, "OTHER_MEDIA", "The body is not a JSON object; it may hold XML or MT940 text", place)


def _accounts(payload: Mapping[str, Any], place: Place) -> Iterator[Placed]:
    found = [name for name in _ACCOUNTS if name in payload]
    for name in found:
        yield from listed("accounts", payload[name], replace(place, pointer=f"/{name}", is_card=_ACCOUNTS[name]))
    if not found:
        yield from _alone("accounts", payload, place, _ACCOUNT_MARKS)


def _balances(payload: Mapping[str, Any], place: Place) -> Iterator[Placed]:
    if "balances" in payload:
        yield from listed("balances", payload["balances"], replace(place, pointer="/balances"))
    else:
        yield from _alone("balances", payload, place, ("balanceAmount",))


def _transactions(payload: Mapping[str, Any], place: Place) -> Iterator[Placed]:
    if "transactions" in payload:
        yield from _report(payload["transactions"], replace(place, pointer="/transactions"))
    elif any(section in payload for section in SECTIONS):
        yield from _report(payload, place)
    elif _is_download(payload):
        here = replace(place, pointer="/_links/download")
        yield refused("transactions", "DOWNLOAD_ONLY", "The report is to be downloaded from this address", here)
    else:
        yield from _alone("transactions", payload, replace(place, section="booked"), ("transactionAmount",))
    if "balances" in payload:
        yield from _balances(payload, place)


def _report(report: Any, place: Place) -> Iterator[Placed]:
    if not isinstance(report, Mapping):
        yield from listed("transactions", report, replace(place, section="booked"))
        return
    for name, records in report.items():
        here = replace(place, pointer=f"{place.pointer}/{name}", section=name)
        if name in SECTIONS:
            yield from listed("transactions", records, here)
        elif isinstance(records, list):
            yield refused("transactions", "UNKNOWN_SECTION", "Not a section of a report that we know", here)


def _alone(resource: Resource, payload: Mapping[str, Any], place: Place, marks: tuple[str, ...]) -> Iterator[Placed]:
    if any(mark in payload for mark in marks):
        yield Placed(resource, payload, place)
    else:
        yield refused(resource, "NOT_RECORDS", f"The payload holds no {resource}", place)


def _none(_payload: Mapping[str, Any], place: Place) -> Iterator[Placed]:
    yield refused("products", "UNSUPPORTED", "The standard has no products", place)


def _within(payload: Mapping[str, Any], place: Place) -> Place:
    """The account that an envelope speaks of."""
    for name in ("account", "cardAccount"):
        if isinstance(payload.get(name), Mapping):
            return replace(place, account=reference_in(payload[name]), is_card=name == "cardAccount")
    return place


def _is_download(payload: Mapping[str, Any]) -> bool:
    links = payload.get("_links")
    return isinstance(links, Mapping) and "download" in links


_SPLITTERS: Final = {
    "accounts": _accounts,
    "balances": _balances,
    "transactions": _transactions,
    "products": _none,
}
