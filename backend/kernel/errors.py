"""The vocabulary of what can go wrong: every error says what happened and what to do next.

A class carries its HTTP status and a stable ``kind`` (the last part of the RFC 9457 problem type);
an instance carries one sentence for the reader. Sentences never hold secrets, database text or
input as it was received.
"""

from typing import ClassVar


class OpenFinanceError(Exception):
    """Root of all our errors; ``str(error)`` is one sentence that may be shown to anybody."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"

    @property
    def retry_after_seconds(self) -> int | None:
        """Seconds after which the same call may succeed, or None when waiting does not help."""
        return None


class InvalidInput(OpenFinanceError):
    """The caller sent something that cannot be used; nothing was changed."""

    status = 422
    kind = "invalid-input"
    title = "The request cannot be used as it is"


class InvalidMoney(InvalidInput):
    """An amount or currency that is not one, or two currencies where one is needed."""

    kind = "invalid-money"
    title = "That is not an amount of money"


class Malformed(InvalidInput):
    """Text that is not strict JSON: bad encoding, a duplicate key, NaN, or too deep."""

    status = 400
    kind = "malformed"
    title = "The body is not strict JSON"


class NotAuthenticated(OpenFinanceError):
    """Nobody is known to be calling."""

    status = 401
    kind = "not-authenticated"
    title = "Log in first"


class NotAllowed(OpenFinanceError):
    """The caller is known, but this token may not do that."""

    status = 403
    kind = "not-allowed"
    title = "This token may not do that"


class NotFound(OpenFinanceError):
    """Nothing of the caller's has this id; whether a stranger's has is not said."""

    status = 404
    kind = "not-found"
    title = "There is no such thing of yours"


class Conflict(OpenFinanceError):
    """The state of things forbids it."""

    status = 409
    kind = "conflict"
    title = "The present state forbids that"


class TooLarge(OpenFinanceError):
    """More bytes than this door lets in."""

    status = 413
    kind = "too-large"
    title = "The body is too large"


class TooManyRequests(OpenFinanceError):
    """The caller has used up its share for now."""

    status = 429
    kind = "too-many-requests"
    title = "Too many requests"

    def __init__(self, sentence: str, *, seconds: int) -> None:
        super().__init__(sentence)
        self._seconds = seconds

    @property
    def retry_after_seconds(self) -> int:
        """Seconds until the next call is let in."""
        return self._seconds


class Unavailable(OpenFinanceError):
    """Something we need does not answer; the same call may succeed soon."""

    status = 503
    kind = "unavailable"
    title = "A part of the system does not answer"

    @property
    def retry_after_seconds(self) -> int:
        """A few seconds: databases elect, banks restart."""
        return 5


class DatabaseUnavailable(Unavailable):
    """MongoDB does not answer, or refuses us; the sentence tells the remedy."""

    kind = "database-unavailable"


class Misconfigured(OpenFinanceError):
    """The installation cannot work as it is set up; the sentence tells the remedy."""

    kind = "misconfigured"
    title = "The installation is not set up right"


class SealBroken(OpenFinanceError):
    """A sealed value cannot be opened: its key is gone (erased) or it was tampered with."""

    kind = "seal-broken"
    title = "A sealed value cannot be opened"
