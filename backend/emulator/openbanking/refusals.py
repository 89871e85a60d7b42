"""What a bank's API refuses, and why; each dialect has its own words and codes for the reasons."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a call is refused."""

    TOKEN_MISSING = "token-missing"  # noqa: S105 - a reason's name
    TOKEN_UNKNOWN = "token-unknown"  # noqa: S105 - a reason's name
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 - a reason's name
    KEY_INVALID = "key-invalid"
    CONSENT_UNKNOWN = "consent-unknown"
    CONSENT_INVALID = "consent-invalid"
    CONSENT_EXPIRED = "consent-expired"
    AUTHENTICATION_EXPIRED = "authentication-expired"
    PERMISSION_MISSING = "permission-missing"
    ACCOUNT_UNKNOWN = "account-unknown"
    READS_EXCEEDED = "reads-exceeded"
    FIELD_MISSING = "field-missing"
    FIELD_INVALID = "field-invalid"
    HEADER_MISSING = "header-missing"
    HEADER_INVALID = "header-invalid"
    PARAMETER_UNKNOWN = "parameter-unknown"
    PERIOD_INVALID = "period-invalid"
    STATE_CONFLICT = "state-conflict"
    NOT_FOUND = "not-found"
    METHOD_UNKNOWN = "method-unknown"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


class Refused(Exception):
    """A call that is refused. ``str`` of it is one sentence; ``place`` names the field or header, if it is one."""

    def __init__(
        self, reason: Reason, sentence: str, *, place: str | None = None, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.place = place
        self.retry_after_seconds = retry_after_seconds
