"""The routes of an OP-like bank."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.responses import Response

from backend.emulator.ledger.journal import Entry
from backend.emulator.oauth.consents import Consent, State, received
from backend.emulator.openbanking import asking
from backend.emulator.openbanking.dialect import Dialect
from backend.emulator.openbanking.facts import Account
from backend.emulator.openbanking.gate import Admitted
from backend.emulator.openbanking.op_finland import render
from backend.emulator.openbanking.op_finland.refusing import checking, refuse
from backend.emulator.openbanking.reading import Statement, Wish
from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.side import Call, answer, route
from backend.emulator.openbanking.terms import Terms
from backend.kernel.ids import new_token

Json = dict[str, Any]
_PERMISSIONS: Final = ("accounts", "balances", "transactions", "cards")
_PURPOSE: Final = "Account information, as agreed with you there"
_LASTS_AT_MOST: Final = timedelta(days=90)
_HISTORY_AT_MOST: Final = timedelta(days=730)
_CURSOR: Final = "continuationToken"
_READS_A_DAY: Final = 4
_INSTANTS: Final = ("expires", "transactionFrom", "transactionTo")
_STATUS: Final = {
    State.RECEIVED: "Unauthorized",
    State.VALID: "Authorized",
    State.REJECTED: "Rejected",
    State.REVOKED: "Revoked",
    State.EXPIRED: "Expired",
}


async def ask(call: Call) -> Response:
    """POST /authorizations."""
    client_id = await call.side.gate.third_party(call.request)
    body = await asking.read_object(call.request)
    now = await call.side.time.of_permissions()
    instants = {name: asking.instant(body[name], name) for name in _INSTANTS if body.get(name) is not None}
    _check_instants(instants, now)
    consent = received(
        consent_id=new_token()[:32],
        bank=call.side.bank.id,
        client_id=client_id,
        permissions=_PERMISSIONS,
        purpose=_PURPOSE,
        now=now,
        valid_until=instants.get("expires", now + _LASTS_AT_MOST),
    )
    terms = Terms(
        consent_id=consent.id,
        asked={name: render.moment(at) for name, at in instants.items()},
        since=instants.get("transactionFrom"),
        until=instants.get("transactionTo"),
        reads_a_day=_READS_A_DAY,
    )
    await call.side.gate.receive(consent, terms)
    return answer(_authorization(consent, terms, now), status=201)


async def authorization(call: Call) -> Response:
    """GET /authorizations/{consent}."""
    found, terms = await call.side.gate.own_consent(call.request, call.request.path_params["consent"])
    return answer(_authorization(found, terms, await call.side.time.of_permissions()))


async def end_authorization(call: Call) -> Response:
    """DELETE /authorizations/{consent}."""
    found, _ = await call.side.gate.own_consent(call.request, call.request.path_params["consent"])
    await call.side.gate.end(found)
    return answer(None, status=204)


async def accounts(call: Call) -> Response:
    """GET /accounts."""
    admitted, found = await call.shared("accounts")
    asking.query(call.request)
    await call.side.gate.count(admitted, call.path)
    holdings = [await call.side.books.holding(each) for each in found if each.kind != "card"]
    return answer({"accounts": [render.account(each, call.side.bank.bic) for each in holdings]})


async def account(call: Call) -> Response:
    """GET /accounts/{account}."""
    admitted, found = await call.one("accounts")
    asking.query(call.request)
    await call.side.gate.count(admitted, call.path)
    return answer(render.account(await call.side.books.holding(found), call.side.bank.bic))


async def transactions(call: Call) -> Response:
    """GET /accounts/{account}/transactions."""
    admitted, found = await call.one("transactions")
    asked = asking.query(call.request, "fromDate", "toDate", _CURSOR)
    statement = await call.side.reader.statement(admitted, found, _wish(call, admitted, asked))
    shown = [render.transaction(each, found, call.side.zone) for each in statement.booked]
    return _page(call, asked, statement, shown)


async def cards(call: Call) -> Response:
    """GET /cards."""
    admitted, found = await call.shared("cards")
    asking.query(call.request)
    await call.side.gate.count(admitted, call.path)
    holdings = [await call.side.books.holding(each) for each in found if each.card]
    return answer({"cards": [render.card(each) for each in holdings]})


async def card_transactions(call: Call) -> Response:
    """GET /cards/{card}/transactions."""
    admitted, found = await call.shared("cards")
    asked = asking.query(call.request, "fromDate", "toDate", _CURSOR)
    named = call.request.path_params["card"]
    account = next((each for each in found if each.card and render.card_id(each) == named), None)
    if account is None:
        raise Refused(Reason.ACCOUNT_UNKNOWN, "The customer shared no such card")
    statement = await call.side.reader.statement(admitted, account, _wish(call, admitted, asked, account))
    shown = [render.card_transaction(each, call.side.zone) for each in statement.booked]
    return _page(call, asked, statement, shown)


def _wish(call: Call, admitted: Admitted, asked: Mapping[str, str], card: Account | None = None) -> Wish:
    period = asking.days_between(asked, "fromDate", "toDate", call.side.zone)
    since, until = asking.narrowed(period, admitted.terms.since, admitted.terms.until)

    def with_card(entry: Entry) -> bool:
        return card is not None and entry.details.get("card") == card.card

    return Wish(
        resource=call.path,
        query=asking.rest(asked, _CURSOR),
        limit=asking.PAGE_SIZE,
        cursor=asked.get(_CURSOR),
        since=since,
        until=until,
        wanted=with_card if card else None,
    )


def _page(call: Call, asked: Mapping[str, str], statement: Statement, shown: list[Json]) -> Response:
    links = {"self": {"href": call.link(call.path, asked)}}
    body: Json = {"transactions": shown, "_links": links}
    if statement.next_cursor:
        body[_CURSOR] = statement.next_cursor
        following = asking.rest(asked, _CURSOR) | {_CURSOR: statement.next_cursor}
        links["next"] = {"href": call.link(call.path, following)}
    return answer(body)


def _check_instants(instants: Mapping[str, datetime], now: datetime) -> None:
    expires, since, until = (instants.get(name) for name in _INSTANTS)
    if bool(expires) is bool(since or until):
        raise Refused(Reason.FIELD_INVALID, "Either expires, or transactionFrom and transactionTo", place="expires")
    if expires and not now < expires <= now + _LASTS_AT_MOST:
        raise Refused(Reason.PERIOD_INVALID, "In the future, and within 90 days", place="expires")
    if expires:
        return
    if since is None or until is None:
        missing = "transactionTo" if since else "transactionFrom"
        raise Refused(Reason.FIELD_MISSING, "A period has a beginning and an end", place=missing)
    if not now - _HISTORY_AT_MOST <= since <= until:
        raise Refused(Reason.PERIOD_INVALID, "At most 730 days ago, and before its end", place="transactionFrom")


def _authorization(consent: Consent, terms: Terms, now: datetime) -> Json:
    return {
        "authorizationId": consent.id,
        "created": render.moment(consent.created_at),
        "modified": render.moment(consent.history[-1].at),
        "status": _STATUS[consent.state_at(now)],
        **({"authorized": render.moment(consent.authenticated_at)} if consent.authenticated_at else {}),
        **terms.asked,
    }


DIALECT: Final = Dialect(
    name="op_finland",
    prefix=f"{render.BASE}/",
    routes=(
        route(f"{render.BASE}/authorizations", ask, "POST"),
        route(f"{render.BASE}/authorizations/{{consent}}", authorization, "GET"),
        route(f"{render.BASE}/authorizations/{{consent}}", end_authorization, "DELETE"),
        route(f"{render.BASE}/accounts", accounts),
        route(f"{render.BASE}/accounts/{{account}}", account),
        route(f"{render.BASE}/accounts/{{account}}/transactions", transactions),
        route(f"{render.BASE}/cards", cards),
        route(f"{render.BASE}/cards/{{card}}/transactions", card_transactions),
    ),
    refuse=refuse,
    checking=checking,
    attended_by="x-fapi-customer-ip-address",
    echoed="x-fapi-interaction-id",
    scopes=frozenset({"openid", "accounts", "offline_access"}),
    policy={
        "pushing_required": False,
        "auth_methods": ("client_secret_post", "client_secret_basic", "private_key_jwt"),
    },
)
