"""Health: alive at all, ready for requests, and the figures Prometheus collects."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from pymongo.errors import PyMongoError
from starlette.responses import PlainTextResponse

from backend.api.deps import OperatorDep, Services, ServicesDep
from backend.api.observing import Metrics
from backend.api.rendering import JsonBytes, render
from backend.api.strict import StrictRoute
from backend.kernel.sealing import KEY_VAULT

PART_SECONDS: Final = 2.0
State = Literal["up", "down"]

router = APIRouter(tags=["health"], route_class=StrictRoute, default_response_class=JsonBytes)
ROUTERS: Final = (router,)


class Alive(BaseModel):
    """The process answers."""

    status: Literal["up"]


class Readiness(BaseModel):
    """Whether requests can be served, and what answered when it was asked just now."""

    status: State
    parts: dict[str, State]


@router.get("/health/live", responses={200: {"model": Alive}})
async def live() -> Response:
    """The process runs; nothing else is asked."""
    return JsonBytes(render({"status": "up"}))


@router.get(
    "/health/ready",
    responses={200: {"model": Readiness}, 503: {"model": Readiness, "description": "A part does not answer"}},
)
async def ready(services: ServicesDep, request: Request) -> Response:
    """Asks each part now: does MongoDB answer, has it a primary, can the data keys be read."""
    states = await asyncio.gather(*(_state(ask, services) for ask in PARTS.values()))
    parts = dict(zip(PARTS, states, strict=True))
    _metrics(request).database_up.set(parts["database"] == "up")
    up = set(states) == {"up"}
    return JsonBytes(render({"status": "up" if up else "down", "parts": parts}), 200 if up else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(_: OperatorDep, services: ServicesDep, request: Request) -> Response:
    """Counters in the text form of Prometheus, for a token with the scope `operate`."""
    found = _metrics(request)
    found.database_up.set(await _state(_database, services) == "up")
    return Response(generate_latest(found.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _database(services: Services) -> bool:
    return bool((await services.store.client.admin.command("ping"))["ok"])


async def _primary(services: Services) -> bool:
    hello = await services.store.client.admin.command("hello")
    return bool(hello.get("isWritablePrimary"))


async def _data_keys(services: Services) -> bool:
    database, collection = KEY_VAULT.split(".")
    await services.store.client[database][collection].find_one({}, {"_id": 1})
    return True


PARTS: Final[dict[str, Callable[[Services], Awaitable[bool]]]] = {
    "database": _database,
    "primary": _primary,
    "data_keys": _data_keys,
}


async def _state(ask: Callable[[Services], Awaitable[bool]], services: Services) -> State:
    try:
        async with asyncio.timeout(PART_SECONDS):
            return "up" if await ask(services) else "down"
    except (PyMongoError, TimeoutError):
        return "down"


def _metrics(request: Request) -> Metrics:
    found: Metrics = request.app.state.metrics
    return found
