"""UK products: the terms of an account, with what is charged for a loan."""

from decimal import Decimal
from typing import Final

from backend.banks.contract import AccountKey, Bank, MappedProduct, Place, Record, Understood
from backend.banks.dialects.uk_open_banking.ways import UkWays
from backend.banks.fields import Fields
from backend.banks.rules.numbers import PROVIDER_ID
from backend.documents.parts import Rate, Term
from backend.documents.product import Product, ProductType
from backend.kernel.money import render_amount

_TYPES: Final[dict[str, ProductType]] = {"SMELoan": "Loan", "CommercialCreditCard": "CreditCard"}
_MONTHS: Final = {"Month": 1, "Quarter": 3, "Year": 12}


def product(record: Record, bank: Bank, place: Place) -> Understood:
    """The terms of an account. The standard has no outstanding amount; the balance of its account tells it.

    What the standard calls a product's id is the same for all its customers, so the account's number is the
    contract's. Its currency is the account's, or the one the bank's row says.
    """
    read = Fields(record, strict=False)
    provider_id = read.required_text("AccountId")
    account = place.asked.accounts.get(provider_id) or place.asked.account
    currency = account.currency if account else bank.ways_of(UkWays).currency
    if currency is None:
        raise read.bad("AccountId", "NO_CURRENCY", "is of no account we know, and a product names no currency")
    raw_type, name = read.required_text("ProductType"), read.text("ProductName")
    band = _loan_band(read)
    rate = band.rate("LoanProviderInterestRate") if band else None
    months = _months(band)
    described = _other(read)
    model = Product(
        product_bank=bank.name,
        product_status="Active",
        product_type=_type(raw_type, name, band),
        product_type_raw=raw_type,
        product_currency=currency,
        product_interest_rate=rate,
        rates=_rates(rate, band),
        contract_number=_contract(provider_id, account),
        repayment_period=months,
        term=None if months is None else Term(count=months, unit="MONTH"),
        product_narrative=name,
        product_description=described,
        extra=read.rest(),
    )
    return Understood((MappedProduct(model, provider_id=provider_id),), tuple(read.notes))


def _contract(provider_id: str, account: AccountKey | None) -> str:
    return account.identifier if account and account.scheme != PROVIDER_ID else provider_id


def _other(read: Fields) -> str | None:
    other = read.object("OtherProductType")
    return other.text("Description") if other else None


def _loan_band(read: Fields) -> Fields | None:
    """The one band of a loan; where there are several, which one holds is not ours to guess."""
    other = read.object("OtherProductType")
    interest = other.object("LoanInterest") if other else None
    sets = interest.objects("LoanInterestTierBandSet") if interest else []
    bands = [band for each in sets for band in each.objects("LoanInterestTierBand")]
    if len(bands) > 1:
        read.note("SEVERAL_RATES", "OtherProductType", "Several bands of interest; all are kept, none is chosen")
    return bands[0] if len(bands) == 1 else None


def _type(raw: str, name: str | None, band: Fields | None) -> ProductType:
    if raw in _TYPES:
        return _TYPES[raw]
    if band is None:
        return "Other"
    return "Mortgage" if name and "mortgage" in name.casefold() else "Loan"


def _months(band: Fields | None) -> int | None:
    if band is None:
        return None
    count, unit = band.whole("TierValueMaxTerm"), _MONTHS.get(band.text("MaxTermPeriod") or "")
    return count * unit if count is not None and unit else None


def _rates(nominal: Decimal | None, band: Fields | None) -> list[Rate]:
    """Percent in the standard, fractions in ours."""
    apr = band.rate("RepAPR") if band else None
    return [
        Rate(value=percent.scaleb(-2), value_raw=render_amount(percent), unit_raw="percent", kind=kind)
        for percent, kind in ((nominal, "NOMINAL"), (apr, "APR"))
        if percent is not None
    ]
