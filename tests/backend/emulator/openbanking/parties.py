"""Third parties from outside: a client for each dialect in a few lines, written from the standards alone."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import httpx2

from backend.kernel import clock
from backend.kernel.strict_json import loads
from tests.backend.emulator.oauth.world import Person, s256

CLIENT = "leafy-store"
SECRET = "leafy-store-secret-published-for-tests"
API_KEY = "leafy-store-api-key"
CALLBACK = "http://127.0.0.1:8003/connect/callback"
ATTENDED = "203.0.113.7"


class Customer(Person):
    """A person of the world with a browser, who chooses accounts by what the page offers."""

    async def offered(self, link: str) -> list[str]:
        page = await self.logs_in(await self.opens(link))
        return [part.partition('"')[0] for part in page.text.split('name="account" value="')[1:]]

    async def goes_back(self, page: httpx2.Response) -> dict[str, str]:
        address = page.text.split('/return"')[0].rpartition('href="')[2] + "/return"
        response = await self.http.get(address)
        assert response.status_code == 303, response.text
        assert response.headers["location"].startswith(CALLBACK)
        return dict(parse_qsl(urlsplit(response.headers["location"]).query))

    async def chooses_all(self, link: str) -> dict[str, str]:
        accounts = await self.offered(link)
        return await self.approves(link, accounts)


@dataclass
class Api:
    """A third party at one bank. Subclasses speak a dialect."""

    http: httpx2.AsyncClient
    consent_id: str = ""
    token: str = ""
    refresh: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    scope = "accounts"
    attended_header = "PSU-IP-Address"
    home = ""

    def more_headers(self) -> dict[str, str]:
        return {}

    def naming(self) -> dict[str, str]:
        """How the authorization request names the consent."""
        return {"scope": self.scope, "consent_id": self.consent_id}

    async def call(self, method: str, path: str, *, is_attended: bool = True, token: str | None = None, **more: Any):
        headers = self.more_headers() | more.pop("headers", {})
        if token := self.token if token is None else token:
            headers["Authorization"] = f"Bearer {token}"
        if is_attended:
            headers[self.attended_header] = ATTENDED
        headers = {name: value for name, value in headers.items() if value is not None}
        return await self.http.request(method, path, headers=headers, **more)

    async def get(self, path: str, **more: Any):
        return await self.call("GET", path, **more)

    async def read(self, path: str, **more: Any) -> Any:
        response = await self.get(path, **more)
        assert response.status_code == 200, response.text
        return loads(response.content)

    async def own_token(self) -> str:
        form = {"grant_type": "client_credentials", "scope": self.scope}
        response = await self.http.post("/oauth/token", data=form, auth=(CLIENT, SECRET))
        assert response.status_code == 200, response.text
        return response.json()["access_token"]

    async def asks(self, **changed: Any) -> str:
        """Lodge the consent; its id."""
        response = await self.call("POST", self.consents, json=self.wish() | changed, token=await self.own_token())
        assert response.status_code == 201, response.text
        self.consent_id = self.id_in(response.json())
        return self.consent_id

    async def link(self) -> str:
        request = {
            "client_id": CLIENT,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "state": "state-1",
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
            **self.naming(),
        }
        pushed = await self.http.post("/oauth/par", data=request, auth=(CLIENT, SECRET))
        assert pushed.status_code == 201, pushed.text
        return "/oauth/authorize?" + urlencode({"client_id": CLIENT, "request_uri": pushed.json()["request_uri"]})

    async def redeems(self, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
        }
        response = await self.http.post("/oauth/token", data=form, auth=(CLIENT, SECRET))
        assert response.status_code == 200, response.text
        self.token, self.refresh = (response.json()[f"{kind}_token"] for kind in ("access", "refresh"))
        return response.json()

    async def refreshes(self) -> None:
        """Another access token; the one in hand is too old."""
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh}
        response = await self.http.post("/oauth/token", data=form, auth=(CLIENT, SECRET))
        assert response.status_code == 200, response.text
        self.token = response.json()["access_token"]

    async def connects(self, customer: Customer, accounts: list[str] | None = None, **changed: Any) -> "Api":
        """The whole journey: consent, log-in, choice, second factor, code, token."""
        await self.asks(**changed)
        link = await self.link()
        answer = await (customer.approves(link, accounts) if accounts else customer.chooses_all(link))
        await self.redeems(answer["code"])
        return self

    async def pages(self, path: str, **more: Any) -> AsyncIterator[Any]:
        """Every page of a list."""
        following: str | None = path
        while following:
            page = await self.read(following, **more)
            yield page
            following = self.next_of(page, path)

    async def moves(self, account: str, **more: Any) -> list[Decimal]:
        """The signed amounts of all booked transactions."""
        return [
            amount
            async for page in self.pages(self.transactions_of(account), **more)
            for amount in self.booked_in(page, account)
        ]


class Leafy(Api):
    consents = "/leafy/v1/consents"
    accounts = "/leafy/v1/accounts"

    def wish(self):
        return {"permissions": ["accounts", "balances", "transactions", "products"]}

    def id_in(self, body):
        return body["consentId"]

    def transactions_of(self, account):
        return f"{self.accounts}/{account}/transactions?limit=50"

    async def balances(self):
        return {each["AccountNumber"]: each["AccountBalance"] for each in (await self.read(self.accounts))["accounts"]}

    def next_of(self, page, path):
        return f"{path}&{urlencode({'cursor': page['next_cursor']})}" if page["next_cursor"] else None

    def booked_in(self, page, account):
        for each in page["transactions"]:
            if each["TransactionCompleted"]:
                sender = each["TransactionReferenceData"]["TransactionSender"]["AccountNumber"]
                yield -each["TransactionAmount"] if sender == account else each["TransactionAmount"]


class BerlinGroup(Api):
    scope = "AIS"
    consents = "/v1/consents"
    accounts = "/v1/accounts"

    def more_headers(self):
        return {"X-Request-ID": str(uuid4()), "Consent-ID": self.consent_id}

    def naming(self):
        return {"scope": f"AIS:{self.consent_id}"}

    def wish(self):
        until = (clock.now() + timedelta(days=170)).date().isoformat()
        return {
            "access": {"allPsd2": "allAccounts"},
            "recurringIndicator": True,
            "validUntil": until,
            "frequencyPerDay": 4,
            "combinedServiceIndicator": False,
        }

    def id_in(self, body):
        return body["consentId"]

    def transactions_of(self, account):
        return f"{self.accounts}/{account}/transactions?bookingStatus=booked"

    async def balances(self):
        found = {}
        for path, name in ((self.accounts, "accounts"), ("/v1/card-accounts", "cardAccounts")):
            for each in (await self.read(path))[name]:
                listed = (await self.read(each["_links"]["balances"]["href"]))["balances"]
                found[each["resourceId"]] = next(
                    Decimal(one["balanceAmount"]["amount"]) for one in listed if one["balanceType"] == "interimBooked"
                )
        return found

    def next_of(self, page, _path):
        return page["transactions"]["_links"].get("next", {}).get("href")

    def booked_in(self, page, _account):
        return [Decimal(each["transactionAmount"]["amount"]) for each in page["transactions"]["booked"]]


class BerlinGroupCards(BerlinGroup):
    def transactions_of(self, account):
        return f"/v1/card-accounts/{account}/transactions?bookingStatus=booked"


class UkOpenBanking(Api):
    base = "/open-banking/v3.1/aisp"
    consents = f"{base}/account-access-consents"
    accounts = f"{base}/accounts"
    attended_header = "x-fapi-customer-ip-address"
    everything = (
        "ReadAccountsDetail", "ReadBalances", "ReadProducts", "ReadStandingOrdersDetail",
        "ReadTransactionsCredits", "ReadTransactionsDebits", "ReadTransactionsDetail",
    )  # fmt: skip

    def naming(self):
        claims = f'{{"id_token": {{"openbanking_intent_id": {{"value": "{self.consent_id}", "essential": true}}}}}}'
        return {"scope": "openid accounts", "claims": claims}

    def wish(self):
        return {"Data": {"Permissions": list(self.everything)}, "Risk": {}}

    def id_in(self, body):
        return body["Data"]["ConsentId"]

    def transactions_of(self, account):
        return f"{self.accounts}/{account}/transactions"

    async def balances(self):
        listed = (await self.read(f"{self.base}/balances"))["Data"]["Balance"]
        return {
            each["AccountId"]: signed(each) for each in listed
            if each["Type"] == "InterimBooked" and not each["AccountId"].startswith("loan_")
        }  # fmt: skip

    def next_of(self, page, _path):
        return page["Links"].get("Next")

    def booked_in(self, page, _account):
        return [signed(each) for each in page["Data"]["Transaction"] if each["Status"] == "Booked"]


class OpFinland(Api):
    base = "/accounts-psd2/v1"
    consents = f"{base}/authorizations"
    accounts = f"{base}/accounts"
    attended_header = "x-fapi-customer-ip-address"

    def more_headers(self):
        return {"x-api-key": API_KEY, "x-fapi-financial-id": "test"}

    def naming(self):
        claims = f'{{"userinfo": {{"authorizationId": {{"value": "{self.consent_id}", "essential": true}}}}}}'
        return {"scope": "openid accounts", "claims": claims}

    def wish(self):
        return {"expires": (clock.now() + timedelta(days=80)).isoformat()}

    def id_in(self, body):
        return body["authorizationId"]

    def transactions_of(self, account):
        return f"{self.accounts}/{account}/transactions"

    async def balances(self):
        listed = (await self.read(self.accounts))["accounts"]
        return {each["accountId"]: Decimal(each["grossBalance"]) for each in listed}

    def next_of(self, page, _path):
        return page["_links"].get("next", {}).get("href")

    def booked_in(self, page, _account):
        return [Decimal(each["amount"]) for each in page["transactions"]]


def signed(told: dict[str, Any]) -> Decimal:
    amount = Decimal(told["Amount"]["Amount"])
    return -amount if told["CreditDebitIndicator"] == "Debit" else amount


SPEAKERS = {"leafy": Leafy, "berlin_group": BerlinGroup, "uk_open_banking": UkOpenBanking, "op_finland": OpFinland}
