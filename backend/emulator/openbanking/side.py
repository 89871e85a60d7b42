"""One bank's side of the API: its row, its gate and its books, and how its handlers are called."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.emulator.openbanking.books import Books
from backend.emulator.openbanking.exact_json import ExactJson
from backend.emulator.openbanking.facts import Account, Bank
from backend.emulator.openbanking.gate import Admitted, Gate
from backend.emulator.openbanking.reading import Reader
from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.world_time import WorldTime
from backend.kernel.mongo.client import translated


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """All that one bank's handlers need. ``address`` is its own, without a slash; ``accounts`` are ids by number."""

    bank: Bank
    address: str
    gate: Gate
    books: Books
    reader: Reader
    time: WorldTime
    accounts: Mapping[str, str]

    @property
    def zone(self) -> ZoneInfo:
        """Where its days begin and end."""
        return self.bank.tz


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a third party."""

    request: Request
    side: Side

    @property
    def path(self) -> str:
        """The path that was called."""
        return self.request.url.path

    async def one(self, permission: str) -> tuple[Admitted, Account]:
        """The account in the path, if the consent covers ``permission`` of it. Not counted yet."""
        named = self.request.path_params["account"]
        admitted = await self.side.gate.admit(self.request, permission=permission, account=named)
        account = await self.side.books.account(self.side.bank.id, named)
        if account is None:
            raise Refused(Reason.ACCOUNT_UNKNOWN, "The customer shared no such account")
        return admitted, account

    async def shared(self, permission: str) -> tuple[Admitted, list[Account]]:
        """All shared accounts that the permission reaches. Not counted yet."""
        admitted = await self.side.gate.admit(self.request, permission=permission)
        return admitted, await self.side.books.accounts(self.side.bank.id, admitted.accounts(permission))

    def address(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The full address of a path at this bank."""
        return self.side.address + self.link(path, query)

    def link(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The path with its query, for links that stay at this bank."""
        return f"{path}?{urlencode(query)}" if query else path


Handler = Callable[[Call], Awaitable[Response]]


def route(path: str, handler: Handler, *methods: str) -> Route:
    """``path`` answered by ``handler``; GET unless other methods are named."""

    async def answered(request: Request) -> Response:
        with translated():
            return await handler(Call(request, request.app.state.side))

    return Route(path, answered, methods=list(methods or ("GET",)))


def answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer that nobody on the way keeps."""
    return ExactJson(body, status_code=status, headers={"Cache-Control": "no-store", **(headers or {})})
