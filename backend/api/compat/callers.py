"""Who may ask what: older clients name the user in the request, and it must be the one the token names."""

from typing import Annotated, Final, TypeAlias

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.compat.seed import Seed
from backend.api.deps import ReaderDep, ServicesDep, Viewer
from backend.kernel.errors import NotFound

LISTED_MAX: Final = 1_000

Identifier: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=128)]
UserIdentifier: TypeAlias = Annotated[Identifier, Query(description="Your UserName, or your id (24 hex digits)")]
HexId: TypeAlias = Annotated[str, StringConstraints(pattern="^[0-9a-fA-F]{24}$")]
Listed: TypeAlias = Annotated[list[HexId] | None, Field(max_length=LISTED_MAX)]
BankName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class Body(BaseModel):
    """A request of an older client; fields it sends beyond these change nothing."""

    model_config = ConfigDict(frozen=True, strict=True)


def require_self(viewer: Viewer, *identifiers: str) -> None:
    """NotFound unless each of ``identifiers`` is the viewer's name or id: strangers are not confirmed."""
    if any(each != viewer.user_name and each.lower() != str(viewer.user_id) for each in identifiers):
        raise NotFound("You are not the user this asks for, or there is none")


async def seed(services: ServicesDep, viewer: ReaderDep) -> Seed:
    """The viewer's accounts and products in the older form."""
    return Seed(services, viewer)


SeedDep = Annotated[Seed, Depends(seed)]
