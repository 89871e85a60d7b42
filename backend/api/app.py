"""The application: routers, gates and problems put together over services that open and close with it."""

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from backend.api import compat, data, health
from backend.api.gates import Bodies, Callers, Problems
from backend.api.identity import routes as identity
from backend.api.limiting import Limiter
from backend.api.machines import endpoints as machine_endpoints
from backend.api.machines import routes as machines
from backend.api.observing import Metrics, Observed
from backend.api.openapi import complete
from backend.api.problems import answer_to
from backend.api.services import Services
from backend.kernel import log
from backend.kernel.settings import Settings

OpenServices = Callable[[Settings], AbstractAsyncContextManager[Services]]
ROUTERS: Final[tuple[APIRouter, ...]] = (
    *data.ROUTERS,
    *identity.ROUTERS,
    machines.router,
    *machine_endpoints.ROUTERS,
    *compat.ROUTERS,
    *health.ROUTERS,
)
BODY_SECONDS: Final = 20.0
_VERSION: Final = "1.0.0"


def create_app(settings: Settings, open_services: OpenServices, *, body_seconds: float = BODY_SECONDS) -> FastAPI:
    """The API over what ``open_services`` opens at start-up and closes at the end."""
    metrics = Metrics()
    app = FastAPI(
        title="Open Finance Data Store",
        version=_VERSION,
        lifespan=_lifespan(settings, open_services),
        middleware=_layers(settings, metrics, body_seconds),
        exception_handlers={HTTPException: _problem, RequestValidationError: _problem},
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.limiter = Limiter(settings.rate_limit_per_minute)
    app.state.metrics = metrics
    # Flat, because a router inside a router is matched twice.
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    return complete(app)


def _layers(settings: Settings, metrics: Metrics, body_seconds: float) -> list[Middleware]:
    """From the outside in."""
    return [
        Middleware(Observed, metrics=metrics),
        *_cors(settings.allowed_origins),
        Middleware(Problems),
        Middleware(Callers),
        Middleware(Bodies, limit_bytes=settings.body_limit_bytes, seconds=body_seconds),
    ]


def _cors(origins: list[str]) -> list[Middleware]:
    # Never a wildcard and never cookies: a page may only use a token it was given.
    named = [origin for origin in origins if origin != "*"]
    if not named:
        return []
    options: dict[str, Any] = {
        "allow_origins": named,
        "allow_methods": ["GET", "POST", "DELETE"],
        "allow_headers": ["Authorization", "Content-Type"],
        "expose_headers": ["X-Request-Id", "Retry-After"],
    }
    return [Middleware(CORSMiddleware, **options)]


def _lifespan(
    settings: Settings, open_services: OpenServices
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        log.configure(settings.log_level)
        async with open_services(settings) as services:
            app.state.services = services
            with _quiet_collector():
                yield

    return lifespan


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep the garbage collector from walking, again and again, what lives as long as the process."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def _problem(request: Request, error: Exception) -> Response:
    return answer_to(error, request.scope).response(request.scope)
