"""Where UK banks keep their lists."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.banks.contract import Resource
from backend.banks.paging import href
from backend.banks.requests import Call, Request, Routes, Target, Window, by_provider_id, present

_BASE: Final = "/open-banking/v3.1/aisp"


def accounts(call: Call) -> Sequence[Request]:
    """All accounts, cards and loans among them."""
    return (_request("accounts", call, f"{_BASE}/accounts"),)


def balances(call: Call, target: Target) -> Request:
    """The balances of an account."""
    return _request("balances", call, f"{_BASE}/accounts/{target.segment}/balances")


def products(call: Call) -> Request:
    """The terms of all accounts."""
    return _request("products", call, f"{_BASE}/products")


def transactions(call: Call, target: Target, window: Window) -> Request:
    """The transactions of an account, of whole days."""
    query = window.instants("fromBookingDateTime", "toBookingDateTime")
    return _request("transactions", call, f"{_BASE}/accounts/{target.segment}/transactions", query)


def link(payload: Any) -> str | None:
    """The next page's address."""
    return href(payload, "Links", "Next")


def _request(resource: Resource, call: Call, path: str, query: Mapping[str, str] | None = None) -> Request:
    headers = {"x-fapi-interaction-id": call.mark, "x-fapi-customer-ip-address": call.customer_ip}
    return Request(resource, path, query or {}, present({**headers, "Accept": "application/json"}))


ROUTES: Final = Routes(f"{_BASE}/", by_provider_id, accounts, transactions, link, balances=balances, products=products)
