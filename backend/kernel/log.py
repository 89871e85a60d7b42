"""Structured logs that can only show what is on the list: one JSON object a line, on standard error."""

import logging
import sys
from typing import Any

import orjson
import structlog

# A field that is not named here never reaches a log. None of these can carry a secret, a name or an amount.
SHOWN = frozenset(
    {
        "event", "level", "timestamp", "request_id", "method", "route", "status", "duration_ms", "bank", "dialect",
        "collection", "read", "new", "changed", "same", "quarantined", "attempt", "error_kind", "error_class",
        "insight", "port", "version", "count", "raised_at", "function",
    }
)  # fmt: skip


def configure(level: str) -> None:
    """Send our logs of at least ``level`` to standard error, allow-listed; other libraries' from WARNING on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_shown,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=False,
    )


def only_shown(_logger: Any, _method: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """``line`` with every field that is not on the list replaced by ``…``."""
    return {name: value if name in SHOWN else "…" for name, value in line.items()}


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger of the house."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
