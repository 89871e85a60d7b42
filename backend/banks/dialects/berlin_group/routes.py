"""Where Berlin Group banks keep their lists."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.banks.contract import Resource
from backend.banks.paging import href
from backend.banks.requests import Call, Request, Routes, Target, Window, by_provider_id, present

_BASE: Final = "/v1"


def accounts(call: Call) -> Sequence[Request]:
    """Accounts, and card accounts, which are a list of their own."""
    return tuple(_request("accounts", call, f"{_BASE}/{kind}") for kind in ("accounts", "card-accounts"))


def balances(call: Call, target: Target) -> Request:
    """The balances of an account."""
    return _request("balances", call, f"{_home(target)}/balances")


def transactions(call: Call, target: Target, window: Window) -> Request:
    """Booked and pending transactions; the standard wants a first day with them."""
    query = {"bookingStatus": "both", **window.days("dateFrom", "dateTo")}
    return _request("transactions", call, f"{_home(target)}/transactions", query)


def link(payload: Any) -> str | None:
    """The next page's address; of a report within the report, or beside it."""
    return href(payload, "transactions", "_links", "next") or href(payload, "_links", "next")


def _home(target: Target) -> str:
    return f"{_BASE}/{'card-accounts' if target.is_card else 'accounts'}/{target.segment}"


def _request(resource: Resource, call: Call, path: str, query: Mapping[str, str] | None = None) -> Request:
    headers = {"X-Request-ID": call.mark, "Consent-ID": call.consent_id, "PSU-IP-Address": call.customer_ip}
    return Request(resource, path, query or {}, present({**headers, "Accept": "application/json"}))


ROUTES: Final = Routes(f"{_BASE}/", by_provider_id, accounts, transactions, link, balances=balances)
