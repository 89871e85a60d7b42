"""The standard's words and codes in ours: balance types, account types, states, schemes."""

from collections.abc import Mapping
from typing import Final

from backend.banks.fields import Fields
from backend.banks.rules.direction import Indicator
from backend.banks.rules.numbers import Number
from backend.documents.account import AccountStatus, AccountType, Scheme
from backend.documents.transaction import TransactionStatus

INDICATORS: Final[Mapping[str, Indicator]] = {"credit": "CRDT", "debit": "DBIT", "crdt": "CRDT", "dbit": "DBIT"}
BALANCES: Final = {
    "OpeningBooked": "OPBD",
    "ClosingBooked": "CLBD",
    "InterimBooked": "ITBD",
    "InterimAvailable": "ITAV",
    "ClosingAvailable": "CLAV",
    "ForwardAvailable": "FWAV",
    "OpeningAvailable": "OPAV",
    "Expected": "XPCD",
    "PreviouslyClosedBooked": "PRCD",
    "Information": "INFO",
    "InterimCleared": "CLRD",
    "OpeningCleared": "CLRD",
    "ClosingCleared": "CLRD",
} | {code: code for code in ("OPBD", "CLBD", "ITBD", "ITAV", "CLAV", "FWAV", "OPAV", "XPCD", "PRCD", "INFO")}
# Words of version 3 and codes of version 4. CHAR is left out: it is ISO's Charges, not a charge card.
ACCOUNT_TYPES: Final[Mapping[str, AccountType]] = {
    "CurrentAccount": "Checking",
    "Savings": "Savings",
    "CreditCard": "CreditCard",
    "ChargeCard": "CreditCard",
    "EMoney": "Wallet",
    "PrePaidCard": "Wallet",
    "Loan": "Loan",
    "Mortgage": "Mortgage",
    "CACC": "Checking",
    "TRAN": "Checking",
    "SLRY": "Checking",
    "SVGS": "Savings",
    "LLSV": "Savings",
    "MOMA": "Savings",
    "CARD": "CreditCard",
    "WALT": "Wallet",
    "LOAN": "Loan",
    "MORT": "Mortgage",
    "ODFT": "Overdraft",
    "TRAS": "Deposit",
    "ONDP": "Deposit",
}
ACCOUNT_STATUSES: Final[Mapping[str | None, AccountStatus]] = {
    None: "Active",
    "Enabled": "Active",
    "Disabled": "Blocked",
    "Deleted": "Closed",
    "Pending": "Pending",
    "ProForma": "Pending",
}
STATUSES: Final[Mapping[str, TransactionStatus]] = {
    "Booked": "BOOK",
    "Pending": "PDNG",
    "Rejected": "RJCT",
    "BOOK": "BOOK",
    "PDNG": "PDNG",
    "RJCT": "RJCT",
    "INFO": "INFO",
    "FUTR": "FUTR",
}
SECTIONS: Final[Mapping[TransactionStatus, str]] = {"PDNG": "pending", "INFO": "information", "FUTR": "pending"}
# Version 3's words for ISO 20022's families (with their domain) and sub-families of bank transaction codes.
_FAMILIES: Final = {
    "ReceivedCreditTransfer": "PMNT-RCDT",
    "IssuedCreditTransfer": "PMNT-ICDT",
    "ReceivedDirectDebit": "PMNT-RDDT",
    "ReceivedDirectDebits": "PMNT-RDDT",
    "IssuedDirectDebit": "PMNT-IDDT",
    "CustomerCardTransaction": "PMNT-CCRD",
    "CustomerCardTransactions": "PMNT-CCRD",
    "CounterTransactions": "PMNT-CNTR",
    "MiscellaneousCreditOperation": "ACMT-MCOP",
    "MiscellaneousDebitOperation": "ACMT-MDOP",
    "OpeningAndClosing": "ACMT-OPCL",
    "ConsumerLoan": "LDAS-CSLN",
    "MortgageLoan": "LDAS-MGLN",
}
_SUB_FAMILIES: Final = {
    "Salary": "SALA",
    "DomesticCreditTransfer": "DMCT",
    "SEPACreditTransfer": "ESCT",
    "AutomaticTransfer": "AUTT",
    "StandingOrder": "STDO",
    "InternalBookTransfer": "BOOK",
    "PaymentDirectDebit": "PMDD",
    "SEPACoreDirectDebit": "ESDD",
    "PointOfSaleDebit": "POSD",
    "PointOfSalePaymentDebitCard": "POSD",
    "PointOfSalePaymentCreditCard": "POSC",
    "CrossBorderCreditCardPayment": "XBCP",
    "CashWithdrawal": "CWDL",
    "CashDeposit": "CDPT",
    "Reimbursement": "RIMB",
    "Interest": "INTR",
    "Charges": "CHRG",
    "AccountOpening": "ACCO",
    "PrincipalPayment": "PPAY",
    "Other": "OTHR",
}
_SCHEMES: Final[Mapping[str, Scheme]] = {
    "UK.OBIE.IBAN": "IBAN",
    "UK.OBIE.BBAN": "BBAN",
    "UK.OBIE.SortCodeAccountNumber": "SortCode",
    "UK.OBIE.PAN": "MaskedPan",
    "UK.OBIE.Paym": "Msisdn",
}


def number(read: Fields | None) -> Number | None:
    """A number with its scheme. Customers of a building society share one and differ in the roll number beside it."""
    written = read.text("Identification") if read else None
    if read is None or written is None:
        return None
    scheme = _SCHEMES.get(read.text("SchemeName") or "", "Other")
    roll = read.text("SecondaryIdentification") if scheme == "SortCode" else None
    return Number.of(scheme, f"{written}/{roll}" if roll else written)


def iso_code(family: str | None, sub_family: str | None) -> str | None:
    """The ISO 20022 bank transaction code of version 3's two words; None when we do not know them."""
    if family in _FAMILIES and sub_family in _SUB_FAMILIES:
        return f"{_FAMILIES[family]}-{_SUB_FAMILIES[sub_family]}"
    return None


def indicator(read: Fields) -> Indicator | None:
    """The word beside an amount that tells the direction."""
    raw = read.text("CreditDebitIndicator")
    found = INDICATORS.get(raw.lower()) if raw else None
    if raw and found is None:
        read.note("UNKNOWN_INDICATOR", "CreditDebitIndicator", "Neither credit nor debit")
    return found
