"""Reading lists: one page of one person's rows, straight from the driver, in one round trip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from bson import CodecOptions, ObjectId
from fastapi import Depends, Request, Response

from backend.api.coalesce import Coalescer
from backend.api.deps import Services, requires
from backend.api.paging import Cursors, Page, page_of
from backend.api.strict import Handler, StrictRoute
from backend.documents.store import Store, Stored

READ_MS_MAX: Final = 5_000
_READER: Final = requires("read")
# Instants come out as UTC without saying so at each, which is cheaper to read and to render.
_PLAIN: Final[CodecOptions[Stored]] = CodecOptions(tz_aware=False)
Where: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A collection as it is listed: the owner's field, the index that has the order, the fields shown.

    ``order`` names the sort fields after the owner, last of them ``_id``, and whether they go up (1) or
    down (-1). ``few`` says that a person has tens of rows, so that first pages are read for many at once.
    """

    collection: str
    owner: str
    index: str
    order: tuple[tuple[str, int], ...]
    projection: Mapping[str, int]
    few: bool = False

    @property
    def owner_id(self) -> str:
        """The shard key: every query of ours has it."""
        return f"{self.owner}.UserId"


@dataclass(frozen=True, slots=True)
class _Shape:
    """What first pages must have in common to be read together."""

    listing: Listing
    where: tuple[tuple[str, str], ...]
    limit: int


class Reads:
    """Pages of stored rows, for lists."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._database = store.database.with_options(codec_options=_PLAIN)
        self._first_pages: Coalescer[_Shape, ObjectId, Page] = Coalescer(self._of_many)

    async def page(self, listing: Listing, user_id: ObjectId, where: Where, *, limit: int, cursor: str | None) -> Page:
        """At most ``limit`` of the person's rows that fit ``where``, those after ``cursor``.

        Raises InvalidInput for a cursor that was not made for this very list.
        """
        if listing.few and cursor is None:
            return await self._first_pages.read(_Shape(listing, tuple(where.items()), limit), user_id)
        after = where
        if cursor is not None:
            after = _after(listing, where, self._cursors(listing, user_id, where).read(cursor))
        rows = await self._rows(listing, {listing.owner_id: user_id, **after}, limit + 1)
        return self._page(listing, user_id, where, rows, limit)

    def _cursors(self, listing: Listing, user_id: ObjectId, where: Where) -> Cursors:
        filters = {name: str(value) for name, value in where.items()}
        return Cursors(self.store.keyed_hash, f"{listing.collection} {listing.index}", user_id, filters)

    def _page(self, listing: Listing, user_id: ObjectId, where: Where, rows: list[Stored], limit: int) -> Page:
        keys = [name for name, _ in listing.order]
        page = page_of(rows, limit=limit, keys=keys, cursors=self._cursors(listing, user_id, where))
        for row in page.data:
            del row["_id"]  # what is shown has public ids
        return page

    async def _rows(self, listing: Listing, where: Where, limit: int, *, owners: int = 1) -> list[Stored]:
        by_owner = [(listing.owner_id, 1)] if owners > 1 else []
        cursor = self._database[listing.collection].find(
            where,
            listing.projection,
            sort=[*by_owner, *listing.order],
            limit=limit * owners,
            batch_size=limit * owners,
            hint=listing.index,
            max_time_ms=READ_MS_MAX,
        )
        return await cursor.to_list()

    async def _of_many(self, shape: _Shape, owners: Sequence[ObjectId]) -> dict[ObjectId, Page]:
        """Each owner's first page. Who has too many rows for the common query is asked for alone."""
        listing, where, most = shape.listing, dict(shape.where), shape.limit + 1
        found: dict[ObjectId, list[Stored]] = {owner: [] for owner in owners}
        whose = owners[0] if len(owners) == 1 else {"$in": list(owners)}
        rows = await self._rows(listing, {listing.owner_id: whose, **where}, most, owners=len(owners))
        for row in rows:
            found[row[listing.owner]["UserId"]].append(row)
        if len(owners) > 1 and len(rows) == most * len(owners):
            # The query was cut off: the last owner in it, and all that would have followed, may lack rows.
            last = rows[-1][listing.owner]["UserId"]
            for owner in owners:
                if owner >= last:
                    found[owner] = await self._rows(listing, {listing.owner_id: owner, **where}, most)
        return {owner: self._page(listing, owner, where, rows, shape.limit) for owner, rows in found.items()}


def _after(listing: Listing, where: Where, position: Sequence[Any]) -> Stored:
    """``where``, and beyond ``position`` in the listing's order."""
    *leading, last = zip(listing.order, position, strict=True)
    (id_name, id_way), id_value = last
    if not leading:
        return {**where, id_name: {_beyond(id_way): id_value}}
    ((name, way), value), *_ = leading
    bounds = {**where.get(name, {}), f"{_beyond(way)}e": value}
    seen = {name: value, id_name: {f"{_beyond(-id_way)}e": id_value}}
    return {**where, name: bounds, "$nor": [seen]}


def _beyond(way: int) -> str:
    return "$gt" if way > 0 else "$lt"


async def reads(request: Request) -> Reads:
    """The reads of the running application: one for all its requests, or nothing could be read together."""
    state = request.app.state
    services: Services = state.services
    found: Reads | None = getattr(state, "reads", None)
    if found is None or found.store is not services.store:
        found = state.reads = Reads(services.store)
    return found


ReadsDep = Annotated[Reads, Depends(reads)]


class ListRoute(StrictRoute):
    """The route of a list; nothing is parsed when nothing is asked for but the list, as in most reads.

    Its function takes ``reads``, ``viewer``, and parameters of the path and query; those of the query
    have defaults.
    """

    def get_route_handler(self) -> Handler:
        """The handler, with a short way for a path and a query that hold no parameters."""
        parsed = super().get_route_handler()
        list_plainly = self.endpoint
        if self.dependencies:  # only the long way asks them
            return parsed

        async def handle(request: Request) -> Response:
            if request.scope["query_string"] or request.scope["path_params"]:
                return await parsed(request)
            viewer = await _READER(request)
            plainly: Response = await list_plainly(reads=await reads(request), viewer=viewer)
            return plainly

        return handle
