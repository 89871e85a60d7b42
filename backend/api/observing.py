"""Watching: an id and safe headers for every answer, one log line, counters for Prometheus."""

import itertools
import secrets
import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from backend.api.identity.viewer import VIEWER
from backend.api.problems import REQUEST_ID
from backend.kernel.log import get_logger

UNMATCHED: Final = "unmatched"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_REFUSED: Final = 400
_SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-site"),
)
_PRIVATE: Final = (b"cache-control", b"no-store")


class Metrics:
    """What Prometheus may ask for; one set for each application, so that tests do not share them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.database_up = Gauge("openfinance_database_up", "1 when MongoDB answers", registry=self.registry)
        self._requests = Counter(
            "openfinance_requests", "Requests answered", ["route", "method", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "openfinance_request_seconds",
            "Time to the last byte",
            ["route", "method"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        # Label look-ups cost more than counting; there are only routes times methods times statuses of these.
        self._of: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (route, method if method in _METHODS else "OTHER", status)
        found = self._of.get(key)
        if found is None:
            found = self._of[key] = (self._requests.labels(*key), self._seconds.labels(*key[:2]))
        found[0].inc()
        found[1].observe(seconds)


class Observed:
    """The outermost layer: gives the request its id, and sees every answer."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._log: FilteringBoundLogger | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the rest; afterwards log, count and note the use of the token."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        # Unique and cheap; nothing is derived from it, so it may be guessed.
        request_id = f"{self._prefix}{next(self._numbers):08x}"
        scope[REQUEST_ID] = request_id
        status = 500

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _dressed(message.get("headers", ()), request_id, scope)
            await send(message)

        try:
            await self._app(scope, receive, dressed)
        finally:
            self._note(scope, request_id, status, time.perf_counter() - started)

    def _bound_log(self) -> FilteringBoundLogger:
        # At the first request, because only then the log is configured; once, because binding takes time.
        if self._log is None:
            self._log = get_logger().bind()
        return self._log

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        found = scope.get("route")
        route = found.path if found else UNMATCHED
        method = scope["method"]
        self._metrics.observe(route, method, status, seconds)
        self._bound_log().info(
            "request",
            request_id=request_id,
            method=method if method in _METHODS else "OTHER",
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
        )
        if status < _REFUSED and (viewer := scope.get(VIEWER)):
            scope["app"].state.services.credentials.used(viewer, f"{method} {route}")


def _dressed(headers: "list[tuple[bytes, bytes]]", request_id: str, scope: Scope) -> list[tuple[bytes, bytes]]:
    dressed = [*headers, *_SAFE_HEADERS, (b"x-request-id", request_id.encode())]
    if VIEWER in scope and all(name != b"cache-control" for name, _ in headers):
        dressed.append(_PRIVATE)
    return dressed
