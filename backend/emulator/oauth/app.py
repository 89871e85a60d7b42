"""The application: every bank's authorization server and customer pages, told apart by host name."""

from collections.abc import Awaitable, Callable
from typing import Final

from pymongo.errors import PyMongoError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backend.emulator.oauth.services import OAuthServices
from backend.emulator.oauth.web import approving, at_home, endpoints
from backend.emulator.oauth.web.endpoints import bank_of
from backend.emulator.oauth.web.pages import SAFE_HEADERS, error_page, page, style_sheet
from backend.kernel.errors import NotFound, OpenFinanceError

_TITLES: Final = {
    403: "This form was not accepted",
    404: "There is nothing here",
    405: "That is not how this address is used",
    421: "No bank lives here",
}
_OAUTH_ERRORS: Final = {500: "server_error", 503: "temporarily_unavailable"}
_SENTENCES: Final = {
    404: "Check the address, or begin again where you came from.",
    405: "Begin again where you came from.",
}


def create_oauth_app(services: OAuthServices) -> Starlette:
    """An application to serve by itself or to mount at the root of another; it holds no global state."""
    handlers: dict[type[Exception] | int, Callable[[Request, Exception], Awaitable[Response]]] = {
        HTTPException: _refused,
        OpenFinanceError: _in_our_words,
        PyMongoError: _unavailable,
        500: _failed,
    }
    app = Starlette(
        routes=[
            *endpoints.ROUTES,
            *approving.ROUTES,
            *at_home.ROUTES,
            Route("/style.css", _style, methods=["GET"]),
            Route("/", _front_door, methods=["GET"]),
        ],
        exception_handlers=handlers,
    )
    app.state.oauth = services
    return app


async def _style(request: Request) -> Response:
    services: OAuthServices = request.app.state.oauth
    return style_sheet(services.directory.by_host(request.headers.get("host", "")))


async def _front_door(request: Request) -> Response:
    return page("front_door.html", bank_of(request))


async def _refused(request: Request, error: Exception) -> Response:
    status, sentence = 500, ""
    if isinstance(error, HTTPException):
        status, sentence = error.status_code, _SENTENCES.get(error.status_code, error.detail)
    return _told(request, status, _TITLES.get(status, "That did not work"), sentence)


async def _in_our_words(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, OpenFinanceError) else NotFound()
    return _told(request, known.status, known.title, str(known))


async def _unavailable(request: Request, _error: Exception) -> Response:
    return _told(request, 503, "The bank is resting", "Please try again in a moment.")


async def _failed(request: Request, _error: Exception) -> Response:
    return _told(request, 500, "Something went wrong on our side", "Please try again in a moment.")


def _told(request: Request, status: int, title: str, sentence: str) -> Response:
    services: OAuthServices = request.app.state.oauth
    if request.url.path.startswith("/oauth/") and request.method != "GET":
        error = _OAUTH_ERRORS.get(status, "invalid_request")
        return JSONResponse({"error": error, "error_description": sentence}, status_code=status, headers=SAFE_HEADERS)
    bank = services.directory.by_host(request.headers.get("host", ""))
    return error_page(bank, title, sentence, status=status)
