"""A small bank outside: one account with 25 booked transactions in three pages and two pending, in four dialects."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from backend.kernel.strict_json import loads

PAGE = 10
BOOKED = 25
FIRST_DAY = date(2026, 9, 1)
SHOPS = ("Café Sole", "Grocer Lind", "Tram 7", "Bakery Ørn")


@dataclass(frozen=True)
class Row:
    """One transaction as a client reads it, amounts as they stand in the JSON."""

    id: Any
    reference: Any
    amount: Any
    direction: Any
    booked: Any
    valued: Any
    text: Any
    is_pending: bool = False


def amount(number: int) -> str:
    return f"{'' if number % 4 == 0 else '-'}{10 + number}.{number:02}"


def days(number: int) -> tuple[str, str]:
    booked = FIRST_DAY + timedelta(days=number)
    return str(booked), str(booked + timedelta(days=2))


def text(number: int) -> str:
    return f"{SHOPS[number % 4]} {number}"


class BerlinGroup:
    name = "berlin_group"
    path = "/v1/accounts/a1/transactions"
    balances_path = "/v1/accounts/a1/balances"

    def render(self, numbers, pending, following):
        report = {"booked": [self._one(n) for n in numbers], "pending": [self._one(n) for n in pending]}
        report["_links"] = {"next": {"href": following}} if following else {}
        return {"account": {"iban": "DE00"}, "transactions": report}

    def _one(self, n):
        booked, valued = days(n)
        return {
            "transactionId": f"t-{n:04}",
            "entryReference": f"e-{n:04}",
            "transactionAmount": {"amount": amount(n), "currency": "EUR"},
            "bookingDate": booked,
            "valueDate": valued,
            "remittanceInformationUnstructured": text(n),
        }

    def balances(self):
        return {"balances": [{"balanceType": "closingBooked", "balanceAmount": {"amount": "12.50", "currency": "EUR"}}]}

    def balance_amounts(self, payload):
        return [balance["balanceAmount"]["amount"] for balance in payload["balances"]]

    def following(self, payload):
        return payload["transactions"]["_links"].get("next", {}).get("href")

    def rows(self, payload):
        for name in ("booked", "pending"):
            for each in payload["transactions"][name]:
                yield Row(
                    each.get("transactionId"),
                    each.get("entryReference"),
                    each["transactionAmount"]["amount"],
                    None,
                    each["bookingDate"],
                    each["valueDate"],
                    each["remittanceInformationUnstructured"],
                    name == "pending",
                )


class UkOpenBanking:
    name = "uk_open_banking"
    path = "/open-banking/v3.1/aisp/accounts/a1/transactions"
    balances_path = "/open-banking/v3.1/aisp/accounts/a1/balances"

    def render(self, numbers, pending, following):
        listed = [self._one(n, "Booked") for n in numbers] + [self._one(n, "Pending") for n in pending]
        return {"Data": {"Transaction": listed}, "Links": {"Next": following} if following else {}, "Meta": {}}

    def _one(self, n, status):
        booked, valued = days(n)
        return {
            "AccountId": "a1",
            "TransactionId": f"t-{n:04}",
            "TransactionReference": f"e-{n:04}",
            "Status": status,
            "CreditDebitIndicator": "Debit" if amount(n).startswith("-") else "Credit",
            "Amount": {"Amount": amount(n).lstrip("-"), "Currency": "GBP"},
            "BookingDateTime": f"{booked}T00:00:00+00:00",
            "ValueDateTime": f"{valued}T00:00:00+00:00",
            "TransactionInformation": text(n),
        }

    def balances(self):
        return {"Data": {"Balance": [{"Type": "InterimBooked", "Amount": {"Amount": "12.50", "Currency": "GBP"}}]}}

    def balance_amounts(self, payload):
        return [balance["Amount"]["Amount"] for balance in payload["Data"]["Balance"]]

    def following(self, payload):
        return payload["Links"].get("Next")

    def rows(self, payload):
        for each in payload["Data"]["Transaction"]:
            yield Row(
                each.get("TransactionId"),
                each.get("TransactionReference"),
                each["Amount"]["Amount"],
                each.get("CreditDebitIndicator"),
                each["BookingDateTime"],
                each["ValueDateTime"],
                each["TransactionInformation"],
                each["Status"] == "Pending",
            )


class OpFinland:
    name = "op_finland"
    path = "/accounts-psd2/v1/accounts/a1/transactions"
    balances_path = "/accounts-psd2/v1/accounts"

    def render(self, numbers, _pending, following):
        links = {"next": {"href": following}} if following else {}
        token = {"continuationToken": following.partition("=")[2]} if following else {}
        return {"transactions": [self._one(n) for n in numbers], "_links": links, **token}

    def _one(self, n):
        booked, valued = days(n)
        return {
            "transactionId": f"t-{n:04}",
            "archiveId": f"e-{n:04}",
            "amount": amount(n),
            "currency": "EUR",
            "creditDebitIndicator": "Debit" if amount(n).startswith("-") else "Credit",
            "bookingDate": booked,
            "valueDate": valued,
            "message": text(n),
        }

    def balances(self):
        return {"accounts": [{"accountId": "a1", "netBalance": "12.50", "grossBalance": "12.50"}]}

    def balance_amounts(self, payload):
        found = [(each.get("netBalance"), each.get("grossBalance")) for each in payload["accounts"]]
        return [value for pair in found for value in pair if value is not None]

    def following(self, payload):
        return (payload["_links"].get("next") or {}).get("href")

    def rows(self, payload):
        for each in payload["transactions"]:
            yield Row(
                each.get("transactionId"),
                each.get("archiveId"),
                each["amount"],
                each.get("creditDebitIndicator"),
                each["bookingDate"],
                each["valueDate"],
                each["message"],
            )


class Leafy:
    name = "leafy"
    path = "/leafy/v1/accounts/a1/transactions"
    balances_path = "/leafy/v1/accounts"

    def render(self, numbers, pending, following):
        listed = [self._one(n, "Notified") for n in numbers] + [self._one(n, "Initiated") for n in pending]
        return {"transactions": listed, "next_cursor": following and following.partition("=")[2]}

    def _one(self, n, status):
        booked, valued = days(n)
        sender, receiver = ("us", "them") if amount(n).startswith("-") else ("them", "us")
        return {
            "_id": f"{n:024x}",
            "TransactionAmount": loads(amount(n).lstrip("-").encode()),
            "TransactionDescription": text(n),
            "TransactionDates": [
                {"TransactionDate": f"{booked}T10:00:00Z", "TransactionDateType": "TransactionInitiatedDate"},
                {"TransactionDate": f"{valued}T10:00:00Z", "TransactionDateType": "TransactionCompletedDate"},
            ],
            "TransactionReferenceData": {"TransactionSender": sender, "TransactionReceiver": receiver},
            "TransactionStatus": status,
        }

    def balances(self):
        return {"accounts": [{"AccountNumber": "1", "AccountBalance": loads(b"12.50")}]}

    def balance_amounts(self, payload):
        return [each["AccountBalance"] for each in payload["accounts"] if "AccountBalance" in each]

    def following(self, payload):
        cursor = payload["next_cursor"]
        return cursor and f"{self.path}?cursor={cursor}"

    def rows(self, payload):
        for each in payload["transactions"]:
            dates = [step["TransactionDate"] for step in each["TransactionDates"]]
            yield Row(
                each.get("_id"),
                None,
                each["TransactionAmount"],
                {"us": "Debit", "them": "Credit"}.get(each["TransactionReferenceData"].get("TransactionSender")),
                dates[0],
                dates[-1],
                each["TransactionDescription"],
                each["TransactionStatus"] == "Initiated",
            )


DIALECTS = {dialect.name: dialect for dialect in (BerlinGroup(), UkOpenBanking(), OpFinland(), Leafy())}


@dataclass
class SampleBank:
    """An ASGI application; ``asked`` counts the calls that reached it, ``revoked`` are tokens it refuses."""

    dialect: Any
    asked: int = 0
    revoked: set[bytes] = field(default_factory=set)

    async def __call__(self, scope, _receive, send):
        self.asked += 1
        token = dict(scope["headers"]).get(b"authorization", b"")
        if token in self.revoked:
            await self._answer(send, 401, {"error": "consent revoked"})
        elif scope["path"] in (self.dialect.path, self.dialect.path.replace("accounts/a1/", "")):
            await self._answer(send, 200, self._page(int(scope["query_string"].partition(b"=")[2] or 0)))
        elif scope["path"] == self.dialect.balances_path:
            await self._answer(send, 200, self.dialect.balances())
        else:
            await self._answer(send, 404, {"error": "unknown"})

    async def revoke(self, scope):
        self.revoked.add(dict(scope["headers"])[b"authorization"])

    def _page(self, page):
        numbers = range(BOOKED)[page * PAGE : (page + 1) * PAGE]
        more = (page + 1) * PAGE < BOOKED
        pending = [] if page else [BOOKED, BOOKED + 1]
        return self.dialect.render(numbers, pending, f"{self.dialect.path}?page={page + 1}" if more else None)

    async def _answer(self, send, status, payload):
        from backend.emulator.faults.pages import render_payload

        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": render_payload(payload)})
