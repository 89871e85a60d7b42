"""Leafy JSON to our models: three spellings of the narrative, two of the number, two of the term."""

from decimal import Decimal
from typing import Final, cast, get_args

from bson import ObjectId

from backend.banks.contract import (
    AccountKey,
    Bank,
    Dialect,
    MappedAccount,
    MappedProduct,
    Place,
    Record,
    Understood,
)
from backend.banks.dialects.leafy.movement import transaction
from backend.banks.dialects.leafy.parties import NUMBER, owner_in
from backend.banks.dialects.leafy.payloads import split
from backend.banks.dialects.leafy.ways import LeafyWays
from backend.banks.fields import Fields
from backend.banks.rules.numbers import masked
from backend.documents.account import Account, AccountDates, AccountStatus, AccountType, Balance, Subtype
from backend.documents.parts import Rate, Term
from backend.documents.product import (
    Product,
    ProductDates,
    ProductStatus,
    ProductType,
    PropertyDetails,
)
from backend.kernel.money import render_amount


def account(record: Record, bank: Bank, _place: Place) -> Understood:
    """An account. Without currency or number it is no account; without balance it is one with a note."""
    read = Fields(record)
    name = _bank_name(read, "AccountBank", bank)
    currency = read.currency("AccountCurrency")
    key = _account_key(read, currency)
    balance = read.amount("AccountBalance")
    if balance is None:
        read.note("BALANCE_MISSING", "AccountBalance", "The bank gave no balance; it counts nowhere, not as 0")
    raw_type = read.text("AccountType")
    dates = read.object("AccountDate")
    narratives = read.matching("AccountNarrative")
    described = read.text("AccountDescription")
    owner, provider_id = owner_in(read.object("AccountUser")), read.text("_id")
    model = Account(
        account_bank=name,
        account_status=_status(read),
        account_type=_account_type(read, raw_type),
        account_subtype=Subtype(raw=raw_type) if raw_type else None,
        account_balance=balance,
        account_balance_type=_balance_type(bank) if balance is not None else None,
        account_currency=currency,
        account_date=_account_dates(dates, bank),
        account_number=key.identifier,
        account_number_masked=masked(key.identifier),
        account_identification_type=key.scheme,
        account_narrative=next(iter(narratives.values()), described),
        green_account_narrative=narratives.get("GreenAccountNarrative"),
        mdb_account_narrative=narratives.get("MDBAccountNarrative"),
        account_description=described,
        balances=[] if balance is None else [_balance(balance, currency, bank)],
        extra=read.rest(),
    )
    return Understood((MappedAccount(model, key, owner, provider_id),), tuple(read.notes))


def product(record: Record, bank: Bank, _place: Place) -> Understood:
    """A loan, a mortgage or another product; the amount is what is owed."""
    read = Fields(record)
    name = _bank_name(read, "ProductBank", bank)
    currency = read.currency("ProductCurrency")
    amount = read.amount("ProductAmount")
    if amount is None:
        read.note("AMOUNT_MISSING", "ProductAmount", "The bank gave no amount; it counts nowhere, not as 0")
    rate = read.amount("ProductInterestRate")
    months, years = read.whole("RepaymentPeriod"), read.whole("AmortizationPeriod")
    dates = read.object("ProductDate")
    narratives = read.matching("ProductNarrative")
    described = read.text("ProductDescription")
    raw_type = read.required_text("ProductType")
    owner, provider_id = owner_in(read.object("ProductCustomer")), read.text("_id")
    model = Product(
        product_bank=name,
        product_status=_product_status(read),
        product_type=_product_type(read, raw_type),
        product_type_raw=raw_type,
        product_amount=amount,
        product_amount_kind="OUTSTANDING" if amount is not None else None,
        product_amount_outstanding=amount,
        product_currency=currency,
        product_interest_rate=rate,
        rates=[] if rate is None else [_rate(rate)],
        product_date=ProductDates(opening_date=dates.instant("OpeningDate", bank.zone) if dates else None),
        contract_number=read.required_text("ProductId"),
        repayment_period=months,
        amortization_period=years,
        term=_term(months, years),
        loan_collateral=read.text("LoanCollateral"),
        property_details=_property(read.object("PropertyDetails")),
        product_narrative=next(iter(narratives.values()), described),
        green_product_narrative=narratives.get("GreenProductNarrative"),
        mdb_product_narrative=narratives.get("MDBProductNarrative"),
        product_description=described,
        extra=read.rest(),
    )
    return Understood((MappedProduct(model, owner, provider_id),), tuple(read.notes))


def owner_of(record: Record) -> ObjectId | None:
    """Whose the record says it is, when that much can be read of a record that cannot be used."""
    for name in ("AccountUser", "ProductCustomer"):
        owner = record.get(name)
        if isinstance(owner, dict) and ObjectId.is_valid(owner.get("UserId")):
            return ObjectId(owner["UserId"])
    return None


DIALECT: Final = Dialect(
    name="leafy",
    version=1,
    mappers={"accounts": account, "products": product, "transactions": transaction},
    split=split,
    ways=LeafyWays,
    owner_of=owner_of,
)


def _bank_name(read: Fields, field: str, bank: Bank) -> str:
    name = read.required_text(field)
    if name.casefold() != bank.name.casefold():
        raise read.bad(field, "OTHER_BANK", f"is not {bank.name}")
    return bank.name


def _account_key(read: Fields, currency: str) -> AccountKey:
    number, account_id = read.text(NUMBER), read.text("AccountId")
    scheme = read.text("AccountIdentificationType")
    if number:
        return AccountKey(scheme or NUMBER, number, currency)
    if account_id:
        return AccountKey(scheme or "AccountId", account_id, currency)
    raise read.bad(NUMBER, "MISSING", "is missing, and so is AccountId")


def _account_type(read: Fields, raw: str | None) -> AccountType:
    if raw in get_args(AccountType):
        return cast("AccountType", raw)
    read.note("UNKNOWN_TYPE", "AccountType", "Not a type we know; kept in AccountSubtype.Raw")
    return "Other"


def _product_type(read: Fields, raw: str) -> ProductType:
    if raw in get_args(ProductType):
        return cast("ProductType", raw)
    read.note("UNKNOWN_TYPE", "ProductType", "Not a type we know; kept in ProductTypeRaw")
    return "Other"


def _status(read: Fields) -> AccountStatus:
    raw = read.text("AccountStatus")
    if raw in get_args(AccountStatus):
        return cast("AccountStatus", raw)
    read.note("UNKNOWN_STATUS", "AccountStatus", "Not a status we know")
    return "Unknown"


def _product_status(read: Fields) -> ProductStatus:
    raw = read.text("ProductStatus")
    if raw in get_args(ProductStatus):
        return cast("ProductStatus", raw)
    read.note("UNKNOWN_STATUS", "ProductStatus", "Not a status we know")
    return "Unknown"


def _account_dates(dates: Fields | None, bank: Bank) -> AccountDates:
    if dates is None:
        return AccountDates()
    return AccountDates(
        opening_date=dates.instant("OpeningDate", bank.zone), closing_date=dates.instant("ClosingDate", bank.zone)
    )


def _balance_type(bank: Bank) -> str:
    return bank.ways_of(LeafyWays).balance_type


def _balance(amount: Decimal, currency: str, bank: Bank) -> Balance:
    return Balance(type=_balance_type(bank), amount=amount, currency=currency)


def _rate(percent: Decimal) -> Rate:
    return Rate(value=percent / 100, value_raw=render_amount(percent), unit_raw="percent")


def _term(months: int | None, years: int | None) -> Term | None:
    if months is not None:
        return Term(count=months, unit="MONTH")
    return Term(count=years, unit="YEAR") if years is not None else None


def _property(details: Fields | None) -> PropertyDetails | None:
    if details is None:
        return None
    return PropertyDetails(address=details.text("Address"), property_value=details.amount("PropertyValue"))
