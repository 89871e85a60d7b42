"""Institutions: the banks this installation can read, one row of data/banks each."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from backend.api.data.shapes import list_of
from backend.api.deps import ReaderDep, ServicesDep
from backend.api.paging import LIMIT_DEFAULT, Cursors, CursorText, Limit, page_of
from backend.api.rendering import JsonBytes
from backend.api.strict import StrictRoute
from backend.banks.contract import Bank, Kind

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, tags=["data"])


class Institution(BaseModel):
    """A bank in our directory."""

    id: str
    name: str = Field(description="As AccountBank and ProductBank have it")
    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166-1")
    dialect: str = Field(description="The API standard it speaks")
    kinds: list[Kind] = Field(description="What it tells of")
    own: bool = Field(description="Whether it is the house bank, whose accounts are not external")


@router.get(
    "/institutions",
    responses={200: {"model": list_of(Institution, "InstitutionList")}},
)
async def institutions(
    services: ServicesDep,
    viewer: ReaderDep,
    country: Annotated[str | None, Query(pattern="^[A-Z]{2}$", description="ISO 3166-1")] = None,
    dialect: Annotated[str | None, Query(min_length=1, max_length=80)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """The banks that can be read, by id."""
    filters = {"country": country, "dialect": dialect}
    cursors = Cursors(services.store.keyed_hash, "institutions", viewer.user_id, filters)
    after = "" if cursor is None else cursors.read(cursor)[0]
    rows = [
        _row(bank)
        for bank in sorted(services.banks, key=lambda bank: bank.id)
        if bank.id > after and country in (None, bank.country) and dialect in (None, bank.dialect)
    ]
    return JsonBytes(page_of(rows, limit=limit, keys=["id"], cursors=cursors).render())


def _row(bank: Bank) -> dict[str, Any]:
    return {
        "id": bank.id,
        "name": bank.name,
        "country": bank.country,
        "dialect": bank.dialect,
        "kinds": sorted(bank.kinds),
        "own": bank.own,
    }
