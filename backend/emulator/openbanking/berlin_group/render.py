"""Facts as Berlin Group JSON: signed amounts as text, dates without time, links as paths."""

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from backend.emulator.openbanking.facts import Account, Balance, Party, Transaction
from backend.kernel.money import render_amount

Json = dict[str, Any]
_CASH_ACCOUNT: Final = {"checking": "CACC", "savings": "SVGS"}
_TEXT_AT_MOST: Final = 140
_IBAN_AT_LEAST: Final = 15
# Field -> fact of the ledger's entry.
_REFERENCES: Final = {
    "entryReference": "entry_reference",
    "endToEndId": "end_to_end_id",
    "mandateId": "mandate_id",
    "creditorId": "creditor_id",
}


def home(account: Account) -> str:
    """The path under which the account lives."""
    kind = "card-accounts" if account.kind == "card" else "accounts"
    return f"/v1/{kind}/{account.id}"


def reference(account: Account) -> Json:
    """The account as others refer to it."""
    number = {"maskedPan": account.card} if account.kind == "card" else {"iban": account.iban}
    return {**number, "currency": account.currency}


def account(
    account: Account, *, links: Collection[str], has_owner_name: bool = False, balance: Balance | None = None
) -> Json:
    """An account or card account; ``links`` are the parts that may be read."""
    shown: Json = {
        "resourceId": account.id,
        **reference(account),
        "name": account.name,
        "product": account.name,
        "status": "enabled" if account.is_open else "deleted",
        "usage": "PRIV",
    }
    if has_owner_name:
        shown["ownerName"] = account.holder
    if account.kind == "card":
        shown["debitAccounting"] = False
        if balance:
            shown["creditLimit"] = money(balance.limit, balance.currency)
    else:
        shown |= {"cashAccountType": _CASH_ACCOUNT[account.kind], "bic": account.bic}
    if balance:
        shown["balances"] = balances(balance)
    return shown | {"_links": {part: {"href": f"{home(account)}/{part}"} for part in links}}


def balances(balance: Balance) -> list[Json]:
    """Booked, and what of it is free; a granted overdraft is not counted."""
    return [
        _balance("interimBooked", balance.booked, balance),
        _balance("interimAvailable", balance.available, balance) | {"creditLimitIncluded": False},
    ]


def transaction(transaction: Transaction, zone: ZoneInfo) -> Json:
    """A booked or pending transaction; a pending one has no id and no dates."""
    facts = transaction.facts
    shown: Json = {"transactionId": transaction.key} if transaction.booked_at else {}
    shown |= {field: facts[fact] for field, fact in _REFERENCES.items() if fact in facts}
    if transaction.booked_at:
        shown["bookingDate"] = transaction.day("booking_date", zone)
        shown["valueDate"] = transaction.day("value_date", zone)
    shown["transactionAmount"] = money(transaction.amount, transaction.currency)
    if exchange := _exchange(transaction, zone):
        shown["currencyExchange"] = [exchange]
    shown |= _other(transaction.party, "creditor" if transaction.amount < 0 else "debtor")
    if transaction.text:
        shown["remittanceInformationUnstructured"] = transaction.text[:_TEXT_AT_MOST]
    if purpose := facts.get("purpose"):
        shown["purposeCode"] = purpose
    if code := _code(transaction):
        shown["bankTransactionCode"] = code
    if transaction.balance is not None:
        after = money(transaction.balance, transaction.currency)
        shown["balanceAfterTransaction"] = {"balanceAmount": after, "balanceType": "interimBooked"}
    return shown


def card_transaction(transaction: Transaction, zone: ZoneInfo) -> Json:
    """A transaction of a card account."""
    facts = transaction.facts
    shown: Json = {"transactionDate": transaction.day("transaction_date", zone)}
    if transaction.booked_at:
        shown = {"cardTransactionId": transaction.key, **shown}
        shown["bookingDate"] = transaction.day("booking_date", zone)
    shown["transactionAmount"] = money(transaction.amount, transaction.currency)
    if "original_amount" in facts:
        sign = "-" if transaction.amount < 0 else ""
        shown["originalAmount"] = {"currency": facts["original_currency"], "amount": sign + facts["original_amount"]}
    if "merchant_country" in facts:
        town = {"townName": facts["merchant_city"]} if "merchant_city" in facts else {}
        shown["cardAcceptorAddress"] = {**town, "country": facts["merchant_country"]}
    if mcc := facts.get("mcc"):
        shown["merchantCategoryCode"] = mcc
    if card := facts.get("card"):
        shown["maskedPAN"] = card
    return shown | {"transactionDetails": transaction.text[:_TEXT_AT_MOST], "invoiced": bool(transaction.booked_at)}


def money(amount: Decimal, currency: str) -> Json:
    """An amount with its sign."""
    return {"currency": currency, "amount": render_amount(amount)}


def moment(at: datetime) -> str:
    """An instant in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _balance(kind: str, amount: Decimal, balance: Balance) -> Json:
    return {
        "balanceType": kind,
        "balanceAmount": money(amount, balance.currency),
        "referenceDate": balance.at.date().isoformat(),
    }


def _exchange(transaction: Transaction, zone: ZoneInfo) -> Json | None:
    facts = transaction.facts
    if "exchange_rate" not in facts:
        return None
    return {
        "sourceCurrency": facts["original_currency"],
        "exchangeRate": facts["exchange_rate"],
        "unitCurrency": facts["original_currency"],
        "targetCurrency": transaction.currency,
        "quotationDate": transaction.day("booking_date", zone),
    }


def _other(party: Party, role: str) -> Json:
    shown: Json = {f"{role}Name": party.name} if party.name else {}
    if party.number:
        is_iban = len(party.number) >= _IBAN_AT_LEAST and party.number[:2].isalpha()
        shown[f"{role}Account"] = {"iban" if is_iban else "bban": party.number}
    return shown


def _code(transaction: Transaction) -> str | None:
    """The bank transaction code; money that arrives inside the bank was issued on the other side."""
    code = transaction.facts.get("code")
    return code.replace("-ICDT-", "-RCDT-") if code and transaction.amount > 0 else code
