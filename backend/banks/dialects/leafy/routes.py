"""Where leafy banks keep their lists."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.banks.contract import MappedAccount, Resource
from backend.banks.paging import token
from backend.banks.requests import Call, Request, Routes, Target, Window, present

_BASE: Final = "/leafy/v1"


def target(account: MappedAccount) -> Target:
    """An account is asked about by its number."""
    return Target(account.key.identifier)


def accounts(call: Call) -> Sequence[Request]:
    """All accounts, with their balances."""
    return (_request("accounts", call, f"{_BASE}/accounts"),)


def products(call: Call) -> Request:
    """All products."""
    return _request("products", call, f"{_BASE}/products")


def transactions(call: Call, target: Target, window: Window) -> Request:
    """The transactions of an account."""
    query = window.days("from", "to")
    return _request("transactions", call, f"{_BASE}/accounts/{target.segment}/transactions", query)


def link(payload: Any) -> Mapping[str, str] | None:
    """How the list goes on: by a cursor."""
    found = token(payload, "next_cursor")
    return {"cursor": found} if found else None


def _request(resource: Resource, call: Call, path: str, query: Mapping[str, str] | None = None) -> Request:
    headers = {"X-Request-ID": call.mark, "PSU-IP-Address": call.customer_ip, "Accept": "application/json"}
    return Request(resource, path, query or {}, present(headers))


ROUTES: Final = Routes(f"{_BASE}/", target, accounts, transactions, link, products=products)
