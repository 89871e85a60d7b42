"""The pages of a journey: where a customer sent by a third party logs in, looks, decides and goes back."""

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.emulator.oauth.approvals import Approvals
from backend.emulator.oauth.journeys import Gone, Journey, Step
from backend.emulator.oauth.services import OAuthServices
from backend.emulator.oauth.web.browsers import Browser, Form
from backend.emulator.oauth.web.endpoints import bank_of
from backend.emulator.oauth.web.pages import error_page, page, see_other
from backend.kernel import clock
from backend.oauth.authorizations import AuthorizationRequest, answer_address
from backend.oauth.calls import read_parameters
from backend.oauth.metadata import PATHS

_TEMPLATES = {
    Step.LOG_IN: "log_in.html",
    Step.REVIEW: "review.html",
    Step.CODE: "code.html",
    Step.APPROVED: "done.html",
    Step.REFUSED: "done.html",
}


class Visit:
    """One request of a browser at a bank."""

    def __init__(self, request: Request) -> None:
        services: OAuthServices = request.app.state.oauth
        self.request = request
        self.bank = bank_of(request)
        self.approvals: Approvals = services.approvals[self.bank.slug]
        self.browser = Browser.of(request, self.bank, services.keyed_hash)

    async def journey(self) -> Journey:
        """The journey in the path; Gone if it is not open for this browser."""
        journey_id = self.request.path_params["journey"]
        return await self.approvals.journeys.of_browser(self.bank.slug, journey_id, self.browser.secret, clock.now())

    async def posted(self) -> tuple[Journey, Form]:
        """The journey in the path and the form posted to it."""
        form = await self.browser.form(self.request, self.request.path_params["journey"])
        return await self.journey(), form


async def authorize(request: Request) -> Response:
    """Begin a journey, or tell at once what is wrong: the client where it may be told, else the customer."""
    visit = Visit(request)
    try:
        parameters = read_parameters(request.url.query)
        asked = await visit.approvals.service.asked(parameters)
        return await _begun(visit, asked)
    except OAuth2Error as error:
        if error.redirect_uri:
            told = {"error": str(error.error), "error_description": str(error.description)}
            return see_other(answer_address(error.redirect_uri, visit.bank.issuer, error.state, told))
        sentence = f"{error.description or 'It cannot be used'} ({error.error}). Nothing was shared."
        return error_page(visit.bank, "This request cannot be opened", sentence, status=400)


async def _begun(visit: Visit, asked: AuthorizationRequest) -> Response:
    journey_id = await visit.approvals.begin(asked, visit.browser.secret)
    if journey_id is None:
        raise InvalidRequestError(
            "The request names no consent that waits for a decision",
            redirect_uri=asked.answer_uri,
            state=asked.parameters.get("state"),
        )
    return visit.browser.remembered(see_other(f"/approve/{journey_id}"))


async def show(request: Request) -> Response:
    """The page of the step the journey is at."""
    visit = Visit(request)
    journey = await visit.journey()
    template = _TEMPLATES.get(journey.step)
    if template is None:
        raise Gone("You have already gone back; close this page")
    asked = await visit.approvals.asked(journey)
    return page(template, visit.bank, asked=asked, csrf=visit.browser.csrf(journey.id), base=f"/approve/{journey.id}")


async def log_in(request: Request) -> Response:
    """The first factor."""
    visit = Visit(request)
    journey, form = await visit.posted()
    await visit.approvals.log_in_to(journey, form.text("user"), form.text("password"))
    return _onwards(journey)


async def choose(request: Request) -> Response:
    """The accounts."""
    visit = Visit(request)
    journey, form = await visit.posted()
    await visit.approvals.choose(journey, form.all("account"))
    return _onwards(journey)


async def choose_again(request: Request) -> Response:
    """Back to the accounts; the old code is worth nothing any more."""
    visit = Visit(request)
    journey, _ = await visit.posted()
    await visit.approvals.journeys.signal("choose again", journey, clock.now())
    return _onwards(journey)


async def enter_code(request: Request) -> Response:
    """The second factor, which is also the approval."""
    visit = Visit(request)
    journey, form = await visit.posted()
    await visit.approvals.enter_code(journey, form.text("code"))
    return _onwards(journey)


async def refuse(request: Request) -> Response:
    """No."""
    visit = Visit(request)
    journey, _ = await visit.posted()
    await visit.approvals.refuse(journey)
    return _onwards(journey)


async def go_back(request: Request) -> Response:
    """Back to the third party, with a code or without."""
    visit = Visit(request)
    journey = await visit.journey()
    if journey.step is Step.ANSWERED:
        raise Gone("You have already gone back; close this page")
    if journey.step not in (Step.APPROVED, Step.REFUSED):
        raise HTTPException(409, "Decide first")
    return see_other(await visit.approvals.answer(journey))


def _onwards(journey: Journey) -> Response:
    return see_other(f"/approve/{journey.id}")


ROUTES = [
    Route(PATHS["authorization_endpoint"], authorize, methods=["GET"]),
    Route("/approve/{journey}", show, methods=["GET"]),
    Route("/approve/{journey}/log-in", log_in, methods=["POST"]),
    Route("/approve/{journey}/accounts", choose, methods=["POST"]),
    Route("/approve/{journey}/accounts/again", choose_again, methods=["POST"]),
    Route("/approve/{journey}/code", enter_code, methods=["POST"]),
    Route("/approve/{journey}/refuse", refuse, methods=["POST"]),
    Route("/approve/{journey}/return", go_back, methods=["GET"]),
]
