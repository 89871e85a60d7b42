"""Facts as leafy JSON: amounts as numbers, the owner in the record, narratives under the bank's own name."""

from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from backend.emulator.openbanking.facts import Account, Balance, Bank, Product, Transaction, opaque

Json = dict[str, Any]
_TYPES: Final = {"checking": "Checking", "savings": "Savings", "card": "CreditCard"}
# Bank -> the first word of its narratives; the others have descriptions.
_NARRATIVES: Final = {"green-bank": "Green", "mongodb-bank": "MDB"}
_OBJECT_ID_DIGITS: Final = 24
# What the bank itself stands under where it is one side of a movement.
_HOUSE_NUMBER: Final = "000000000"
# How money moved -> TransactionType.
_MOVEMENTS: Final = {
    "salary": "Salary",
    "credit": "IncomingPayment",
    "direct_debit": "DirectDebit",
    "standing_order": "StandingOrder",
    "transfer": "AccountTransfer",
    "card": "CardPayment",
    "refund": "CardRefund",
    "cash": "CashWithdrawal",
    "interest": "Interest",
    "instalment": "LoanInstalment",
    "opening": "OpeningBalance",
}


def account(account: Account, bank: Bank, balance: Balance | None) -> Json:
    """An account; without a balance where that was not asked for."""
    shown: Json = {
        "_id": account.object_id or opaque(account.id)[:_OBJECT_ID_DIGITS],
        "AccountNumber": account.number,
        "AccountBank": bank.name,
        "AccountStatus": "Active" if account.is_open else "Closed",
        "AccountIdentificationType": "AccountNumber",
        "AccountDate": {"OpeningDate": _midnight(account.opened)},
        "AccountType": _TYPES[account.kind],
        "AccountCurrency": account.currency,
        "AccountUser": {"UserName": account.user_name, "UserId": account.owner},
    }
    if account.closed_at:
        shown["AccountDate"]["ClosingDate"] = moment(account.closed_at)
    if balance:
        shown["AccountBalance"] = balance.booked
    described = f"{_TYPES[account.kind]} account for {account.user_name} at {bank.name}"
    return shown | _told(bank, "Account", account.narrative or described)


def product(product: Product, bank: Bank) -> Json:
    """A loan or mortgage; its amount is what is outstanding."""
    shown: Json = {
        "_id": product.object_id or opaque(product.id)[:_OBJECT_ID_DIGITS],
        "ProductId": product.number,
        "ProductBank": bank.name,
        "ProductStatus": "Active" if product.is_open else "Closed",
        "ProductType": product.kind,
        "ProductAmount": product.outstanding,
        "ProductCurrency": product.currency,
        "ProductInterestRate": product.rate,
        "ProductDate": {"OpeningDate": _midnight(product.opened)},
        "ProductCustomer": {"UserName": product.user_name, "UserId": product.owner},
    }
    if product.kind == "Loan":
        shown |= {"RepaymentPeriod": product.term, "LoanCollateral": product.collateral or "None"}
    else:
        shown["AmortizationPeriod"] = product.term
        if product.address is not None:
            shown["PropertyDetails"] = {"Address": product.address, "PropertyValue": product.value}
    described = f"{product.kind} for {product.user_name} at {bank.name}"
    return shown | _told(bank, "Product", product.narrative or described)


def transaction(transaction: Transaction, account: Account, bank: Bank) -> Json:
    """A movement between two sides with its timeline.

    Both sides of one inside the bank see the same record, and it keeps its id from the first step to the last.
    """
    own, other = _side(account), _other(transaction, account, bank)
    sender, receiver = (own, other) if transaction.amount < 0 else (other, own)
    facts, is_booked = transaction.facts, transaction.booked_at is not None
    partner = transaction.party.account
    shown: Json = {
        "_id": opaque(transaction.hold or transaction.id)[:_OBJECT_ID_DIGITS],
        "TransactionAmount": abs(transaction.amount),
        "TransactionCurrency": transaction.currency,
        "TransactionDescription": transaction.text or "N/A",
        "TransactionDetails": {
            "TransactionType": _MOVEMENTS.get(facts.get("means", ""), "AccountTransfer"),
            "TransactionInternal": partner is not None and partner.owner == account.owner,
        },
        "TransactionReferenceData": {"TransactionSender": sender, "TransactionReceiver": receiver},
        "TransactionDates": _timeline(transaction, bank.tz),
        "TransactionStatus": "Notified" if is_booked else "Initiated",
        "TransactionCompleted": is_booked,
        "TransactionNotified": is_booked,
    }
    if "mcc" in facts:
        merchant = {"MerchantName": transaction.party.name, "MerchantCategoryCode": facts["mcc"]}
        places = {"City": facts.get("merchant_city"), "Country": facts.get("merchant_country")}
        shown["TransactionMerchant"] = merchant | {name: place for name, place in places.items() if place}
    return shown


def moment(at: datetime) -> str:
    """An instant in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _told(bank: Bank, what: str, text: str) -> Json:
    word = _NARRATIVES.get(bank.id)
    return {f"{word}{what}Narrative" if word else f"{what}Description": text}


def _side(account: Account) -> Json:
    return {
        "UserName": account.user_name,
        "UserId": account.owner,
        "AccountId": account.object_id or opaque(account.id)[:_OBJECT_ID_DIGITS],
        "AccountNumber": account.number,
        "AccountType": _TYPES[account.kind],
    }


def _other(transaction: Transaction, account: Account, bank: Bank) -> Json:
    party = transaction.party
    if party.account and party.account.owner == account.owner:
        return _side(party.account)
    # Of somebody else no more is told than is written on a statement.
    return {"UserName": party.name or bank.name, "AccountNumber": party.number or _HOUSE_NUMBER}


def _timeline(transaction: Transaction, zone: ZoneInfo) -> list[Json]:
    begun = transaction.initiated_at
    if "transaction_date" in transaction.facts and transaction.booked_at:
        day = date.fromisoformat(transaction.facts["transaction_date"])
        begun = min(datetime.combine(day, time(), zone), transaction.booked_at)
    steps = [("TransactionInitiatedDate", begun)]
    if transaction.booked_at:
        steps += [(f"Transaction{step}Date", transaction.booked_at) for step in ("Completed", "Notified")]
    return [{"TransactionDate": moment(at), "TransactionDateType": step} for step, at in steps]


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
