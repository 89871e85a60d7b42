"""Products, loans and mortgages first: what banks say of them, and the `external_products` collection."""

from typing import Any, ClassVar, Literal

from beanie import Document
from bson.binary import Binary
from pydantic import Field, InstanceOf
from pymongo import IndexModel

from backend.documents.parts import Id, Instant, Note, Owner, Part, Rate, Sealable, Source, Term
from backend.documents.schema import AMOUNT_SCHEMA, schema, sealed
from backend.kernel.money import Amount

ProductStatus = Literal["Active", "Closed", "Pending", "Unknown"]
ProductType = Literal[
    "Loan", "Mortgage", "CreditCard", "LineOfCredit", "Overdraft", "StudentLoan", "AutoLoan", "Lease",
    "TermDeposit", "Investment", "Other",
]  # fmt: skip


class ProductDates(Part):
    """When the contract began."""

    opening_date: Instant | None = Field(default=None, alias="OpeningDate")


class PropertyDetails(Part):
    """The property behind a mortgage; where it stands is personal and sealed."""

    address: Sealable | None = Field(default=None, alias="Address")
    property_value: Amount | None = Field(default=None, alias="PropertyValue")


class Product(Part):
    """A product as a bank describes it, every value in clear; what a mapper returns."""

    KEPT_WHEN_MISSING: ClassVar[frozenset[str]] = frozenset({"ProductAmount", "ProductInterestRate"})

    product_bank: str = Field(alias="ProductBank")
    product_status: ProductStatus = Field(alias="ProductStatus")
    product_type: ProductType = Field(alias="ProductType")
    product_type_raw: str | None = Field(default=None, alias="ProductTypeRaw")
    product_amount: Amount | None = Field(default=None, alias="ProductAmount", description="Owed: positive")
    product_amount_kind: Literal["OUTSTANDING", "ORIGINAL", "LIMIT", "DEPOSIT"] | None = Field(
        default=None, alias="ProductAmountKind"
    )
    product_amount_original: Amount | None = Field(default=None, alias="ProductAmountOriginal")
    product_amount_outstanding: Amount | None = Field(default=None, alias="ProductAmountOutstanding")
    product_currency: str = Field(alias="ProductCurrency")
    product_interest_rate: Amount | None = Field(
        default=None, alias="ProductInterestRate", description="Percent per year, nominal"
    )
    product_date: ProductDates = Field(default_factory=ProductDates, alias="ProductDate")
    contract_number: str = Field(alias="ContractNumber", description="The bank's own number of the contract")
    repayment_period: int | None = Field(default=None, alias="RepaymentPeriod", description="Months")
    amortization_period: int | None = Field(default=None, alias="AmortizationPeriod", description="Years")
    loan_collateral: str | None = Field(default=None, alias="LoanCollateral")
    property_details: PropertyDetails | None = Field(default=None, alias="PropertyDetails")
    rates: list[Rate] = Field(default_factory=list, alias="Rates")
    term: Term | None = Field(default=None, alias="Term")
    product_narrative: str | None = Field(default=None, alias="ProductNarrative")
    green_product_narrative: str | None = Field(default=None, alias="GreenProductNarrative")
    mdb_product_narrative: str | None = Field(default=None, alias="MDBProductNarrative")
    product_description: str | None = Field(default=None, alias="ProductDescription")
    extra: dict[str, Any] | InstanceOf[Binary] | None = Field(default=None, alias="Extra")


class ExternalProduct(Product, Document):
    """A product in the store, owned by one user, with its provenance."""

    id: Id = Field(alias="_id")  # type: ignore[assignment]  # derived from identity, never made by the driver
    product_id: str = Field(alias="ProductId")
    product_customer: Owner = Field(alias="ProductCustomer")
    source: Source = Field(alias="Source")
    quality: list[Note] = Field(default_factory=list, alias="Quality")
    schema_version: int = Field(default=1, alias="SchemaVersion")
    created_at: Instant = Field(alias="CreatedAt")
    updated_at: Instant = Field(alias="UpdatedAt")
    revision: int = Field(default=1, alias="Revision")

    SEALED: ClassVar[tuple[str, ...]] = ("PropertyDetails.Address", "Extra")

    class Settings:
        """Collection, indexes beside the query they serve, and what the server refuses."""

        name = "external_products"
        indexes: ClassVar = [
            # The products of one user, by page, and every insight on them (a person has a handful).
            IndexModel([("ProductCustomer.UserId", 1), ("_id", 1)], name="owner"),
        ]
        validator: ClassVar = schema(
            required=["ProductId", "ProductBank", "ProductStatus", "ProductType", "ProductCurrency"],
            properties={
                "ProductId": {"bsonType": "string"},
                "ProductBank": {"bsonType": "string"},
                "ProductStatus": {"bsonType": "string"},
                "ProductType": {"bsonType": "string"},
                "ProductAmount": AMOUNT_SCHEMA,
                "ProductCurrency": {"bsonType": "string", "pattern": "^[A-Z]{3}$"},
                "ProductInterestRate": AMOUNT_SCHEMA,
                "RepaymentPeriod": {"bsonType": ["int", "long"]},
                "AmortizationPeriod": {"bsonType": ["int", "long"]},
                "Extra": sealed(),
                "PropertyDetails": {"bsonType": "object", "properties": {"Address": sealed()}},
            },
            owner="ProductCustomer",
        )
