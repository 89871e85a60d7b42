"""The leafy banks' routes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from backend.emulator.oauth.consents import Consent, received
from backend.emulator.openbanking import asking
from backend.emulator.openbanking.dialect import Dialect
from backend.emulator.openbanking.facts import Account
from backend.emulator.openbanking.gate import Admitted
from backend.emulator.openbanking.leafy import render
from backend.emulator.openbanking.leafy.refusing import refuse
from backend.emulator.openbanking.reading import Wish
from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.side import Call, answer, route
from backend.emulator.openbanking.terms import Terms
from backend.kernel.ids import new_token

Json = dict[str, Any]
_BASE: Final = "/leafy/v1"
_PERMISSIONS: Final = ("accounts", "balances", "transactions", "products")
_PURPOSE: Final = "To show your accounts and loans in one place"
_READS_A_DAY: Final = 4


async def ask(call: Call) -> Response:
    """POST /consents with permissions, and if wanted purpose and validUntil."""
    client_id = await call.side.gate.third_party(call.request)
    body = await asking.read_object(call.request)
    permissions = asking.texts(body, "permissions")
    if not set(permissions) <= set(_PERMISSIONS):
        raise Refused(Reason.FIELD_INVALID, f"Of {', '.join(_PERMISSIONS)}", place="permissions")
    now = await call.side.time.of_permissions()
    until = body.get("validUntil")
    valid_until = None if until is None else asking.instant(until, "validUntil")
    if valid_until and valid_until <= now:
        raise Refused(Reason.PERIOD_INVALID, "This time is over", place="validUntil")
    consent = received(
        consent_id=new_token()[:32],
        bank=call.side.bank.id,
        client_id=client_id,
        permissions=permissions,
        purpose=asking.text(body, "purpose") or _PURPOSE,
        now=now,
        valid_until=valid_until,
    )
    await call.side.gate.receive(consent, Terms(consent_id=consent.id, reads_a_day=_READS_A_DAY))
    return answer(_consent(call, consent, now), status=201)


async def consent(call: Call) -> Response:
    """GET /consents/{consent}."""
    found, _ = await call.side.gate.own_consent(call.request, call.request.path_params["consent"])
    return answer(_consent(call, found, await call.side.time.of_permissions()))


async def end_consent(call: Call) -> Response:
    """DELETE /consents/{consent}."""
    found, _ = await call.side.gate.own_consent(call.request, call.request.path_params["consent"])
    await call.side.gate.end(found)
    return answer(None, status=204)


async def accounts(call: Call) -> Response:
    """GET /accounts."""
    admitted, found = await call.shared("accounts")
    asking.query(call.request)
    await call.side.gate.count(admitted, call.path)
    return answer({"accounts": [await _account(call, admitted, each) for each in found]})


async def account(call: Call) -> Response:
    """GET /accounts/{account}: by its id or its number."""
    admitted, found = await _one(call, "accounts")
    asking.query(call.request)
    await call.side.gate.count(admitted, call.path)
    return answer({"account": await _account(call, admitted, found)})


async def transactions(call: Call) -> Response:
    """GET /accounts/{account}/transactions with limit, cursor, from and to."""
    admitted, found = await _one(call, "transactions")
    asked = asking.query(call.request, "limit", "cursor", "from", "to")
    since, until = asking.days_between(asked, "from", "to", call.side.zone)
    wish = Wish(
        resource=call.path,
        query=asking.rest(asked, "cursor"),
        limit=asking.page_size(asked, "limit"),
        cursor=asked.get("cursor"),
        since=since,
        until=until,
        has_pending=True,
    )
    statement = await call.side.reader.statement(admitted, found, wish)
    moves = (*statement.pending, *statement.booked)
    shown = [render.transaction(each, found, call.side.bank) for each in moves]
    return answer({"transactions": shown, "next_cursor": statement.next_cursor})


async def products(call: Call) -> Response:
    """GET /products."""
    admitted = await call.side.gate.admit(call.request, permission="products")
    asking.query(call.request)
    await call.side.gate.count(admitted, call.path)
    found = await call.side.books.products(call.side.bank.id, admitted.consent.accounts)
    return answer({"products": [render.product(each, call.side.bank) for each in found]})


async def _one(call: Call, permission: str) -> tuple[Admitted, Account]:
    """The shared account that the path names; these banks know their accounts by number."""
    named = call.request.path_params["account"]
    known: Mapping[str, str] = call.side.accounts
    account_id = known.get(named, named)
    admitted = await call.side.gate.admit(call.request, permission=permission, account=account_id)
    found = await call.side.books.account(call.side.bank.id, account_id)
    if found is None:
        raise Refused(Reason.ACCOUNT_UNKNOWN, "The customer shared no such account")
    return admitted, found


async def _account(call: Call, admitted: Admitted, account: Account) -> Json:
    has_balance = "balances" in admitted.consent.permissions
    balance = await call.side.books.balance(account) if has_balance else None
    return render.account(account, call.side.bank, balance)


def _consent(call: Call, consent: Consent, now: datetime) -> Json:
    shown: Json = {
        "consentId": consent.id,
        "status": consent.state_at(now).value,
        "permissions": list(consent.permissions),
        "purpose": consent.purpose,
        "createdAt": render.moment(consent.created_at),
        "authorizationServer": call.side.address,
    }
    if consent.valid_until:
        shown["validUntil"] = render.moment(consent.valid_until)
    return shown


DIALECT: Final = Dialect(
    name="leafy",
    prefix=f"{_BASE}/",
    routes=(
        route(f"{_BASE}/consents", ask, "POST"),
        route(f"{_BASE}/consents/{{consent}}", consent, "GET"),
        route(f"{_BASE}/consents/{{consent}}", end_consent, "DELETE"),
        route(f"{_BASE}/accounts", accounts),
        route(f"{_BASE}/accounts/{{account}}", account),
        route(f"{_BASE}/accounts/{{account}}/transactions", transactions),
        route(f"{_BASE}/products", products),
    ),
    refuse=refuse,
    attended_by="PSU-IP-Address",
    echoed="X-Request-ID",
    scopes=frozenset({"accounts", "offline_access"}),
    policy={"pushing_required": False, "auth_methods": ("client_secret_basic", "private_key_jwt")},
    tells_of_loans=True,
)
