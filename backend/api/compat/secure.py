"""The older API of external accounts and products: same paths and replies, for owners alone."""

from decimal import Decimal
from typing import Annotated, Any

from bson import ObjectId
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from backend.api.compat.callers import (
    BankName,
    Body,
    HexId,
    Identifier,
    Listed,
    SeedDep,
    UserIdentifier,
    require_self,
)
from backend.api.compat.numbers import reply
from backend.api.compat.seed import ACCOUNTS, PRODUCTS
from backend.api.deps import ReaderDep, ViewerDep
from backend.api.limiting import limited
from backend.api.strict import StrictRoute

router = APIRouter(prefix="/api/v1/openfinance/secure", route_class=StrictRoute, tags=["older front ends"])
InstitutionName = Annotated[BankName, Query(description="Name of the bank, such as Green Bank")]
THIRTY = [Depends(limited("30/minute"))]


class Message(BaseModel):
    """A sentence."""

    message: str


class Accounts(BaseModel):
    """Accounts with the fields of the collection `external_accounts` as it first was."""

    accounts: list[dict[str, Any]]


class Products(BaseModel):
    """Products with the fields of the collection `external_products` as it first was."""

    products: list[dict[str, Any]]


class TotalBalance(BaseModel):
    """A sum of accounts of one currency."""

    total_balance: float


class TotalDebt(BaseModel):
    """A sum of loans and mortgages of one currency."""

    total_debt: float


class RetrievedAccount(Message):
    """An account by its id."""

    account_id: str


class RetrievedProduct(Message):
    """A product by its id."""

    product_id: str


class ForBalance(Body):
    """Whose balance, and which external accounts count."""

    user_id: HexId
    connected_external_accounts: Listed


class ForDebt(Body):
    """Whose debt, and which products count."""

    user_id: HexId
    connected_external_products: Listed


class AccountWanted(Body):
    """An account of the user at a bank."""

    account_bank: BankName
    user_name: Identifier
    user_id: HexId


class ProductWanted(Body):
    """A product of the user at a bank."""

    product_bank: BankName
    user_name: Identifier
    user_id: HexId


@router.post("/validate-token", responses={200: {"model": Message}}, dependencies=THIRTY)
async def validate_token(viewer: ViewerDep) -> Response:
    """Says whose token it is."""
    return reply({"message": f"Bearer Token is valid for user: {viewer.user_name}"})


@router.get("/fetch-external-accounts-for-user/", responses={200: {"model": Accounts}})
async def external_accounts(seed: SeedDep, viewer: ReaderDep, user_identifier: UserIdentifier) -> Response:
    """Your accounts at every bank but the house bank."""
    require_self(viewer, user_identifier)
    return reply({"accounts": await seed.things(ACCOUNTS, banks="external")})


@router.get("/fetch-external-accounts-for-user-and-institution/", responses={200: {"model": Accounts}})
async def external_accounts_at(
    seed: SeedDep, viewer: ReaderDep, user_identifier: UserIdentifier, institution_name: InstitutionName
) -> Response:
    """Your accounts at one bank that is not the house bank."""
    require_self(viewer, user_identifier)
    return reply({"accounts": await seed.things(ACCOUNTS, banks="external", institution=institution_name)})


@router.get("/fetch-external-products-for-user/", responses={200: {"model": Products}})
async def external_products(seed: SeedDep, viewer: ReaderDep, user_identifier: UserIdentifier) -> Response:
    """Your products at every bank but the house bank."""
    require_self(viewer, user_identifier)
    return reply({"products": await seed.things(PRODUCTS, banks="external")})


@router.get("/fetch-external-products-for-user-and-institution/", responses={200: {"model": Products}})
async def external_products_at(
    seed: SeedDep, viewer: ReaderDep, user_identifier: UserIdentifier, institution_name: InstitutionName
) -> Response:
    """Your products at one bank that is not the house bank."""
    require_self(viewer, user_identifier)
    return reply({"products": await seed.things(PRODUCTS, banks="external", institution=institution_name)})


@router.post("/calculate-total-balance-for-user/", responses={200: {"model": TotalBalance}})
async def total_balance(seed: SeedDep, viewer: ReaderDep, body: ForBalance) -> Response:
    """The sum of your open accounts at the house bank, and of the external ones listed."""
    require_self(viewer, body.user_id)
    total: Decimal = await seed.total(ACCOUNTS, listed=body.connected_external_accounts or (), banks="house")
    return reply({"total_balance": total})


@router.post("/calculate-total-debt-for-user/", responses={200: {"model": TotalDebt}})
async def total_debt(seed: SeedDep, viewer: ReaderDep, body: ForDebt) -> Response:
    """The sum of the loans and mortgages listed."""
    require_self(viewer, body.user_id)
    total: Decimal = await seed.total(PRODUCTS, listed=body.connected_external_products or (), banks=None)
    return reply({"total_debt": total})


@router.post("/retrieve-external-account-for-user", responses={200: {"model": RetrievedAccount}}, dependencies=THIRTY)
async def retrieve_account(seed: SeedDep, viewer: ReaderDep, body: AccountWanted) -> Response:
    """The id of your oldest account at that bank; nothing is made up and nothing is stored."""
    require_self(viewer, body.user_name, body.user_id)
    found: ObjectId = await seed.oldest(ACCOUNTS, body.account_bank)
    return reply({"message": f"External account retrieved for {viewer.user_name}.", "account_id": found})


@router.post("/retrieve-external-product-for-user", responses={200: {"model": RetrievedProduct}}, dependencies=THIRTY)
async def retrieve_product(seed: SeedDep, viewer: ReaderDep, body: ProductWanted) -> Response:
    """The id of your oldest product at that bank; nothing is made up and nothing is stored."""
    require_self(viewer, body.user_name, body.user_id)
    found: ObjectId = await seed.oldest(PRODUCTS, body.product_bank)
    return reply({"message": f"External product retrieved for {viewer.user_name}.", "product_id": found})
