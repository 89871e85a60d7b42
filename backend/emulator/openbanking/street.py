"""The page for whoever calls at no bank: all banks there are, with links."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.emulator.oauth.web.pages import SAFE_HEADERS, style_sheet

_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Door:
    """A bank as the page shows it."""

    name: str
    address: str
    speaks: str


def create_street(doors: Sequence[Door]) -> ASGIApp:
    """An application that shows the doors: 200 at the root, 404 with the same page elsewhere."""

    async def street(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        response = _answer(Request(scope, receive), doors)
        await response(scope, receive, send)

    return street


def _answer(request: Request, doors: Sequence[Door]) -> Response:
    if request.url.path == "/style.css":
        return style_sheet(None)
    html = _ENVIRONMENT.get_template("banks.html").render(doors=doors)
    return HTMLResponse(html, status_code=200 if request.url.path == "/" else 404, headers=SAFE_HEADERS)
