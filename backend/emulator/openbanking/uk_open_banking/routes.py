"""UK Open Banking's routes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from backend.emulator.ledger.journal import Entry
from backend.emulator.oauth.consents import Consent, State, received
from backend.emulator.openbanking import asking
from backend.emulator.openbanking.dialect import Dialect
from backend.emulator.openbanking.facts import Account, Product, Transaction
from backend.emulator.openbanking.gate import Admitted
from backend.emulator.openbanking.reading import Wish
from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.side import Call, answer, route
from backend.emulator.openbanking.terms import Terms
from backend.emulator.openbanking.uk_open_banking import permissions, render
from backend.emulator.openbanking.uk_open_banking.refusing import refuse
from backend.kernel.ids import new_token

Json = dict[str, Any]
_BASE: Final = "/open-banking/v3.1/aisp"
_PURPOSE: Final = "Account information, as agreed with you there"
_CURSOR: Final = "page"
_SINCE, _UNTIL = "fromBookingDateTime", "toBookingDateTime"
_READS_A_DAY: Final = 4
_INSTANTS: Final = ("ExpirationDateTime", "TransactionFromDateTime", "TransactionToDateTime")
_STATUS: Final = {
    State.RECEIVED: "AwaitingAuthorisation",
    State.VALID: "Authorised",
    State.REJECTED: "Rejected",
    State.REVOKED: "Revoked",
}


async def ask(call: Call) -> Response:
    """POST /account-access-consents."""
    client_id = await call.side.gate.third_party(call.request)
    body = await asking.read_object(call.request)
    data = body.get("Data")
    if not isinstance(data, dict) or not isinstance(body.get("Risk"), dict):
        place = "Risk" if isinstance(data, dict) else "Data"
        raise Refused(Reason.FIELD_MISSING, "This field is needed", place=place)
    codes = asking.texts(data, "Permissions", permissions.PLACE)
    now = await call.side.time.of_permissions()
    instants = {name: asking.instant(data[name], f"Data.{name}") for name in _INSTANTS if data.get(name) is not None}
    ends_at, since, until = (instants.get(name) for name in _INSTANTS)
    if (ends_at and ends_at <= now) or (since and until and until < since):
        raise Refused(Reason.PERIOD_INVALID, "This time is over before it begins", place="Data")
    consent = received(
        consent_id=f"urn-{call.side.bank.id}-{new_token()[:24]}",
        bank=call.side.bank.id,
        client_id=client_id,
        permissions=permissions.read(codes),
        purpose=_PURPOSE,
        now=now,
        valid_until=ends_at,
    )
    asked = {"Permissions": codes} | {name: render.moment(at) for name, at in instants.items()}
    terms = Terms(
        consent_id=consent.id, asked=asked, codes=frozenset(codes), since=since, until=until, reads_a_day=_READS_A_DAY
    )
    await call.side.gate.receive(consent, terms)
    return answer(_consent(call, consent, terms), status=201)


async def consent(call: Call) -> Response:
    """GET /account-access-consents/{consent}."""
    found, terms = await call.side.gate.own_consent(call.request, call.request.path_params["consent"])
    return answer(_consent(call, found, terms))


async def end_consent(call: Call) -> Response:
    """DELETE /account-access-consents/{consent}."""
    found, _ = await call.side.gate.own_consent(call.request, call.request.path_params["consent"])
    await call.side.gate.end(found)
    return answer(None, status=204)


@dataclass(frozen=True, slots=True)
class Shared:
    """What a call is about: accounts, and loans that are told of like accounts."""

    admitted: Admitted
    accounts: Sequence[Account]
    loans: Sequence[Product]

    @property
    def codes(self) -> frozenset[str]:
        """The permission codes."""
        return self.admitted.terms.codes


async def accounts(call: Call) -> Response:
    """GET /accounts and /accounts/{account}."""
    shared = await _counted(call, "accounts")
    shown = [render.account(each, shared.codes) for each in shared.accounts]
    shown += [render.loan(each, call.side.bank, shared.codes) for each in shared.loans]
    return _answered(call, {"Account": shown})


async def balances(call: Call) -> Response:
    """GET /balances and /accounts/{account}/balances."""
    shared = await _counted(call, "balances")
    now = await call.side.time.now()
    shown = [
        balance for each in shared.accounts for balance in render.balances(each, await call.side.books.balance(each))
    ]
    shown += [balance for each in shared.loans for balance in render.loan_balances(each, now)]
    return _answered(call, {"Balance": shown})


async def products(call: Call) -> Response:
    """GET /products and /accounts/{account}/product."""
    shared = await _counted(call, "products")
    shown = [render.product(each) for each in shared.accounts]
    shown += [render.loan_product(each) for each in shared.loans]
    return _answered(call, {"Product": shown})


async def standing_orders(call: Call) -> Response:
    """GET /standing-orders and /accounts/{account}/standing-orders."""
    shared = await _counted(call, "standing-orders")
    today = (await call.side.time.now()).astimezone(call.side.zone).date()
    shown = [
        render.standing_order(order, shared.codes, today)
        for each in shared.accounts
        for order in await call.side.books.standing_orders(each)
    ]
    return _answered(call, {"StandingOrder": shown})


async def transactions(call: Call) -> Response:
    """GET /accounts/{account}/transactions."""
    shared = await _shared(call, "transactions")
    asked = asking.query(call.request, _SINCE, _UNTIL, _CURSOR)
    if not shared.accounts:
        await call.side.gate.count(shared.admitted, call.path)
        return _answered(call, {"Transaction": []})
    admitted = shared.admitted
    period = asking.instants_between(asked, _SINCE, _UNTIL)
    since, until = asking.narrowed(period, admitted.terms.since, admitted.terms.until)
    wish = Wish(
        resource=call.path,
        query=asking.rest(asked, _CURSOR),
        limit=asking.PAGE_SIZE,
        cursor=asked.get(_CURSOR),
        since=since,
        until=until,
        has_pending=True,
        wanted=_direction(shared.codes),
    )
    statement = await call.side.reader.statement(admitted, shared.accounts[0], wish)
    pending = [each for each in statement.pending if _is_wanted(each, shared.codes)]
    shown = [render.transaction(each, call.side.bank, shared.codes) for each in (*pending, *statement.booked)]
    following = asking.rest(asked, _CURSOR) | {_CURSOR: statement.next_cursor} if statement.next_cursor else None
    return _answered(call, {"Transaction": shown}, following)


def _direction(codes: frozenset[str]) -> Callable[[Entry], bool] | None:
    """Which entries may be seen; None for all."""
    if codes >= {"ReadTransactionsCredits", "ReadTransactionsDebits"}:
        return None
    is_credits = "ReadTransactionsCredits" in codes
    return lambda entry: (entry.amount.amount > 0) is is_credits


def _is_wanted(transaction: Transaction, codes: frozenset[str]) -> bool:
    return ("ReadTransactionsDebits" if transaction.amount < 0 else "ReadTransactionsCredits") in codes


async def _counted(call: Call, permission: str) -> Shared:
    shared = await _shared(call, permission)
    asking.query(call.request)
    await call.side.gate.count(shared.admitted, call.path)
    return shared


async def _shared(call: Call, permission: str) -> Shared:
    bank, books = call.side.bank.id, call.side.books
    named = call.request.path_params.get("account")
    admitted = await call.side.gate.admit(call.request, permission=permission, account=named)
    ids = [named] if named else admitted.accounts(permission)
    shared = Shared(admitted, await books.accounts(bank, ids), await books.products(bank, ids))
    if named and not shared.accounts and not shared.loans:
        raise Refused(Reason.ACCOUNT_UNKNOWN, "The customer shared no such account")
    return shared


def _answered(call: Call, data: Json, following: Mapping[str, str] | None = None) -> Response:
    links = {"Self": call.address(call.path, dict(call.request.query_params))}
    if following:
        links["Next"] = call.address(call.path, following)
    return answer({"Data": data, "Links": links, "Meta": {} if following else {"TotalPages": 1}})


def _consent(call: Call, consent: Consent, terms: Terms) -> Json:
    last = consent.history[-1]
    state = consent.state
    if state is State.EXPIRED:
        # Version 3.1 has no word for it: the consent keeps the state it had.
        state = State.VALID if consent.authenticated_at else State.RECEIVED
    data = {
        "ConsentId": consent.id,
        "Status": _STATUS[state],
        "StatusUpdateDateTime": render.moment(last.at),
        "CreationDateTime": render.moment(consent.created_at),
        **terms.asked,
    }
    links = {"Self": call.address(f"{_BASE}/account-access-consents/{consent.id}")}
    return {"Data": data, "Risk": {}, "Links": links, "Meta": {"TotalPages": 1}}


DIALECT: Final = Dialect(
    name="uk_open_banking",
    prefix="/open-banking/",
    routes=(
        route(f"{_BASE}/account-access-consents", ask, "POST"),
        route(f"{_BASE}/account-access-consents/{{consent}}", consent, "GET"),
        route(f"{_BASE}/account-access-consents/{{consent}}", end_consent, "DELETE"),
        route(f"{_BASE}/accounts", accounts),
        route(f"{_BASE}/accounts/{{account}}", accounts),
        route(f"{_BASE}/balances", balances),
        route(f"{_BASE}/accounts/{{account}}/balances", balances),
        route(f"{_BASE}/products", products),
        route(f"{_BASE}/accounts/{{account}}/product", products),
        route(f"{_BASE}/standing-orders", standing_orders),
        route(f"{_BASE}/accounts/{{account}}/standing-orders", standing_orders),
        route(f"{_BASE}/accounts/{{account}}/transactions", transactions),
    ),
    refuse=refuse,
    attended_by="x-fapi-customer-ip-address",
    echoed="x-fapi-interaction-id",
    scopes=frozenset({"openid", "accounts", "offline_access"}),
    policy={"pushing_required": True, "auth_methods": ("private_key_jwt", "client_secret_basic")},
    tells_of_loans=True,
)
