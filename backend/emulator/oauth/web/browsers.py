"""Browsers: their cookies, their forms, and whether a form was really sent from our own page."""

import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backend.emulator.oauth.banks import Bank
from backend.kernel.ids import KeyedHash, new_token
from backend.oauth.calls import BODY_BYTES_MAX

_FIELDS_MAX: Final = 200


async def read_body(request: Request) -> bytes:
    """The body, if it is no larger than a form may be; HTTP 413 otherwise."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise HTTPException(413, "The form is too large")
    return bytes(body)


@dataclass(frozen=True, slots=True)
class Form:
    """A posted form."""

    fields: dict[str, list[str]]

    def text(self, name: str) -> str:
        """The field's first value, or nothing."""
        return self.fields.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """All values of the field."""
        return self.fields.get(name, [])


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser at one bank, known by a secret that it carries in a cookie."""

    bank: Bank
    secret: str
    is_new: bool
    keyed_hash: KeyedHash

    @classmethod
    def of(cls, request: Request, bank: Bank, keyed_hash: KeyedHash) -> "Browser":
        """The browser that sent ``request``."""
        carried = request.cookies.get(cookie_name(bank, "browser"))
        return cls(bank, carried or new_token(), carried is None, keyed_hash)

    def csrf(self, purpose: str) -> str:
        """What a form for ``purpose`` carries to show that we drew it for this browser."""
        return self.keyed_hash.digest("oauth-csrf", self.bank.slug, self.secret, purpose).hex()

    async def form(self, request: Request, purpose: str) -> Form:
        """The posted form; HTTP 403 when it does not come from our own page for ``purpose``."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise HTTPException(403, "The form was sent from another site")
        body = await read_body(request)
        try:
            fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
        except ValueError as error:
            raise HTTPException(400, "The form cannot be read") from error
        form = Form(fields)
        if self.is_new or not hmac.compare_digest(form.text("csrf").encode(), self.csrf(purpose).encode()):
            raise HTTPException(403, "The form is stale; go back, load the page again and repeat")
        return form

    def remembered(self, response: Response) -> Response:
        """``response`` with the cookie that makes this browser known."""
        if self.is_new:
            set_cookie(response, self.bank, "browser", self.secret, same_site="lax")
        return response


def cookie_name(bank: Bank, name: str) -> str:
    """The cookie's name; behind TLS with the prefix that binds it to this host."""
    return f"__Host-{name}" if _has_tls(bank) else name


def set_cookie(response: Response, bank: Bank, name: str, value: str, *, same_site: str) -> None:
    """A cookie of this host alone, out of reach of scripts, gone when the browser closes."""
    response.headers.append("Set-Cookie", _cookie(bank, name, value, same_site))


def drop_cookie(response: Response, bank: Bank, name: str) -> None:
    """Take the cookie back."""
    response.headers.append("Set-Cookie", _cookie(bank, name, "", "strict") + "; Max-Age=0")


def _cookie(bank: Bank, name: str, value: str, same_site: str) -> str:
    secure = "; Secure" if _has_tls(bank) else ""
    return f"{cookie_name(bank, name)}={value}; Path=/; HttpOnly; SameSite={same_site.capitalize()}{secure}"


def _has_tls(bank: Bank) -> bool:
    return bank.issuer.startswith("https:")
