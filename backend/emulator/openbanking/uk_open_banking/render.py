"""Facts as UK Open Banking JSON: unsigned amounts with an indicator beside them, fields by permission code."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from backend.emulator.openbanking.facts import Account, Balance, Bank, Mandate, Party, Product, Transaction
from backend.kernel.money import render_amount

Json = dict[str, Any]
SUB_TYPES: Final = {"checking": "CurrentAccount", "savings": "Savings", "card": "CreditCard"}
_LOANS: Final = {"Loan": "Loan", "Mortgage": "Mortgage"}
_IBAN_AT_LEAST: Final = 15
_TEXT_AT_MOST: Final = 500
_MONTHS: Final = 12
# By the first digit of the card's number.
_CARD_SCHEMES: Final = {"3": "AmericanExpress", "4": "VISA", "5": "MasterCard"}
# Domain and family of the ISO code, as version 3.1 spells them.
_FAMILIES: Final = {
    "RCDT": "ReceivedCreditTransfer",
    "ICDT": "IssuedCreditTransfer",
    "RDDT": "ReceivedDirectDebit",
    "CCRD": "CustomerCardTransaction",
    "MCOP": "MiscellaneousCreditOperation",
    "OPCL": "OpeningAndClosing",
    "CSLN": "ConsumerLoan",
    "MGLN": "MortgageLoan",
}
_SUB_FAMILIES: Final = {
    "SALA": "Salary",
    "DMCT": "DomesticCreditTransfer",
    "ESCT": "SEPACreditTransfer",
    "PMDD": "PaymentDirectDebit",
    "ESDD": "SEPACoreDirectDebit",
    "STDO": "StandingOrder",
    "BOOK": "InternalBookTransfer",
    "POSD": "PointOfSaleDebit",
    "XBCP": "CrossBorderCreditCardPayment",
    "RIMB": "Reimbursement",
    "CWDL": "CashWithdrawal",
    "INTR": "Interest",
    "ACCO": "AccountOpening",
    "PPAY": "PrincipalPayment",
}


def account(account: Account, codes: Collection[str]) -> Json:
    """An account; its numbers only with ReadAccountsDetail."""
    shown: Json = {
        "AccountId": account.id,
        "Status": "Enabled" if account.is_open else "Deleted",
        "StatusUpdateDateTime": moment(account.closed_at or midnight(account.opened)),
        "Currency": account.currency,
        "AccountType": "Personal",
        "AccountSubType": SUB_TYPES[account.kind],
        "Description": account.name,
        "Nickname": account.name,
        "OpeningDate": account.opened.isoformat(),
    }
    if "ReadAccountsDetail" in codes:
        shown["Account"] = _numbers(account)
        if account.bic:
            shown["Servicer"] = {"SchemeName": "UK.OBIE.BICFI", "Identification": account.bic}
    return shown


def loan(product: Product, bank: Bank, codes: Collection[str]) -> Json:
    """A loan or mortgage as an account."""
    shown: Json = {
        "AccountId": product.id,
        "Status": "Enabled" if product.is_open else "Deleted",
        "StatusUpdateDateTime": moment(midnight(product.opened)),
        "Currency": product.currency,
        "AccountType": "Personal",
        "AccountSubType": _LOANS[product.kind],
        "Description": f"{product.kind} {product.number}",
        "OpeningDate": product.opened.isoformat(),
    }
    if "ReadAccountsDetail" in codes:
        shown["Account"] = [{"SchemeName": f"UK.{bank.bic[:4]}.LoanNumber", "Identification": product.number}]
    return shown


def balances(account: Account, balance: Balance) -> list[Json]:
    """Booked, and what of it is free; what is granted beyond it stands beside it, not in it."""
    shown = [
        _balance(account.id, "InterimBooked", balance.booked, balance.currency, balance.at),
        _balance(account.id, "InterimAvailable", balance.available, balance.currency, balance.at),
    ]
    if balance.limit:
        kind = "Credit" if account.kind == "card" else "Pre-Agreed"
        limit = {"Included": False, "Type": kind, "Amount": _money(balance.limit, balance.currency)}
        for each in shown:
            each["CreditLine"] = [limit]
    return shown


def loan_balances(product: Product, at: datetime) -> list[Json]:
    """What is outstanding, as owed."""
    return [_balance(product.id, "InterimBooked", -product.outstanding, product.currency, at)]


def transaction(transaction: Transaction, bank: Bank, codes: Collection[str]) -> Json:
    """A transaction; texts, balance and parties only with ReadTransactionsDetail."""
    facts = transaction.facts
    shown: Json = {
        "AccountId": transaction.account,
        "TransactionId": transaction.key,
        "CreditDebitIndicator": indicator(transaction.amount),
        "Status": "Booked" if transaction.booked_at else "Pending",
        "TransactionMutability": "Immutable" if transaction.booked_at else "Mutable",
        "BookingDateTime": moment(transaction.booked_at or transaction.initiated_at),
        "Amount": _money(transaction.amount, transaction.currency),
    }
    if transaction.booked_at:
        shown["ValueDateTime"] = moment(midnight(date.fromisoformat(transaction.day("value_date", bank.tz))))
    if reference := facts.get("end_to_end_id") or facts.get("entry_reference"):
        shown["TransactionReference"] = reference
    if code := _code(transaction):
        shown["BankTransactionCode"] = code
    if means := facts.get("means"):
        shown["ProprietaryBankTransactionCode"] = {"Code": means, "Issuer": bank.name}
    if "exchange_rate" in facts:
        shown["CurrencyExchange"] = _exchange(transaction)
    return shown | (_detail(transaction) if "ReadTransactionsDetail" in codes else {})


def standing_order(order: Mandate, codes: Collection[str], today: date) -> Json:
    """A standing order; whom it pays only with ReadStandingOrdersDetail."""
    amount = _money(order.amount, order.currency)
    shown: Json = {
        "AccountId": order.account,
        "StandingOrderId": order.id.replace(":", "-")[:40],
        "Frequency": f"IntrvlMnthDay:{_MONTHS // len(order.months):02d}:{min(order.day, 31):02d}",
        "Reference": (order.text or order.counterparty)[:35],
        "NextPaymentDateTime": moment(midnight(_next(order, today))),
        "NextPaymentAmount": amount,
        "StandingOrderStatusCode": "Active",
    }
    if order.until:
        shown["FinalPaymentDateTime"] = moment(midnight(order.until))
        shown["FinalPaymentAmount"] = amount
    if "ReadStandingOrdersDetail" in codes and order.number:
        shown["CreditorAccount"] = _number(order.number, order.counterparty)
    return shown


def product(account: Account) -> Json:
    """The terms of an account."""
    shown: Json = {"ProductName": account.name, "ProductId": f"{account.kind}-1", "AccountId": account.id}
    if account.kind == "checking":
        return shown | {"ProductType": "PersonalCurrentAccount", "PCA": _interest(account)}
    other = {"Name": account.name, "Description": SUB_TYPES[account.kind]}
    return shown | {"ProductType": "Other", "OtherProductType": other | _interest(account)}


def loan_product(product: Product) -> Json:
    """The terms of a loan."""
    months = product.term if product.kind == "Loan" else product.term * _MONTHS
    band = {
        "Identification": product.number,
        "TierValueMinimum": "0.0000",
        "TierValueMinTerm": 0,
        "MinTermPeriod": "Month",
        "TierValueMaxTerm": months,
        "MaxTermPeriod": "Month",
        "FixedVariableInterestRateType": "Fixed",
        "RepAPR": render_amount(product.rate),
        "LoanProviderInterestRateType": "INBB",
        "LoanProviderInterestRate": render_amount(product.rate),
    }
    tiers = {"TierBandMethod": "INWH", "CalculationMethod": "SimpleInterest", "LoanInterestTierBand": [band]}
    repayment = {
        "RepaymentType": "USAI" if product.kind == "Mortgage" else "USCI",
        "RepaymentFrequency": "SMMO",
        "AmountType": "RAFC",
    }
    terms = {
        "Name": f"{product.kind} {product.number}",
        "Description": product.narrative or product.kind,
        "LoanInterest": {"LoanInterestTierBandSet": [tiers]},
        "Repayment": repayment,
    }
    shown = {"ProductName": product.kind, "ProductId": product.number, "AccountId": product.id}
    return shown | {"ProductType": "Other", "OtherProductType": terms}


def indicator(amount: Decimal) -> str:
    """Which way an amount goes; zero is a credit."""
    return "Debit" if amount < 0 else "Credit"


def moment(at: datetime) -> str:
    """An instant with its offset, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def midnight(day: date) -> datetime:
    """A date as the standard's instants have it."""
    return datetime.combine(day, time(), UTC)


def _money(amount: Decimal, currency: str) -> Json:
    return {"Amount": render_amount(abs(amount)), "Currency": currency}


def _balance(account: str, kind: str, amount: Decimal, currency: str, at: datetime) -> Json:
    return {
        "AccountId": account,
        "Amount": _money(amount, currency),
        "CreditDebitIndicator": indicator(amount),
        "Type": kind,
        "DateTime": moment(at),
    }


def _numbers(account: Account) -> list[Json]:
    if account.kind == "card":
        pan = {"SchemeName": "UK.OBIE.PAN", "Identification": account.card or account.number}
        return [pan | {"Name": account.holder}]
    found = []
    if account.sort_code:
        local = {"SchemeName": "UK.OBIE.SortCodeAccountNumber", "Identification": account.sort_code + account.number}
        found.append(local | {"Name": account.holder})
    if account.iban:
        found.append({"SchemeName": "UK.OBIE.IBAN", "Identification": account.iban, "Name": account.holder})
    return found


def _number(number: str, name: str) -> Json:
    is_iban = len(number) >= _IBAN_AT_LEAST and number[:2].isalpha()
    scheme = "UK.OBIE.IBAN" if is_iban else "UK.OBIE.BBAN"
    return {"SchemeName": scheme, "Identification": number} | ({"Name": name[:70]} if name else {})


def _code(transaction: Transaction) -> Json | None:
    code = transaction.facts.get("code")
    if not code:
        return None
    _, family, sub_family = code.split("-")
    if family == "ICDT" and transaction.amount > 0:
        family = "RCDT"
    return {"Code": _FAMILIES.get(family, family), "SubCode": _SUB_FAMILIES.get(sub_family, sub_family)}


def _exchange(transaction: Transaction) -> Json:
    facts = transaction.facts
    return {
        "SourceCurrency": facts["original_currency"],
        "TargetCurrency": transaction.currency,
        "UnitCurrency": facts["original_currency"],
        # The standard has this one number among all its texts; Decimal keeps it exact.
        "ExchangeRate": Decimal(facts["exchange_rate"]),
        "InstructedAmount": {"Amount": facts["original_amount"], "Currency": facts["original_currency"]},
    }


def _detail(transaction: Transaction) -> Json:
    facts = transaction.facts
    shown: Json = {"TransactionInformation": transaction.text[:_TEXT_AT_MOST]} if transaction.text else {}
    if transaction.balance is not None:
        shown["Balance"] = {
            "Amount": _money(transaction.balance, transaction.currency),
            "CreditDebitIndicator": indicator(transaction.balance),
            "Type": "InterimBooked",
        }
    if "mcc" in facts:
        shown["MerchantDetails"] = {
            "MerchantName": transaction.party.name,
            "MerchantCategoryCode": facts["mcc"],
        }
    elif account := _party(transaction.party):
        shown["CreditorAccount" if transaction.amount < 0 else "DebtorAccount"] = account
    if "card" in facts:
        scheme = _CARD_SCHEMES.get(facts["card"][0], "VISA")
        shown["CardInstrument"] = {"CardSchemeName": scheme, "Identification": facts["card"]}
    return shown


def _party(party: Party) -> Json | None:
    if party.account and party.account.sort_code:
        local = party.account.sort_code + party.account.number
        return {"SchemeName": "UK.OBIE.SortCodeAccountNumber", "Identification": local, "Name": party.name}
    return _number(party.number, party.name) if party.number else None


def _interest(account: Account) -> Json:
    if not account.interest_rate:
        return {}
    band = {
        "TierValueMinimum": "0.0000",
        "ApplicationFrequency": "Monthly",
        "FixedVariableInterestRateType": "Variable",
        "AER": account.interest_rate,
    }
    tiers = {"TierBandMethod": "Whole", "TierBand": [band]}
    return {"CreditInterest": {"TierBandSet": [tiers]}}


def _next(order: Mandate, today: date) -> date:
    """The first day from ``today`` on which it pays."""
    months = (today.year * _MONTHS + today.month - 1 + step for step in range(2 * _MONTHS + 1))
    for year, index in (divmod(month, _MONTHS) for month in months):
        due = _day_in(year, index + 1, order.day)
        if due.month in order.months and due >= today:
            return due
    return today


def _day_in(year: int, month: int, day: int) -> date:
    last = (date(year + month // _MONTHS, month % _MONTHS + 1, 1) - date(year, month, 1)).days
    return date(year, month, min(day, last))
