"""Two banks and what is outside of them: a book of customers, third parties, and people who click."""

import base64
import hashlib
import html
import itertools
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
from argon2 import PasswordHasher
from joserfc import jwt
from joserfc.jwk import ECKey

from backend.emulator.oauth.banks import Bank
from backend.emulator.oauth.consents import Consent, received
from backend.emulator.oauth.customers import Customer, CustomerAccount, Passwords
from backend.emulator.oauth.services import OAuthServices
from backend.kernel import clock
from backend.oauth.clients import Client
from backend.oauth.policy import Policy
from backend.oauth.signatures import ASSERTION_TYPE

PASSWORD = "correct horse battery staple"
PASSWORDS = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
CALLBACK = "https://leafy.example/callback"
SCOPES = frozenset({"AIS", "accounts", "offline"})
_numbers = itertools.count(1)


def bank(slug: str = "green-bank", *, port: int | None = None, **rules: Any) -> Bank:
    host = f"{slug}.localhost"
    issuer = f"http://{host}:{port}" if port else f"http://{host}"
    name = slug.replace("-", " ").title()
    return Bank(slug=slug, name=name, host=host, policy=Policy(issuer=issuer, scopes=SCOPES, **rules))


GREEN = bank(reference_name="consent_id")
OLD = bank(
    "old-bank",
    pushing_required=False,
    auth_methods=("private_key_jwt", "client_secret_basic", "client_secret_post"),
    refresh_rotates=True,
)


class Book:
    """The customers of a bank, kept by hand."""

    def __init__(self) -> None:
        hashed = PASSWORDS.hash(PASSWORD)
        self.people = {
            "anna": Customer("c-anna", "Anna Virtanen", hashed),
            "bert": Customer("c-bert", "Bert Ng", hashed),
        }
        self.shelf = {
            "c-anna": [
                CustomerAccount("acc-1", "Everyday account", "•••• 5807", "Checking"),
                CustomerAccount("acc-2", "Rainy days", "•••• 1122", "Savings"),
                CustomerAccount("acc-3", "Home loan", "•••• 9001", "Loan"),
            ],
            "c-bert": [CustomerAccount("acc-9", "Bert's account", "•••• 0009")],
        }

    async def by_user_name(self, bank: str, user_name: str) -> Customer | None:
        return self.people.get(user_name) if bank else None

    async def by_id(self, bank: str, customer_id: str) -> Customer | None:
        return next((person for person in self.people.values() if bank and person.id == customer_id), None)

    async def accounts(self, bank: str, customer_id: str) -> Sequence[CustomerAccount]:
        return self.shelf.get(customer_id, []) if bank else []


def s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@dataclass
class ThirdParty:
    """A client with keys of its own, speaking HTTP to one bank."""

    http: httpx2.AsyncClient
    bank: Bank
    client_id: str
    name: str = "Leafy Insights"
    secret: str | None = None
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256"}))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    async def registered(self, services: OAuthServices, **more: Any) -> "ThirdParty":
        known = {
            "client_id": self.client_id,
            "name": self.name,
            "auth_method": "client_secret_basic" if self.secret else "private_key_jwt",
            "grant_types": frozenset({"authorization_code", "refresh_token", "client_credentials"}),
            "scopes": SCOPES,
            "redirect_uris": frozenset({CALLBACK}),
            "jwks": {"keys": [self.key.as_dict(private=False)]},
        }
        await services.shelves.clients.register(self.bank.issuer, Client(**known | more), secret=self.secret)
        return self

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(clock.now().timestamp())
        usual = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.bank.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        }
        return {name: value for name, value in (usual | changed).items() if value is not None}

    def assertion(self, *, key: Any = None, header: dict[str, Any] | None = None, **changed: Any) -> dict[str, str]:
        header = {"alg": "ES256", "kid": "k1"} if header is None else header
        signed = jwt.encode(header, self.claims(**changed), key or self.key, algorithms=[header["alg"]])
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}

    def proof(self) -> dict[str, str]:
        return {} if self.secret else self.assertion()

    async def post(self, path: str, form: Any, *, proof: dict[str, str] | None = None, **more: Any) -> Any:
        form = dict(form) | (self.proof() if proof is None else proof)
        auth = (self.client_id, self.secret) if self.secret and proof is None else None
        return await self.http.post(path, data=form, auth=auth or httpx2.USE_CLIENT_DEFAULT, **more)

    def request(self, consent_id: str, **changed: str | None) -> dict[str, str]:
        usual = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": f"AIS:{consent_id} offline",
            "state": "state-1",
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (usual | changed).items() if value is not None}

    async def push(
        self, consent_id: str = "none", *, proof: dict[str, str] | None = None, **changed: str | None
    ) -> Any:
        return await self.post("/oauth/par", self.request(consent_id, **changed), proof=proof)

    async def link(self, consent_id: str, **changed: str | None) -> str:
        """The address the third party sends its user to."""
        pushed = await self.push(consent_id, **changed)
        assert pushed.status_code == 201, pushed.text
        return "/oauth/authorize?" + urlencode(
            {"client_id": self.client_id, "request_uri": pushed.json()["request_uri"]}
        )

    async def redeem(self, code: str, *, proof: dict[str, str] | None = None, **changed: str | None) -> Any:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
        }
        form = {name: value for name, value in (form | changed).items() if value is not None}
        return await self.post("/oauth/token", form, proof=proof)

    async def refresh(self, token: str, *, proof: dict[str, str] | None = None, **more: str) -> Any:
        form = {"grant_type": "refresh_token", "refresh_token": token, **more}
        return await self.post("/oauth/token", form, proof=proof)

    async def is_active(self, token: str) -> bool:
        """Asked as the resource server that this client may also be."""
        answer = await self.post("/oauth/introspect", {"token": token})
        assert answer.status_code == 200, answer.text
        return answer.json()["active"]


class Person:
    """Somebody with a browser: keeps cookies, presses buttons, reads codes in the bank app."""

    def __init__(self, http: httpx2.AsyncClient, *, user: str = "anna", password: str = PASSWORD) -> None:
        self.http = http
        self.user = user
        self.password = password

    async def opens(self, link: str) -> httpx2.Response:
        return await self.http.get(link, follow_redirects=True)

    async def presses(self, page: httpx2.Response, button: str, **fields: Any) -> httpx2.Response:
        """Send the form that has ``button``, as a browser would."""
        action, hidden = form_with(page.text, button)
        return await self.http.post(
            action or str(page.url), data=hidden | fields, headers={"Sec-Fetch-Site": "same-origin"},
            follow_redirects=True,
        )  # fmt: skip

    async def logs_in(self, page: httpx2.Response) -> httpx2.Response:
        return await self.presses(page, "Log in", user=self.user, password=self.password)

    async def code_in_app(self) -> str:
        page = await self.opens("/app")
        if "Log in" in page.text:
            page = await self.logs_in(page)
        shown = re.search(r'class="big-code">(\d{3}) (\d{3})<', page.text)
        assert shown, page.text
        return shown[1] + shown[2]

    async def to_code(self, link: str, accounts: Sequence[str] = ("acc-1", "acc-2")) -> httpx2.Response:
        page = await self.logs_in(await self.opens(link))
        return await self.presses(page, "Continue", account=list(accounts))

    async def approves(self, link: str, accounts: Sequence[str] = ("acc-1", "acc-2")) -> dict[str, str]:
        """The whole way; what the third party gets back."""
        page = await self.to_code(link, accounts)
        page = await self.presses(page, "Approve", code=await self.code_in_app())
        assert "You allowed it" in page.text, page.text
        return await self.goes_back(page)

    async def goes_back(self, page: httpx2.Response) -> dict[str, str]:
        found = re.search(r'href="([^"]+/return)"', page.text)
        assert found, page.text
        response = await self.http.get(found[1])
        assert response.status_code == 303, response.text
        assert response.headers["location"].startswith(CALLBACK)
        return dict(parse_qsl(urlsplit(response.headers["location"]).query))


def form_with(text: str, button: str) -> tuple[str, dict[str, str]]:
    """The action and hidden fields of the form that has ``button``."""
    for form in re.findall(r"<form.*?</form>", text, re.DOTALL):
        for tag, label in re.findall(r"<button([^>]*)>([^<]*)</button>", form):
            if label.strip() == button:
                hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
                if own := re.search(r'name="([^"]+)" value="([^"]+)"', tag):
                    hidden[own[1]] = own[2]
                action = re.search(r'formaction="([^"]+)"', tag) or re.search(r'<form[^>]*action="([^"]+)"', form)
                return html.unescape(action[1]) if action else "", hidden
    raise AssertionError(f"There is no button {button!r} in {text}")


async def ask(services: OAuthServices, bank: Bank, client_id: str, **changed: Any) -> Consent:
    """A consent that waits for its customer."""
    now = clock.now()
    usual = {
        "consent_id": f"consent-{next(_numbers)}-{secrets.token_hex(4)}",
        "bank": bank.slug,
        "client_id": client_id,
        "permissions": ["accounts", "balances", "transactions"],
        "purpose": "To show all your accounts in one place",
        "now": now,
        "valid_until": now + timedelta(days=90),
    }
    consent = received(**usual | changed)
    await services.consents.receive(consent)
    return consent
