"""The bank's own places for its customers: the bank app with codes and requests, and the permissions page."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.emulator.oauth.approvals import CHOOSE_ONE, WRONG_LOG_IN
from backend.emulator.oauth.consents import State
from backend.emulator.oauth.journeys import Step
from backend.emulator.oauth.services import OAuthServices
from backend.emulator.oauth.sessions import Place, Session
from backend.emulator.oauth.web.approving import Visit
from backend.emulator.oauth.web.browsers import cookie_name, drop_cookie, set_cookie
from backend.emulator.oauth.web.pages import page, see_other
from backend.kernel import clock

_TITLES: Final[dict[Place, str]] = {"app": "Bank app", "permissions": "Your permissions"}


@dataclass(frozen=True, slots=True)
class Home:
    """A visit of a customer who is logged in at one of the places."""

    visit: Visit
    place: Place
    session: Session
    services: OAuthServices

    @property
    def purpose(self) -> str:
        """What forms here are bound to: this very log-in."""
        return f"{self.place} {self.session.secret}"

    @property
    def csrf(self) -> str:
        """What the forms here carry."""
        return self.visit.browser.csrf(self.purpose)


Inside = Callable[[Home], Awaitable[Response]]
Handler = Callable[[Request], Awaitable[Response]]


def at(place: Place, inside: Inside) -> Handler:
    """The handler that lets only customers in who are logged in at ``place``; all others to its log-in."""

    async def handle(request: Request) -> Response:
        visit = Visit(request)
        services: OAuthServices = request.app.state.oauth
        secret = request.cookies.get(cookie_name(visit.bank, place))
        session = await services.sessions.find(visit.bank.slug, place, secret, clock.now())
        if session is None:
            return see_other(f"/{place}/log-in")
        return await inside(Home(visit, place, session, services))

    return handle


def log_in_page(place: Place) -> Handler:
    """The log-in of ``place``."""

    async def handle(request: Request) -> Response:
        visit = Visit(request)
        drawn = _log_in(visit, place, note="")
        return visit.browser.remembered(drawn)

    return handle


def log_in(place: Place) -> Handler:
    """Log in at ``place``."""

    async def handle(request: Request) -> Response:
        visit = Visit(request)
        form = await visit.browser.form(request, place)
        customer = await visit.approvals.log_in(form.text("user"), form.text("password"))
        if customer is None:
            return _log_in(visit, place, note=WRONG_LOG_IN, status=422)
        services: OAuthServices = request.app.state.oauth
        secret = await services.sessions.open(visit.bank.slug, place, customer.id, clock.now())
        response = see_other(f"/{place}")
        set_cookie(response, visit.bank, place, secret, same_site="strict")
        return response

    return handle


async def log_out(home: Home) -> Response:
    """Log out."""
    await home.visit.browser.form(home.visit.request, home.purpose)
    await home.services.sessions.close(home.visit.bank.slug, home.place, home.session.secret)
    response = see_other(f"/{home.place}/log-in")
    drop_cookie(response, home.visit.bank, home.place)
    return response


async def app(home: Home) -> Response:
    """The bank app: codes to type elsewhere, and requests to decide right here."""
    return await _app(home)


async def decide(home: Home) -> Response:
    """Allow or refuse in the app."""
    form = await home.visit.browser.form(home.visit.request, home.purpose)
    approvals = home.visit.approvals
    journey = await approvals.journeys.in_app(
        home.visit.bank.slug, home.visit.request.path_params["journey"], home.session.customer_id, clock.now()
    )
    if form.text("decision") != "allow":
        await approvals.refuse(journey)
    elif not await approvals.approve_in_app(journey, form.all("account")):
        return await _app(home, note=CHOOSE_ONE, status=422)
    return see_other("/app")


async def permissions(home: Home) -> Response:
    """All that the customer ever gave or refused."""
    approvals = home.visit.approvals
    now = clock.now()
    given = await approvals.given(home.session.customer_id)
    issuer = home.visit.bank.issuer
    used = await home.services.shelves.grants.last_used(issuer, [consent.id for consent in given])
    rows = [
        {
            "consent": consent,
            "client_name": await approvals.client_name(consent.client_id),
            "state": consent.state_at(now),
            "last_used": used.get(consent.id),
        }
        for consent in given
    ]
    return page(
        "permissions.html", home.visit.bank, csrf=home.csrf, customer=await _customer(home),
        accounts={account.id: account for account in await approvals.accounts(home.session.customer_id)},
        active=[row for row in rows if row["state"] is State.VALID],
        ended=[row for row in rows if row["state"] is not State.VALID],
    )  # fmt: skip


async def take_back(home: Home) -> Response:
    """Revoke one consent."""
    await home.visit.browser.form(home.visit.request, home.purpose)
    await home.visit.approvals.take_back(home.session.customer_id, home.visit.request.path_params["consent"])
    return see_other("/permissions")


async def _app(home: Home, *, note: str = "", status: int = 200) -> Response:
    approvals = home.visit.approvals
    waiting = await approvals.journeys.waiting(home.visit.bank.slug, home.session.customer_id, clock.now())
    asked = [await approvals.asked(journey) for journey in waiting]
    return page(
        "app.html", home.visit.bank, status=status, csrf=home.csrf, note=note, customer=await _customer(home),
        codes=[(each, approvals.journeys.code(each.journey)) for each in asked if each.journey.step is Step.CODE],
        requests=[each for each in asked if each.journey.step is Step.APP],
    )  # fmt: skip


async def _customer(home: Home) -> str:
    customer = await home.visit.approvals.customer(home.session.customer_id)
    return customer.name if customer else ""


def _log_in(visit: Visit, place: Place, *, note: str, status: int = 200) -> Response:
    return page(
        "home_log_in.html", visit.bank, status=status, place=place, title=_TITLES[place], note=note,
        csrf=visit.browser.csrf(place),
    )  # fmt: skip


def _place(place: Place, inside: Inside) -> list[Route]:
    return [
        Route(f"/{place}", at(place, inside), methods=["GET"]),
        Route(f"/{place}/log-in", log_in_page(place), methods=["GET"]),
        Route(f"/{place}/log-in", log_in(place), methods=["POST"]),
        Route(f"/{place}/log-out", at(place, log_out), methods=["POST"]),
    ]


ROUTES = [
    *_place("app", app),
    Route("/app/requests/{journey}", at("app", decide), methods=["POST"]),
    *_place("permissions", permissions),
    Route("/permissions/{consent:path}/revoke", at("permissions", take_back), methods=["POST"]),
]
