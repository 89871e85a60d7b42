"""Facts as OP's JSON: signed amounts as text, balances on the account itself, card transactions without ids."""

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from backend.emulator.openbanking.facts import Account, Holding, Transaction, opaque
from backend.kernel.money import render_amount

Json = dict[str, Any]
BASE: Final = "/accounts-psd2/v1"
_IBAN_AT_LEAST: Final = 15
# How money moved -> the bank's own word for it on a statement.
_DESCRIPTIONS: Final = {
    "salary": "PALKKA",
    "credit": "TILISIIRTO",
    "direct_debit": "SUORAVELOITUS",
    "standing_order": "TOISTUVA MAKSU",
    "transfer": "TILISIIRTO",
    "card": "KORTTIOSTO",
    "refund": "KORTTIHYVITYS",
    "cash": "NOSTO",
    "interest": "KORKO",
    "instalment": "LAINANHOITO",
    "opening": "AVAUS",
}


def account(holding: Holding, bic: str) -> Json:
    """An account with its balances: gross is booked, net is what is free of it."""
    account, balance = holding.account, holding.balance
    return {
        "accountId": account.id,
        "productName": account.name,
        "identifierSchema": "IBAN",
        "identifier": account.iban,
        "servicerSchema": "BIC",
        "servicer": bic,
        "owner": account.holder,
        "netBalance": render_amount(balance.available),
        "grossBalance": render_amount(balance.booked),
        "coverReservationAmount": render_amount(balance.held),
        "currency": account.currency,
        "_links": {"transactions": {"href": f"{BASE}/accounts/{account.id}/transactions"}},
    }


def transaction(transaction: Transaction, account: Account, zone: ZoneInfo) -> Json:
    """A booked transaction."""
    facts = transaction.facts
    own = {"name": account.holder, "identifierSchema": "IBAN", "identifier": account.iban}
    payer, recipient = (own, _other(transaction)) if transaction.amount < 0 else (_other(transaction), own)
    shown = {
        "transactionId": transaction.key,
        "accountId": account.id,
        "archiveId": facts.get("entry_reference"),
        "message": transaction.text,
        "reference": facts.get("end_to_end_id"),
        "amount": render_amount(transaction.amount),
        "currency": transaction.currency,
        "creditDebitIndicator": "Debit" if transaction.amount < 0 else "Credit",
        "accountBalance": None if transaction.balance is None else render_amount(transaction.balance),
        "bookingDate": transaction.day("booking_date", zone),
        "valueDate": transaction.day("value_date", zone),
        "paymentDate": transaction.day("transaction_date", zone),
        "status": "Booked",
        "isoTransactionCode": _code(transaction),
        "proprietaryTransactionDescription": _description(transaction),
        "payer": payer,
        "recipient": recipient,
        "_links": {"account": {"href": f"{BASE}/accounts/{account.id}"}},
    }
    return {name: value for name, value in shown.items() if value is not None}


def card_id(account: Account) -> str:
    """The id of the account's card."""
    return f"card_{opaque('card', account.id)}"


def card(holding: Holding) -> Json:
    """A card; what was authorised with it and is not booked yet."""
    account, balance = holding.account, holding.balance
    return {
        "cardId": card_id(account),
        "cardNumber": account.card,
        "productName": f"{account.name} Debit",
        "authorizedOutstandingAmount": render_amount(balance.held),
        "currency": account.currency,
        "_links": {"transactions": {"href": f"{BASE}/cards/{card_id(account)}/transactions"}},
    }


def card_transaction(transaction: Transaction, zone: ZoneInfo) -> Json:
    """What was paid with a card; it has no id."""
    facts = transaction.facts
    return {
        "description": transaction.text,
        "amount": render_amount(transaction.amount),
        "currency": transaction.currency,
        "originalAmount": ("-" if transaction.amount < 0 else "") + facts["original_amount"]
        if "original_amount" in facts
        else render_amount(transaction.amount),
        "originalCurrency": facts.get("original_currency", transaction.currency),
        "postingDate": transaction.day("booking_date", zone),
    }


def moment(at: datetime) -> str:
    """An instant in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _other(transaction: Transaction) -> Json:
    shown: Json = {"name": transaction.party.name} if transaction.party.name else {}
    number = transaction.party.number
    if number:
        is_iban = len(number) >= _IBAN_AT_LEAST and number[:2].isalpha()
        shown |= {"identifierSchema": "IBAN" if is_iban else "BBAN", "identifier": number}
    return shown


def _description(transaction: Transaction) -> str | None:
    return _DESCRIPTIONS.get(transaction.facts.get("means", ""))


def _code(transaction: Transaction) -> str | None:
    code = transaction.facts.get("code")
    return code.replace("-ICDT-", "-RCDT-") if code and transaction.amount > 0 else code
