"""Berlin Group's routes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from starlette.responses import Response

from backend.emulator.oauth.consents import received
from backend.emulator.openbanking import asking
from backend.emulator.openbanking.berlin_group import consents, render
from backend.emulator.openbanking.berlin_group.refusing import checking, refuse
from backend.emulator.openbanking.dialect import Dialect
from backend.emulator.openbanking.facts import Account
from backend.emulator.openbanking.gate import Admitted
from backend.emulator.openbanking.reading import Statement, Wish
from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.side import Call, answer, route
from backend.kernel.ids import new_token

_PURPOSE: Final = "Account information, as agreed with you there"
_CURSOR: Final = "pageCursor"
_SIZE: Final = "itemsPerPage"
_STATUSES: Final = ("booked", "pending", "both")
_PARTS: Final = ("balances", "transactions")


async def ask(call: Call) -> Response:
    """POST /v1/consents."""
    client_id = await call.side.gate.third_party(call.request)
    now = await call.side.time.of_permissions()
    zone = call.side.zone

    def midnight_after(day: date) -> datetime:
        return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)

    asked = consents.read(await asking.read_object(call.request), call.side.accounts, now, midnight_after)
    consent = received(
        consent_id=new_token()[:32],
        bank=call.side.bank.id,
        client_id=client_id,
        permissions=asked.permissions,
        purpose=_PURPOSE,
        now=now,
        valid_until=asked.valid_until,
        requested_accounts=asked.requested,
        recurring=asked.is_recurring,
    )
    await call.side.gate.receive(consent, asked.terms(consent.id))
    home = f"/v1/consents/{consent.id}"
    links = {
        "scaOAuth": {"href": call.address("/.well-known/oauth-authorization-server")},
        "self": {"href": home},
        "status": {"href": f"{home}/status"},
    }
    body = {"consentStatus": consents.status(consent, now), "consentId": consent.id, "_links": links}
    return answer(body, status=201, headers={"Location": home, "ASPSP-SCA-Approach": "REDIRECT"})


async def consent(call: Call) -> Response:
    """GET /v1/consents/{consent}."""
    found, terms = await call.side.gate.own_consent(call.request, call.request.path_params["consent"])
    chosen = await call.side.books.accounts(call.side.bank.id, found.accounts)
    return answer(consents.told(found, terms, chosen, await call.side.time.of_permissions()))


async def consent_status(call: Call) -> Response:
    """GET /v1/consents/{consent}/status."""
    found, _ = await call.side.gate.own_consent(call.request, call.request.path_params["consent"])
    return answer({"consentStatus": consents.status(found, await call.side.time.of_permissions())})


async def end_consent(call: Call) -> Response:
    """DELETE /v1/consents/{consent}."""
    found, _ = await call.side.gate.own_consent(call.request, call.request.path_params["consent"])
    await call.side.gate.end(found)
    return answer(None, status=204)


async def accounts(call: Call) -> Response:
    """GET /v1/accounts."""
    return await _accounts(call, "accounts", is_card=False)


async def card_accounts(call: Call) -> Response:
    """GET /v1/card-accounts."""
    return await _accounts(call, "cardAccounts", is_card=True)


async def account(call: Call) -> Response:
    """GET /v1/accounts/{account} and the like of card accounts."""
    admitted, found = await _one(call, "accounts")
    has_balance = _with_balance(asking.query(call.request, "withBalance"))
    if has_balance:
        await _one(call, "balances")
    await call.side.gate.count(admitted, call.path)
    name = "cardAccount" if found.kind == "card" else "account"
    return answer({name: await _shown(call, admitted, found, has_balance=has_balance)})


async def balances(call: Call) -> Response:
    """GET /v1/accounts/{account}/balances and the like of card accounts."""
    admitted, found = await _one(call, "balances")
    asking.query(call.request)
    await call.side.gate.count(admitted, call.path)
    balance = await call.side.books.balance(found)
    name = "cardAccount" if found.kind == "card" else "account"
    return answer({name: render.reference(found), "balances": render.balances(balance)})


async def transactions(call: Call) -> Response:
    """GET /v1/accounts/{account}/transactions and the like of card accounts."""
    admitted, found = await _one(call, "transactions")
    asked = asking.query(call.request, "bookingStatus", "dateFrom", "dateTo", "withBalance", _SIZE, _CURSOR)
    has_balance = _with_balance(asked)
    if has_balance:
        await _one(call, "balances")
    statement = await call.side.reader.statement(admitted, found, _wish(call, asked))
    name = "cardAccount" if found.kind == "card" else "account"
    body: dict[str, Any] = {name: render.reference(found), "transactions": _report(call, asked, statement)}
    if has_balance:
        body["balances"] = render.balances(statement.balance)
    return answer(body)


def _wish(call: Call, asked: Mapping[str, str]) -> Wish:
    status = asked.get("bookingStatus")
    if status is None:
        raise Refused(Reason.FIELD_MISSING, "Say which: booked, pending or both", place="bookingStatus")
    if status not in _STATUSES:
        raise Refused(Reason.FIELD_INVALID, "booked, pending or both", place="bookingStatus")
    since, until = asking.days_between(asked, "dateFrom", "dateTo", call.side.zone)
    return Wish(
        resource=call.path,
        query=asking.rest(asked, _CURSOR),
        limit=asking.page_size(asked, _SIZE),
        cursor=asked.get(_CURSOR),
        since=since,
        until=until,
        has_booked=status != "pending",
        has_pending=status != "booked",
    )


def _report(call: Call, asked: Mapping[str, str], statement: Statement) -> dict[str, Any]:
    is_card = statement.account.kind == "card"
    draw = render.card_transaction if is_card else render.transaction
    report: dict[str, Any] = {}
    if asked["bookingStatus"] != "pending":
        report["booked"] = [draw(each, call.side.zone) for each in statement.booked]
    if asked["bookingStatus"] != "booked" and statement.is_first:
        report["pending"] = [draw(each, call.side.zone) for each in statement.pending]
    links = {"cardAccount" if is_card else "account": {"href": render.home(statement.account)}}
    if statement.next_cursor:
        query = asking.rest(asked, _CURSOR) | {_CURSOR: statement.next_cursor}
        links["next"] = {"href": call.link(call.path, query)}
    return report | {"_links": links}


async def _accounts(call: Call, name: str, *, is_card: bool) -> Response:
    admitted, found = await call.shared("accounts")
    _check_consent(call, admitted)
    has_balance = _with_balance(asking.query(call.request, "withBalance"))
    if has_balance:
        await call.shared("balances")
    await call.side.gate.count(admitted, call.path)
    wanted = [each for each in found if (each.kind == "card") is is_card]
    shown = [await _shown(call, admitted, each, has_balance=has_balance) for each in wanted]
    return answer({name: shown})


async def _shown(call: Call, admitted: Admitted, account: Account, *, has_balance: bool) -> dict[str, Any]:
    readable: Sequence[str] = [
        part for part in _PARTS if part in admitted.consent.permissions and admitted.terms.reaches(part, account.id)
    ]
    has_balance = has_balance and "balances" in readable
    balance = await call.side.books.balance(account) if has_balance else None
    has_owner_name = consents.OWNER_NAME in admitted.terms.codes
    return render.account(account, links=readable, has_owner_name=has_owner_name, balance=balance)


async def _one(call: Call, permission: str) -> tuple[Admitted, Account]:
    admitted, account = await call.one(permission)
    _check_consent(call, admitted)
    if (account.kind == "card") is not call.path.startswith("/v1/card-accounts/"):
        raise Refused(Reason.ACCOUNT_UNKNOWN, "The customer shared no such account")
    return admitted, account


def _check_consent(call: Call, admitted: Admitted) -> None:
    named = call.request.headers.get("consent-id")
    if named is None:
        raise Refused(Reason.HEADER_MISSING, "This header is needed", place="Consent-ID")
    if named != admitted.consent.id:
        raise Refused(Reason.CONSENT_UNKNOWN, "The token belongs to another consent")


def _with_balance(asked: Mapping[str, str]) -> bool:
    if asked.get("withBalance", "false") not in ("true", "false"):
        raise Refused(Reason.FIELD_INVALID, "true or false", place="withBalance")
    return asked.get("withBalance") == "true"


DIALECT: Final = Dialect(
    name="berlin_group",
    prefix="/v1/",
    routes=(
        route("/v1/consents", ask, "POST"),
        route("/v1/consents/{consent}", consent, "GET"),
        route("/v1/consents/{consent}", end_consent, "DELETE"),
        route("/v1/consents/{consent}/status", consent_status),
        route("/v1/accounts", accounts),
        route("/v1/card-accounts", card_accounts),
        *(
            route(f"/v1/{kind}/{{account}}{part}", handler)
            for kind in ("accounts", "card-accounts")
            for part, handler in (("", account), ("/balances", balances), ("/transactions", transactions))
        ),
    ),
    refuse=refuse,
    checking=checking,
    attended_by="PSU-IP-Address",
    echoed="X-Request-ID",
    scopes=frozenset({"AIS", "offline_access"}),
    policy={"pushing_required": False, "auth_methods": ("client_secret_basic", "private_key_jwt")},
)
