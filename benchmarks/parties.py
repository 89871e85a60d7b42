"""Who stands outside of a bank: third parties in its dialect, and customers who log in, choose and approve."""

import base64
import hashlib
import html
import json
import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx2

from backend.emulator.openbanking.third_parties import ThirdParty
from backend.emulator.world.rows import Account, Persona
from benchmarks.report import GateFailed

Json = dict[str, Any]
# A transaction as it is told: its id, and what it adds to the account.
Told = tuple[str, Decimal]
_UK: Final = "/open-banking/v3.1/aisp"
_OP: Final = "/accounts-psd2/v1"
_UK_PERMISSIONS: Final = ("Accounts", "Balances", "TransactionsCredits", "TransactionsDebits", "Transactions")
_CUSTOMER_ADDRESS: Final = "203.0.113.7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one dialect asks for a consent, names it to the authorization server, and tells transactions."""

    consents: str
    accounts: str
    wish: Callable[[], Json]
    consent_id: Callable[[Json], str]
    scope: str
    naming: Callable[[str], dict[str, str]]
    attended_by: str = "PSU-IP-Address"
    more_headers: Callable[[str, ThirdParty], dict[str, str]] = lambda _consent, _party: {}
    query: Mapping[str, str]
    listed: Callable[[Json], list[str]]
    named: Callable[[Account], str] = lambda account: account.id
    booked: Callable[[Json, Account], list[Told]]
    following: Callable[[Json], str | None]

    def transactions_of(self, account: Account) -> str:
        """The path and query of the first page."""
        path = f"{self.accounts}/{self.named(account)}/transactions"
        return f"{path}?{urlencode(self.query)}" if self.query else path


def _of_leafy(page: Json, account: Account) -> list[Told]:
    return [
        (each["_id"], -each["TransactionAmount"] if _is_sent(each, account) else each["TransactionAmount"])
        for each in page["transactions"]
        if each["TransactionCompleted"]
    ]


def _is_sent(told: Json, account: Account) -> bool:
    sender = told["TransactionReferenceData"]["TransactionSender"]["AccountNumber"]
    return bool(sender == account.number)


def _of_uk(page: Json, _account: Account) -> list[Told]:
    booked = [each for each in page["Data"]["Transaction"] if each["Status"] == "Booked"]
    sign = {"Debit": -1, "Credit": 1}
    return [
        (each["TransactionId"], sign[each["CreditDebitIndicator"]] * Decimal(each["Amount"]["Amount"]))
        for each in booked
    ]


def _claims(member: str, name: str) -> Callable[[str], dict[str, str]]:
    def naming(consent: str) -> dict[str, str]:
        claims = {member: {name: {"value": consent, "essential": True}}}
        return {"scope": "openid accounts", "claims": json.dumps(claims)}

    return naming


def _in_days(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


DIALECTS: Final[Mapping[str, Dialect]] = {
    "leafy": Dialect(
        consents="/leafy/v1/consents",
        accounts="/leafy/v1/accounts",
        wish=lambda: {"permissions": ["accounts", "balances", "transactions"]},
        consent_id=lambda told: str(told["consentId"]),
        scope="accounts",
        naming=lambda consent: {"scope": "accounts", "consent_id": consent},
        query={"limit": "100"},
        listed=lambda told: [each["AccountNumber"] for each in told["accounts"]],
        named=lambda account: account.number,
        booked=_of_leafy,
        following=lambda page: page["next_cursor"] and f"?{urlencode({'limit': 100, 'cursor': page['next_cursor']})}",
    ),
    "berlin_group": Dialect(
        consents="/v1/consents",
        accounts="/v1/accounts",
        wish=lambda: {
            "access": {"allPsd2": "allAccounts"},
            "recurringIndicator": True,
            "validUntil": _in_days(170).date().isoformat(),
            "frequencyPerDay": 4,
            "combinedServiceIndicator": False,
        },
        consent_id=lambda told: str(told["consentId"]),
        scope="AIS",
        naming=lambda consent: {"scope": f"AIS:{consent}"},
        more_headers=lambda consent, _party: {"X-Request-ID": str(uuid4()), "Consent-ID": consent},
        query={"bookingStatus": "booked", "itemsPerPage": "100"},
        listed=lambda told: [each["resourceId"] for each in told["accounts"]],
        booked=lambda page, _account: [
            (each["transactionId"], Decimal(each["transactionAmount"]["amount"]))
            for each in page["transactions"]["booked"]
        ],
        following=lambda page: page["transactions"]["_links"].get("next", {}).get("href"),
    ),
    "uk_open_banking": Dialect(
        consents=f"{_UK}/account-access-consents",
        accounts=f"{_UK}/accounts",
        wish=lambda: {"Data": {"Permissions": [_uk_permission(name) for name in _UK_PERMISSIONS]}, "Risk": {}},
        consent_id=lambda told: str(told["Data"]["ConsentId"]),
        scope="accounts",
        naming=_claims("id_token", "openbanking_intent_id"),
        attended_by="x-fapi-customer-ip-address",
        query={},
        listed=lambda told: [each["AccountId"] for each in told["Data"]["Account"]],
        booked=_of_uk,
        following=lambda page: page["Links"].get("Next"),
    ),
    "op_finland": Dialect(
        consents=f"{_OP}/authorizations",
        accounts=f"{_OP}/accounts",
        wish=lambda: {"expires": _in_days(80).isoformat()},
        consent_id=lambda told: str(told["authorizationId"]),
        scope="accounts",
        naming=_claims("userinfo", "authorizationId"),
        attended_by="x-fapi-customer-ip-address",
        more_headers=lambda _consent, party: {"x-api-key": party.api_key},
        query={},
        listed=lambda told: [each["accountId"] for each in told["accounts"]],
        booked=lambda page, _account: [
            (each["transactionId"], Decimal(each["amount"])) for each in page["transactions"]
        ],
        following=lambda page: page["_links"].get("next", {}).get("href"),
    ),
}


def _uk_permission(name: str) -> str:
    is_detailed = name in ("Accounts", "Transactions")
    return f"Read{name}{'Detail' if is_detailed else ''}"


class Here(httpx2.AsyncHTTPTransport):
    """Every host is this machine, as browsers know of ``*.localhost``; counts requests."""

    requests = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer of whoever listens here at the request's port."""
        self.requests += 1
        return await super().handle_async_request(
            httpx2.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )


class Visitor:
    """A third party at one bank, with a consent and tokens of one customer's as soon as it has them."""

    def __init__(self, http: httpx2.AsyncClient, dialect: Dialect, party: ThirdParty) -> None:
        self.http = http
        self.dialect = dialect
        self.party = party
        self.consent = ""
        self.token = ""

    async def lodge(self) -> str:
        """The id of a new consent, which waits for its customer."""
        own = await self._tokens(grant_type="client_credentials", scope=self.dialect.scope)
        headers = self.headers(token=own["access_token"])
        told = await self.http.post(self.dialect.consents, json=self.dialect.wish(), headers=headers)
        return self.dialect.consent_id(exact(told, 201))

    async def pushes(self) -> bool:
        """Whether the bank wants authorization requests pushed, as its metadata says."""
        told = exact(await self.http.get("/.well-known/oauth-authorization-server"))
        return bool(told.get("require_pushed_authorization_requests"))

    async def link(self, consent: str, *, pushed: bool) -> tuple[str, dict[str, str]]:
        """Where to send the customer, with the whole request or the name of the pushed one; and the form to redeem."""
        request, form = self.request(consent)
        if pushed:
            told = exact(await self.http.post("/oauth/par", data=request, auth=self.credentials), 201)
            request = {"client_id": self.party.client_id, "request_uri": told["request_uri"]}
        return f"/oauth/authorize?{urlencode(request)}", form

    def request(self, consent: str) -> tuple[dict[str, str], dict[str, str]]:
        """An authorization request with a PKCE pair of its own, and the form that will redeem its code."""
        verifier, callback = secrets.token_urlsafe(48), self.party.redirect_uris[0]
        request = {
            "client_id": self.party.client_id,
            "response_type": "code",
            "redirect_uri": callback,
            "state": secrets.token_urlsafe(16),
            "code_challenge": _s256(verifier),
            "code_challenge_method": "S256",
            **self.dialect.naming(consent),
        }
        form = {"grant_type": "authorization_code", "redirect_uri": callback, "code_verifier": verifier}
        return request, form

    async def redeem(self, form: Mapping[str, str], code: str, consent: str) -> None:
        """Keep the access token that the code is good for, and on which consent."""
        self.token = (await self._tokens(**form, code=code))["access_token"]
        self.consent = consent

    def headers(self, token: str | None = None) -> dict[str, str]:
        """What every call of the API carries; the customer is there."""
        login = {"Authorization": f"Bearer {token or self.token}", self.dialect.attended_by: _CUSTOMER_ADDRESS}
        return login | self.dialect.more_headers(self.consent, self.party)

    async def get(self, path: str) -> httpx2.Response:
        """A call of the API."""
        return await self.http.get(path, headers=self.headers())

    @property
    def credentials(self) -> tuple[str, str]:
        """What the third party proves itself with."""
        return self.party.client_id, self.party.secret

    async def _tokens(self, **form: str) -> Json:
        return exact(await self.http.post("/oauth/token", data=form, auth=self.credentials))


class Customer:
    """A person with a browser, who reads codes in the bank app and stays logged in there."""

    def __init__(self, http: httpx2.AsyncClient, persona: Persona) -> None:
        self._http = http
        self._persona = persona

    async def approve(self, link: str, accounts: Collection[str]) -> str:
        """Share ``accounts``, those of them that are on offer; the code that the third party gets back."""
        page = await self._log_in(await self._open(link))
        chosen = [each for each in re.findall(r'name="account" value="([^"]+)"', page.text) if each in accounts]
        page = await self._press(page, "Continue", account=chosen)
        page = await self._press(page, "Approve", code=await self._code_in_app())
        back = await self._http.get(_found(r'href="([^"]+/return)"', page)[0])
        answer = parse_qs(urlsplit(back.headers.get("location", "")).query)
        if "code" not in answer:
            raise GateFailed(f"The customer came back without a code: {back.status_code} {answer}")
        return answer["code"][0]

    async def _open(self, address: str) -> httpx2.Response:
        return await self._http.get(address, follow_redirects=True)

    async def _log_in(self, page: httpx2.Response) -> httpx2.Response:
        return await self._press(page, "Log in", user=self._persona.user_name, password=self._persona.password)

    async def _code_in_app(self) -> str:
        page = await self._open("/app")
        if 'name="password"' in page.text:
            page = await self._log_in(page)
        return "".join(_found(r'class="big-code">(\d{3}) (\d{3})<', page))

    async def _press(self, page: httpx2.Response, button: str, **fields: str | Sequence[str]) -> httpx2.Response:
        """Send the form that has ``button``, as a browser would."""
        forms = re.findall(r"<form.*?</form>", page.text, re.DOTALL)
        form = next((form for form in forms if re.search(rf"<button[^>]*>{button}</button>", form)), None)
        if form is None:
            raise GateFailed(f"The page {page.url} has no button {button!r} ({page.status_code})")
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        action = re.search(r'<form[^>]*action="([^"]+)"', form)
        return await self._http.post(
            html.unescape(action[1]) if action else str(page.url),
            data=hidden | fields,
            headers={"Sec-Fetch-Site": "same-origin"},
            follow_redirects=True,
        )


def exact(response: httpx2.Response, status: int = 200) -> Json:
    """The JSON of an answer, numbers exact; GateFailed if it is a refusal."""
    if response.status_code != status:
        raise GateFailed(f"{response.request.url} answered {response.status_code}: {response.text[:300]}")
    told: Json = json.loads(response.content, parse_float=Decimal, parse_int=Decimal)
    return told


def _found(pattern: str, page: httpx2.Response) -> tuple[str, ...]:
    found = re.search(pattern, page.text)
    if found is None:
        raise GateFailed(f"The page {page.url} ({page.status_code}) does not have what it should: {pattern}")
    return found.groups()


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
