"""Pages: templates rendered for a bank, with the headers that keep them safe; no scripts anywhere."""

import hashlib
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from backend.emulator.oauth.banks import Bank
from backend.emulator.oauth.permissions import in_words

_HERE: Final = Path(__file__).parent
_STYLE: Final = (_HERE / "style.css").read_text()
SAFE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_DAY_FORMAT: Final = "%-d %B %Y"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["day"] = lambda instant: instant.strftime(_DAY_FORMAT)
    environment.filters["moment"] = lambda instant: instant.strftime(f"{_DAY_FORMAT}, %H:%M UTC")
    environment.filters["in_words"] = in_words
    return environment


_ENVIRONMENT: Final = _environment()


def page(template: str, bank: Bank | None, *, status: int = 200, **shown: Any) -> Response:
    """``template`` drawn for ``bank`` (None: for a place that is no bank)."""
    name = bank.name if bank else "Emulated banks"
    monogram = "".join(word[0] for word in name.split()[:2]).upper()
    html = _ENVIRONMENT.get_template(template).render(
        bank_name=name, monogram=monogram, style=f"/style.css?v={_style_version(bank)}", **shown
    )
    return HTMLResponse(html, status_code=status, headers=SAFE_HEADERS)


def error_page(bank: Bank | None, title: str, sentence: str, *, status: int) -> Response:
    """The page that says what went wrong and what to do."""
    return page("error.html", bank, status=status, title=title, sentence=sentence)


def see_other(address: str) -> Response:
    """303: whatever was posted, the browser goes on with GET."""
    return RedirectResponse(address, status_code=303, headers=SAFE_HEADERS)


def style_sheet(bank: Bank | None) -> Response:
    """The style sheet in the bank's colour."""
    return Response(
        _style_of(bank),
        media_type="text/css",
        headers={"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"},
    )


def _style_of(bank: Bank | None) -> str:
    return f":root {{ --brand: {bank.colour if bank else '#3d4f58'}; }}\n{_STYLE}"


def _style_version(bank: Bank | None) -> str:
    return hashlib.sha256(_style_of(bank).encode()).hexdigest()[:12]
