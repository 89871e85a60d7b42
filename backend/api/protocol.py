"""HTTP/1.1 for strangers: uvicorn's protocol, but headers that do not come, or do not end, are not waited for."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS: Final = 10.0
HEADER_BYTES_MAX: Final = 64 * 1024


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections whose request line and headers are not complete after ``HEADER_SECONDS``.

    uvicorn itself watches only connections that have been answered before.
    """

    header_seconds = HEADER_SECONDS
    _deadline: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """A client is there; its first headers are awaited."""
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Bytes came; too many without the headers ending are refused."""
        super().data_received(data)
        if self._deadline is None or self.transport.is_closing():
            return
        self._header_bytes += len(data)
        if self._header_bytes > HEADER_BYTES_MAX:
            self.send_400_response("The headers are too large.")

    def on_message_begin(self) -> None:
        """A request begins; its headers are awaited."""
        super().on_message_begin()
        if self._deadline is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        """The headers are there; from here on the application watches the time."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._deadline = self.loop.call_later(self.header_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


# What every server of ours runs with, whoever starts it.
SERVER_OPTIONS: Final[dict[str, Any]] = {
    "http": GuardedProtocol,
    "loop": "uvloop",
    "ws": "none",
    "access_log": False,  # ours is structured and shows only what is on its list
    "log_config": None,
    "server_header": False,
    # Without a proxy anybody may write X-Forwarded-For, and would get rid of the limits for their address.
    "proxy_headers": False,
    "limit_concurrency": 2_000,
    "timeout_keep_alive": 20,
    "timeout_graceful_shutdown": 10,
}
