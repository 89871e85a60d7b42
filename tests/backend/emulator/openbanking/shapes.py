"""The published schemas' rules as far as the dialects' guide tells them, in a handful of words.

A rule is a pattern (of a text), a type, a list with one rule (of each element), an object of rules (a name ending in
``?`` may be missing, others may not, unknown ones are wrong), or a tuple of values.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any


def wrong(value: Any, rule: Any, at: str = "$") -> Iterator[str]:
    """What in ``value`` breaks ``rule``, by place."""
    if isinstance(rule, re.Pattern):
        if not isinstance(value, str) or not rule.fullmatch(value):
            yield f"{at}: {value!r} is not {rule.pattern}"
    elif isinstance(rule, type):
        if not isinstance(value, rule):
            yield f"{at}: {value!r} is no {rule.__name__}"
    elif isinstance(rule, tuple):
        if value not in rule:
            yield f"{at}: {value!r} is none of {rule}"
    elif isinstance(rule, list):
        if not isinstance(value, list):
            yield f"{at}: {value!r} is no list"
            return
        for place, each in enumerate(value):
            yield from wrong(each, rule[0], f"{at}[{place}]")
    else:
        yield from _members(value, rule, at)


def _members(value: Any, rule: dict[str, Any], at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is no object"
        return
    known = {name.removesuffix("?"): each for name, each in rule.items()}
    yield from (f"{at}.{name} is missing" for name in rule if not name.endswith("?") and name not in value)
    yield from (f"{at}.{name} is unknown" for name in value if name not in known)
    for name, each in value.items():
        if name in known:
            yield from wrong(each, known[name], f"{at}.{name}")


def text(least: int, most: int) -> re.Pattern[str]:
    return re.compile(rf"(?s).{{{least},{most}}}")


DATE = re.compile(r"\d{4}-\d\d-\d\d")
IBAN = re.compile(r"[A-Z]{2}\d\d[A-Z0-9]{1,30}")
BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?")
CURRENCY = re.compile(r"[A-Z]{3}")
HREF = re.compile(r"/\S+")
LINK = {"href": HREF}
PAN = re.compile(r"\d{6}\*{6}\d{4}")

BG_MONEY = {"currency": CURRENCY, "amount": re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,3})?")}
BG_BALANCE = {
    "balanceType": ("closingBooked", "expected", "openingBooked", "interimAvailable", "interimBooked",
                    "forwardAvailable", "nonInvoiced"),
    "balanceAmount": BG_MONEY, "creditLimitIncluded?": bool, "referenceDate?": DATE,
}  # fmt: skip
BG_LINKS = {"balances?": LINK, "transactions?": LINK}
BG_ACCOUNT = {
    "resourceId?": text(1, 100), "iban": IBAN, "currency": CURRENCY, "ownerName?": text(1, 140), "name?": text(1, 70),
    "product?": text(1, 35), "cashAccountType?": re.compile("[A-Z]{4}"), "status?": ("enabled", "deleted", "blocked"),
    "bic?": BIC, "usage?": ("PRIV", "ORGA"), "balances?": [BG_BALANCE], "_links?": BG_LINKS,
}  # fmt: skip
BG_CARD_ACCOUNT = {
    "resourceId?": text(1, 100), "maskedPan": PAN, "currency": CURRENCY, "ownerName?": text(1, 140),
    "name?": text(1, 70), "product?": text(1, 35), "debitAccounting?": bool, "status?": ("enabled", "deleted"),
    "usage?": ("PRIV", "ORGA"), "creditLimit?": BG_MONEY, "balances?": [BG_BALANCE], "_links?": BG_LINKS,
}  # fmt: skip
BG_REFERENCE = {"iban?": IBAN, "bban?": text(1, 30), "maskedPan?": PAN, "currency?": CURRENCY}
BG_TRANSACTION = {
    "transactionId?": text(1, 35), "entryReference?": text(1, 35), "endToEndId?": text(1, 35),
    "mandateId?": text(1, 35), "creditorId?": text(1, 35), "bookingDate?": DATE, "valueDate?": DATE,
    "transactionAmount": BG_MONEY,
    "currencyExchange?": [{"sourceCurrency": CURRENCY, "exchangeRate": re.compile(r"\d+(\.\d+)?"),
                           "unitCurrency": CURRENCY, "targetCurrency": CURRENCY, "quotationDate": DATE}],
    "creditorName?": text(1, 70), "creditorAccount?": BG_REFERENCE, "debtorName?": text(1, 70),
    "debtorAccount?": BG_REFERENCE, "remittanceInformationUnstructured?": text(0, 140),
    "purposeCode?": re.compile("[A-Z]{4}"), "bankTransactionCode?": re.compile("[A-Z]{4}-[A-Z]{4}-[A-Z]{4}"),
    "balanceAfterTransaction?": BG_BALANCE,
}  # fmt: skip
BG_PENDING = {name: rule for name, rule in BG_TRANSACTION.items() if name not in ("transactionId?", "bookingDate?")}
BG_CARD_TRANSACTION = {
    "cardTransactionId?": text(1, 35), "transactionDate?": DATE, "bookingDate?": DATE, "transactionAmount": BG_MONEY,
    "originalAmount?": BG_MONEY, "cardAcceptorAddress?": {"townName?": text(1, 140), "country": re.compile("[A-Z]{2}")},
    "merchantCategoryCode?": re.compile(r"\d{4}"), "maskedPAN?": PAN, "transactionDetails?": text(0, 140),
    "invoiced?": bool,
}  # fmt: skip
BG_REPORT_LINKS = {"account?": LINK, "cardAccount?": LINK, "next?": LINK}

UK_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
UK_MONEY = {"Amount": re.compile(r"\d{1,13}(\.\d{1,5})?"), "Currency": CURRENCY}
UK_INDICATOR = ("Credit", "Debit")
UK_PARTY = {"SchemeName": text(1, 40), "Identification": text(1, 256), "Name?": text(1, 70)}
UK_ACCOUNT = {
    "AccountId": text(1, 40), "Status?": ("Enabled", "Disabled", "Deleted", "Pending", "ProForma"),
    "StatusUpdateDateTime?": UK_TIME, "Currency": CURRENCY, "AccountType": ("Business", "Personal"),
    "AccountSubType": ("ChargeCard", "CreditCard", "CurrentAccount", "EMoney", "Loan", "Mortgage", "PrePaidCard",
                       "Savings"),
    "Description?": text(1, 35), "Nickname?": text(1, 70), "OpeningDate?": DATE, "Account?": [UK_PARTY],
    "Servicer?": {"SchemeName": text(1, 40), "Identification": BIC},
}  # fmt: skip
UK_BALANCE = {
    "AccountId": text(1, 40), "Amount": UK_MONEY, "CreditDebitIndicator": UK_INDICATOR,
    "Type": ("InterimBooked", "InterimAvailable"), "DateTime": UK_TIME,
    "CreditLine?": [{"Included": bool, "Type": ("Available", "Credit", "Emergency", "Pre-Agreed", "Temporary"),
                     "Amount": UK_MONEY}],
}  # fmt: skip
UK_TRANSACTION = {
    "AccountId": text(1, 40), "TransactionId?": text(1, 210), "TransactionReference?": text(1, 210),
    "CreditDebitIndicator": UK_INDICATOR, "Status": ("Booked", "Pending", "Rejected"),
    "TransactionMutability?": ("Mutable", "Immutable"), "BookingDateTime": UK_TIME, "ValueDateTime?": UK_TIME,
    "TransactionInformation?": text(1, 500), "Amount": UK_MONEY,
    "CurrencyExchange?": {"SourceCurrency": CURRENCY, "TargetCurrency": CURRENCY, "UnitCurrency": CURRENCY,
                          "ExchangeRate": Decimal, "InstructedAmount": UK_MONEY},
    "BankTransactionCode?": {"Code": text(1, 35), "SubCode": text(1, 35)},
    "ProprietaryBankTransactionCode?": {"Code": text(1, 35), "Issuer": text(1, 35)},
    "Balance?": {"Amount": UK_MONEY, "CreditDebitIndicator": UK_INDICATOR, "Type": ("InterimBooked",)},
    "MerchantDetails?": {"MerchantName": text(1, 350), "MerchantCategoryCode": re.compile(r".{3,4}")},
    "CreditorAccount?": UK_PARTY, "DebtorAccount?": UK_PARTY,
    "CardInstrument?": {"CardSchemeName": ("AmericanExpress", "Diners", "Discover", "MasterCard", "VISA"),
                        "Identification": text(1, 34)},
}  # fmt: skip
UK_ORDER = {
    "AccountId": text(1, 40), "StandingOrderId?": text(1, 40),
    "Frequency": re.compile(r"IntrvlMnthDay:(0[1-6]|12|24):(-0[1-5]|0[1-9]|[12][0-9]|3[01])"),
    "Reference?": text(1, 35), "NextPaymentDateTime?": UK_TIME, "NextPaymentAmount?": UK_MONEY,
    "FinalPaymentDateTime?": UK_TIME, "FinalPaymentAmount?": UK_MONEY,
    "StandingOrderStatusCode?": ("Active", "Inactive"), "CreditorAccount?": UK_PARTY,
}  # fmt: skip
RATE = re.compile(r"-?\d{1,3}(\.\d{1,4})?")
UK_INTEREST = {"CreditInterest?": {"TierBandSet": [{"TierBandMethod": ("Tiered", "Whole", "Banded"), "TierBand": [
    {"TierValueMinimum": re.compile(r"-?\d{1,14}(\.\d{1,4})?"), "ApplicationFrequency": text(1, 20),
     "FixedVariableInterestRateType": ("Fixed", "Variable"), "AER": RATE}]}]}}  # fmt: skip
UK_LOAN_BAND = {
    "Identification": text(1, 35), "TierValueMinimum": re.compile(r"-?\d{1,14}(\.\d{1,4})?"), "TierValueMinTerm": int,
    "MinTermPeriod": text(1, 20), "TierValueMaxTerm": int, "MaxTermPeriod": text(1, 20),
    "FixedVariableInterestRateType": ("Fixed", "Variable"), "RepAPR": RATE, "LoanProviderInterestRateType": text(4, 4),
    "LoanProviderInterestRate": RATE,
}  # fmt: skip
UK_PRODUCT = {
    "ProductName?": text(1, 350), "ProductId?": text(1, 40), "AccountId": text(1, 40),
    "ProductType": ("BusinessCurrentAccount", "CommercialCreditCard", "Other", "PersonalCurrentAccount", "SMELoan"),
    "PCA?": UK_INTEREST,
    "OtherProductType?": UK_INTEREST | {
        "Name": text(1, 350), "Description": text(1, 350),
        "LoanInterest?": {"LoanInterestTierBandSet": [{"TierBandMethod": text(4, 4), "CalculationMethod": text(1, 40),
                                                       "LoanInterestTierBand": [UK_LOAN_BAND]}]},
        "Repayment?": {"RepaymentType": text(4, 4), "RepaymentFrequency": text(4, 4), "AmountType": text(4, 4)},
    },
}  # fmt: skip
URL = re.compile(r"http://severn-bank\.localhost:8004/\S+")


def uk(what: str, rule: Any) -> dict[str, Any]:
    return {"Data": {what: [rule]}, "Links": {"Self": URL, "Next?": URL}, "Meta": {"TotalPages?": int}}


OP_MONEY = re.compile(r"-?\d{1,14}(\.\d{1,3})?")
OP_ACCOUNT = {
    "accountId": text(1, 64), "productName": text(1, 70), "identifierSchema": ("IBAN",), "identifier": IBAN,
    "servicerSchema": ("BIC",), "servicer": BIC, "owner": text(1, 140), "netBalance": OP_MONEY,
    "grossBalance": OP_MONEY, "coverReservationAmount?": OP_MONEY, "currency": CURRENCY,
    "_links": {"transactions": LINK},
}  # fmt: skip
OP_PARTY = {"name?": text(1, 140), "identifierSchema?": ("IBAN", "BBAN"), "identifier?": text(1, 34)}
OP_TRANSACTION = {
    "transactionId": text(1, 64), "accountId": text(1, 64), "archiveId?": text(1, 35), "message": text(0, 500),
    "reference?": text(1, 35), "amount": OP_MONEY, "currency": CURRENCY, "creditDebitIndicator": UK_INDICATOR,
    "accountBalance": OP_MONEY, "bookingDate": DATE, "valueDate": DATE, "paymentDate": DATE, "status": ("Booked",),
    "isoTransactionCode?": text(14, 14), "proprietaryTransactionDescription?": text(1, 35), "payer": OP_PARTY,
    "recipient": OP_PARTY, "_links": {"account": LINK},
}  # fmt: skip
OP_PAGE_LINKS = {"self": LINK, "next?": LINK}
OP_CARD = {
    "cardId": text(1, 64), "cardNumber": PAN, "productName": text(1, 70), "authorizedOutstandingAmount": OP_MONEY,
    "currency": CURRENCY, "_links": {"transactions": LINK},
}  # fmt: skip
OP_CARD_TRANSACTION = {
    "description": text(1, 500), "amount": OP_MONEY, "currency": CURRENCY, "originalAmount": OP_MONEY,
    "originalCurrency": CURRENCY, "postingDate": DATE,
}  # fmt: skip

OBJECT_ID = re.compile("[0-9a-f]{24}")
LEAFY_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
LEAFY_SIDE = {
    "UserName": text(1, 140), "UserId?": OBJECT_ID, "AccountId?": OBJECT_ID, "AccountNumber": text(1, 34),
    "AccountType?": ("Checking", "Savings"),
}  # fmt: skip
LEAFY_ACCOUNT = {
    "_id": OBJECT_ID, "AccountNumber": re.compile(r"\d{9}"), "AccountBank": text(1, 70),
    "AccountStatus": ("Active", "Closed"), "AccountIdentificationType": ("AccountNumber",),
    "AccountDate": {"OpeningDate": LEAFY_TIME, "ClosingDate?": LEAFY_TIME}, "AccountType": ("Checking", "Savings"),
    "AccountCurrency": ("USD",), "AccountUser": {"UserName": text(1, 70), "UserId": OBJECT_ID},
    "AccountBalance?": Decimal, "GreenAccountNarrative?": text(1, 200), "MDBAccountNarrative?": text(1, 200),
    "AccountDescription?": text(1, 200),
}  # fmt: skip
LEAFY_TRANSACTION = {
    "_id": OBJECT_ID, "TransactionAmount": Decimal, "TransactionCurrency": ("USD",),
    "TransactionDescription": text(1, 500),
    "TransactionDetails": {"TransactionType": text(1, 40), "TransactionInternal": bool},
    "TransactionReferenceData": {"TransactionSender": LEAFY_SIDE, "TransactionReceiver": LEAFY_SIDE},
    "TransactionDates": [{"TransactionDate": LEAFY_TIME, "TransactionDateType": (
        "TransactionInitiatedDate", "TransactionCompletedDate", "TransactionNotifiedDate")}],
    "TransactionStatus": ("Initiated", "Completed", "Notified"), "TransactionCompleted": bool,
    "TransactionNotified": bool,
    "TransactionMerchant?": {"MerchantName": text(1, 140), "MerchantCategoryCode": re.compile(r"\d{4}"),
                             "City?": text(1, 70), "Country?": re.compile("[A-Z]{2}")},
}  # fmt: skip
