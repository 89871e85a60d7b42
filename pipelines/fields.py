"""Stored names the pipelines read, spelled once; a test compares them with the documents."""

from typing import Final

ACCOUNTS: Final = "external_accounts"
PRODUCTS: Final = "external_products"

ACCOUNT_OWNER: Final = "AccountUser.UserId"
ACCOUNT_ID: Final = "AccountId"
ACCOUNT_BANK: Final = "AccountBank"
ACCOUNT_TYPE: Final = "AccountType"
ACCOUNT_STATUS: Final = "AccountStatus"
ACCOUNT_CURRENCY: Final = "AccountCurrency"
ACCOUNT_BALANCE: Final = "AccountBalance"
GREEN_ACCOUNT_NARRATIVE: Final = "GreenAccountNarrative"
# The neutral field first, then the banks' own spellings for documents written without one.
ACCOUNT_NARRATIVES: Final = (
    "AccountNarrative",
    GREEN_ACCOUNT_NARRATIVE,
    "MDBAccountNarrative",
    "AccountDescription",
)

PRODUCT_OWNER: Final = "ProductCustomer.UserId"
PRODUCT_ID: Final = "ProductId"
PRODUCT_BANK: Final = "ProductBank"
PRODUCT_TYPE: Final = "ProductType"
PRODUCT_STATUS: Final = "ProductStatus"
PRODUCT_CURRENCY: Final = "ProductCurrency"
PRODUCT_AMOUNT: Final = "ProductAmount"
PRODUCT_AMOUNT_KIND: Final = "ProductAmountKind"
PRODUCT_OUTSTANDING: Final = "ProductAmountOutstanding"
PRODUCT_RATE: Final = "ProductInterestRate"
PRODUCT_OPENED: Final = "ProductDate.OpeningDate"
PROPERTY_VALUE: Final = "PropertyDetails.PropertyValue"
TERM_COUNT: Final = "Term.Count"
TERM_UNIT: Final = "Term.Unit"
REPAYMENT_MONTHS: Final = "RepaymentPeriod"
AMORTIZATION_YEARS: Final = "AmortizationPeriod"
GREEN_PRODUCT_NARRATIVE: Final = "GreenProductNarrative"
PRODUCT_NARRATIVES: Final = (
    "ProductNarrative",
    GREEN_PRODUCT_NARRATIVE,
    "MDBProductNarrative",
    "ProductDescription",
)
