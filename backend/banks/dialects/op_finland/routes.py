"""Where banks that speak like OP keep their lists."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from backend.banks.contract import Resource
from backend.banks.paging import href, token
from backend.banks.requests import Call, Request, Routes, Secret, Target, Window, by_provider_id, present

_BASE: Final = "/accounts-psd2/v1"
_TOKEN: Final = "continuationToken"  # noqa: S105 - a field's name
_SECRETS: Final[Mapping[str, Secret]] = MappingProxyType({"Authorization": "access_token", "x-api-key": "api_key"})


def accounts(call: Call) -> Sequence[Request]:
    """All accounts, with their balances."""
    return (_request("accounts", call, f"{_BASE}/accounts"),)


def transactions(call: Call, target: Target, window: Window) -> Request:
    """The transactions of an account, or of a card."""
    kind = "cards" if target.is_card else "accounts"
    query = window.days("fromDate", "toDate")
    return _request("transactions", call, f"{_BASE}/{kind}/{target.segment}/transactions", query)


def link(payload: Any) -> str | Mapping[str, str] | None:
    """How the list goes on: by a token, and by an address for those that have no token."""
    found = token(payload, _TOKEN)
    return {_TOKEN: found} if found else href(payload, "_links", "next")


def _request(resource: Resource, call: Call, path: str, query: Mapping[str, str] | None = None) -> Request:
    headers = {"x-fapi-interaction-id": call.mark, "x-fapi-customer-ip-address": call.customer_ip}
    return Request(resource, path, query or {}, present({**headers, "Accept": "application/json"}), _SECRETS)


ROUTES: Final = Routes(f"{_BASE}/", by_provider_id, accounts, transactions, link)
