"""Accounts and products: what people hold at banks. The two are listed and shown by the same code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from backend.api.data.opening import open_sealed, seal_note
from backend.api.data.parameters import Currency, Institution
from backend.api.data.reads import READ_MS_MAX, Listing, ListRoute, Reads, ReadsDep
from backend.api.data.shapes import list_of, projection_of, row_of, whole_of
from backend.api.deps import ReaderDep, Viewer
from backend.api.paging import LIMIT_DEFAULT, CursorText, Limit
from backend.api.rendering import JsonBytes, render
from backend.documents.account import AccountStatus, AccountType, ExternalAccount
from backend.documents.product import ExternalProduct, ProductStatus, ProductType
from backend.documents.store import Stored
from backend.kernel.errors import NotFound
from backend.kernel.ids import object_id_of

router = APIRouter(prefix="/api/v1", route_class=ListRoute, tags=["data"])


@dataclass(frozen=True, slots=True, eq=False)
class Holding:
    """One kind of thing held at a bank: its list, its public id, its filters, and how one is shown alone."""

    listing: Listing
    document: type[ExternalAccount | ExternalProduct]
    prefix: str
    public_id: str
    filters: Mapping[str, str]
    whole: type[BaseModel]
    rows: type[BaseModel]
    whole_projection: Mapping[str, int]

    async def page(
        self,
        reads: Reads,
        viewer: Viewer,
        filters: Mapping[str, str | None],
        *,
        limit: int,
        cursor: str | None,
    ) -> Response:
        """One page of the viewer's, by the filters that are given."""
        where = {self.filters[name]: value for name, value in filters.items() if value is not None}
        page = await reads.page(self.listing, viewer.user_id, where, limit=limit, cursor=cursor)
        return JsonBytes(page.render())

    async def find(self, reads: Reads, viewer: Viewer, public: str, projection: Mapping[str, int]) -> Stored:
        """The viewer's document with this public id; NotFound when it is a stranger's, or none."""
        key = object_id_of(public, self.prefix)
        found = None
        if key is not None:
            found = await reads.store.collection(self.listing.collection).find_one(
                {self.listing.owner_id: viewer.user_id, "_id": key, self.public_id: public},
                projection,
                hint=self.listing.index,
                max_time_ms=READ_MS_MAX,
            )
        if found is None:
            raise NotFound("Nothing of yours has this id")
        return found

    async def show(self, reads: Reads, viewer: Viewer, public: str) -> Response:
        """The whole document, sealed values opened."""
        document = await self.find(reads, viewer, public, self.whole_projection)
        broken = await open_sealed(document, self.document.SEALED, owner=viewer.user_id, sealer=reads.store.sealer)
        if broken:
            document["Quality"] = [*document.get("Quality", []), *map(seal_note, broken)]
        document.pop("_id", None)
        return JsonBytes(render(document))


def _holding(document: Any, *, name: str, owner: str, prefix: str, filters: Mapping[str, str]) -> Holding:
    row, whole = row_of(document, f"{name}Row"), whole_of(document, name)
    return Holding(
        listing=Listing(
            collection=document.Settings.name,
            owner=owner,
            index="owner",
            order=(("_id", 1),),
            projection=projection_of(row),
            few=True,
        ),
        document=document,
        prefix=prefix,
        public_id=f"{name}Id",
        filters=filters,
        whole=whole,
        rows=list_of(row, f"{name}List"),
        whole_projection=projection_of(whole),
    )


ACCOUNTS: Final = _holding(
    ExternalAccount,
    name="Account",
    owner="AccountUser",
    prefix="acc",
    filters={
        "institution": "AccountBank",
        "type": "AccountType",
        "status": "AccountStatus",
        "currency": "AccountCurrency",
    },
)
PRODUCTS: Final = _holding(
    ExternalProduct,
    name="Product",
    owner="ProductCustomer",
    prefix="prd",
    filters={
        "institution": "ProductBank",
        "type": "ProductType",
        "status": "ProductStatus",
        "currency": "ProductCurrency",
    },
)
AccountIdPath = Annotated[str, Path(max_length=64, description="AccountId, such as acc_…")]
ProductIdPath = Annotated[str, Path(max_length=64, description="ProductId, such as prd_…")]


@router.get("/accounts", responses={200: {"model": ACCOUNTS.rows}})
async def accounts(
    reads: ReadsDep,
    viewer: ReaderDep,
    institution: Institution = None,
    kind: Annotated[AccountType | None, Query(alias="type")] = None,
    status: AccountStatus | None = None,
    currency: Currency = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Your accounts at all banks, in a stable order; account numbers are masked here."""
    filters = {"institution": institution, "type": kind, "status": status, "currency": currency}
    return await ACCOUNTS.page(reads, viewer, filters, limit=limit, cursor=cursor)


@router.get("/accounts/{account_id}", responses={200: {"model": ACCOUNTS.whole}})
async def account(reads: ReadsDep, viewer: ReaderDep, account_id: AccountIdPath) -> Response:
    """One account of yours, with its number and all the bank said of it."""
    return await ACCOUNTS.show(reads, viewer, account_id)


@router.get("/products", responses={200: {"model": PRODUCTS.rows}})
async def products(
    reads: ReadsDep,
    viewer: ReaderDep,
    institution: Institution = None,
    kind: Annotated[ProductType | None, Query(alias="type")] = None,
    status: ProductStatus | None = None,
    currency: Currency = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Your loans, mortgages and other products at all banks, in a stable order."""
    filters = {"institution": institution, "type": kind, "status": status, "currency": currency}
    return await PRODUCTS.page(reads, viewer, filters, limit=limit, cursor=cursor)


@router.get("/products/{product_id}", responses={200: {"model": PRODUCTS.whole}})
async def product(reads: ReadsDep, viewer: ReaderDep, product_id: ProductIdPath) -> Response:
    """One product of yours, with all the bank said of it."""
    return await PRODUCTS.show(reads, viewer, product_id)
