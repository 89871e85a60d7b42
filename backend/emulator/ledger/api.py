"""The HTTP API of the platform: the routes of the services that this process runs, for owners only."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pymongo.asynchronous.client_session import AsyncClientSession

from backend.emulator.ledger import bodies
from backend.emulator.ledger.canonical import canonical, digest, plain
from backend.emulator.ledger.commands import transaction_id
from backend.emulator.ledger.journal import Stored
from backend.emulator.ledger.platform import SERVICES, Platform
from backend.emulator.ledger.problems import add_problems
from backend.emulator.ledger.requests import Act, Answer, Requests
from backend.emulator.ledger.requests import Request as OwnersRequest
from backend.emulator.ledger.services.accounts import NewAccount
from backend.emulator.ledger.services.banking import Order
from backend.kernel import strict_json
from backend.kernel.clock import now
from backend.kernel.errors import InvalidInput, TooLarge

Caller = Callable[[Request], Awaitable[str]]
AccountPath = Annotated[str, Path(pattern=bodies.ACCOUNT_ID)]
Key = Annotated[str | None, Header(alias="Idempotency-Key")]
_UUID4: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_BODY_BYTES: Final = 65_536


class _Exact(Request):
    """A request whose JSON was read strictly: numbers exact, no key twice. Starlette keeps both forms of the body."""

    @classmethod
    async def read(cls, request: Request) -> "_Exact":
        exact = cls(request.scope, request.receive)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _BODY_BYTES:
                raise TooLarge(f"A body has at most {_BODY_BYTES} bytes")
        exact._body = bytes(body)
        if body:
            exact._json = strict_json.loads(exact._body)
        return exact


class ExactRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the strict reader."""
        handle = super().get_route_handler()

        async def exact(request: Request) -> Response:
            return await handle(await _Exact.read(request))

        return exact


def create_ledger_app(
    platform: Platform,
    caller: Caller,
    *,
    bank: str = "leafy-bank",
    services: Collection[str] = SERVICES,
    is_relaying: bool = True,
) -> FastAPI:
    """The API of ``services`` over ``platform``; while it lives, messages reach them (unless not ``is_relaying``).

    ``caller`` says whose request it is, or raises NotAuthenticated. Accounts opened here are of ``bank``.
    """
    if unknown := set(services) - set(SERVICES):
        raise InvalidInput(f"There are the services {', '.join(SERVICES)}, and no {', '.join(sorted(unknown))}")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with platform.relaying(services if is_relaying else ()):
            yield

    app = FastAPI(title="Digital banking platform", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    add_problems(app)
    routers = {"accounts": _accounts(platform, caller, bank), "banking": _banking(platform, caller)}
    routers["query"] = _query(platform, caller)
    for service in services:
        if service in routers:
            app.include_router(routers[service])

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy"}

    return app


def _accounts(platform: Platform, caller: Caller, bank: str) -> APIRouter:
    router = APIRouter(route_class=ExactRoute, tags=["accounts"])
    owner_of = Depends(caller)
    accounts = platform.accounts

    @router.post("/accounts", status_code=201)
    async def open_account(body: bodies.OpenAccount, key: Key = None, owner: str = owner_of) -> Response:
        async def act(session: AsyncClientSession) -> Answer:
            wanted = NewAccount(owner=owner, bank=bank, name=body.name, currency=body.currency)
            stored = await accounts.open(wanted, session)
            return Answer(201, {"message": "Account created successfully"} | bodies.account(stored))

        return await _answer(accounts.requests, owner, key, "POST /accounts", body, act)

    @router.get("/accounts")
    async def list_accounts(owner: str = owner_of) -> Stored:
        return {"accounts": [bodies.account(each) for each in await accounts.list(owner=owner)]}

    @router.get("/accounts/{account_id}")
    async def get_account(account_id: AccountPath, owner: str = owner_of) -> Stored:
        return bodies.account(await accounts.get(account_id, owner=owner))

    @router.put("/accounts/{account_id}/close")
    async def close_account(
        account_id: AccountPath, body: bodies.CloseAccount | None = None, key: Key = None, owner: str = owner_of
    ) -> Response:
        asked = body or bodies.CloseAccount()

        async def act(session: AsyncClientSession) -> Answer:
            await accounts.close(account_id, now(), session, owner=owner, reason=asked.reason)
            return Answer(200, {"message": "Account closed successfully", "accountId": account_id})

        return await _answer(accounts.requests, owner, key, f"PUT /accounts/{account_id}/close", asked, act)

    return router


def _banking(platform: Platform, caller: Caller) -> APIRouter:
    router = APIRouter(route_class=ExactRoute, tags=["banking"])
    owner_of = Depends(caller)
    banking = platform.banking

    async def order(what: Order, name: str, key: str | None, body: BaseModel, path: str) -> Response:
        async def act(session: AsyncClientSession) -> Answer:
            operation = (await banking.start(what, session))["_id"]
            told = {"message": f"{name} operation initiated", "operationId": operation, "status": "pending"}
            return Answer(202, told | ({"transaction_id": transaction_id(operation)} if what.receiver else {}))

        return await _answer(banking.requests, what.owner, key, path, body, act)

    @router.post("/deposit", status_code=202)
    async def deposit(body: bodies.Deposit, key: Key = None, owner: str = owner_of) -> Response:
        what = Order(type="deposit", owner=owner, account=body.accountId, amount=body.amount)
        return await order(what, "Deposit", key, body, "POST /deposit")

    @router.post("/withdraw", status_code=202)
    async def withdraw(body: bodies.Withdrawal, key: Key = None, owner: str = owner_of) -> Response:
        what = Order(type="withdraw", owner=owner, account=body.accountId, amount=body.amount)
        return await order(what, "Withdraw", key, body, "POST /withdraw")

    @router.post("/perform-account-transfer", status_code=202)
    async def transfer(body: bodies.Transfer, key: Key = None, owner: str = owner_of) -> Response:
        return await order(_transfer(body, owner), "Transfer", key, body, "POST /perform-account-transfer")

    @router.post("/perform-digital-payment", status_code=202)
    async def pay(body: bodies.Payment, key: Key = None, owner: str = owner_of) -> Response:
        what = _transfer(body, owner, body.payment_method)
        return await order(what, "Payment", key, body, "POST /perform-digital-payment")

    @router.get("/operation-status/{operation_id}")
    async def status(operation_id: Annotated[str, Path(pattern=_UUID4)], owner: str = owner_of) -> Stored:
        return bodies.operation(await banking.operation(operation_id, owner=owner))

    return router


def _query(platform: Platform, caller: Caller) -> APIRouter:
    router = APIRouter(route_class=ExactRoute, tags=["query"])
    owner_of = Depends(caller)
    query = platform.query

    @router.get("/transactions/{account_id}")
    async def transactions(
        account_id: AccountPath,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[int | None, Query(ge=1)] = None,
        owner: str = owner_of,
    ) -> Stored:
        found = await query.transactions(account_id, owner=owner, limit=limit, before=before)
        following = {"before": found[-1]["seq"]} if len(found) == limit and found[-1]["seq"] > 1 else {}
        return {"transactions": [bodies.transaction(each) for each in found]} | following

    @router.get("/balances")
    async def balances(owner: str = owner_of) -> Stored:
        return {"balances": [bodies.balance(each) for each in await query.balances(owner=owner)]}

    @router.get("/balances/{account_id}")
    async def balance(account_id: AccountPath, owner: str = owner_of) -> Stored:
        return bodies.balance(await query.balance(account_id, owner=owner))

    @router.get("/notifications")
    async def notifications(limit: Annotated[int, Query(ge=1, le=500)] = 50, owner: str = owner_of) -> Stored:
        found = await query.notifications(owner=owner, limit=limit)
        return {"notifications": [bodies.notification(each) for each in found]}

    return router


def _transfer(body: bodies.Transfer, owner: str, payment_method: str | None = None) -> Order:
    return Order(
        type="transfer",
        owner=owner,
        account=body.account_id_sender,
        receiver=body.account_id_receiver,
        amount=body.transaction_amount,
        payment_method=payment_method,
    )


async def _answer(
    requests: Requests, owner: str, key: str | None, what: str, body: BaseModel, act: Act
) -> JSONResponse:
    """The answer to the request, done once for its key; the fingerprint covers address and body."""
    fingerprint = digest(canonical({"what": what, "body": plain(body.model_dump())}))
    answer = await requests.once(OwnersRequest(owner, key, fingerprint), act)
    headers = {"Idempotency-Hit": "true"} if answer.is_repeat else None
    return JSONResponse(answer.body, answer.status, headers)
