"""The only clock: time comes in by this door, so tests can set it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_set_to: ContextVar[datetime | None] = ContextVar("clock", default=None)


def now() -> datetime:
    """The present instant in UTC, cut to milliseconds because that is all BSON keeps."""
    instant = _set_to.get() or datetime.now(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@contextmanager
def stopped_at(instant: datetime) -> Iterator[None]:
    """Within the block it is always ``instant`` (which must be aware)."""
    if instant.tzinfo is None:
        raise ValueError("The clock can only be set to an instant with a time zone")
    token = _set_to.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _set_to.reset(token)
