"""What the identity routes take and give, in the words of the API."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from backend.documents.token import Scope
from backend.documents.user import USER_NAME_PATTERN

PASSWORD_MIN, PASSWORD_MAX = 8, 128
EMAIL_PATTERN = r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}$"
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
EXPIRES_IN_DAYS_MAX = 365

UserName = Annotated[str, StringConstraints(strict=True, pattern=USER_NAME_PATTERN)]
Email = Annotated[str, StringConstraints(strict=True, pattern=EMAIL_PATTERN)]
Password = Annotated[SecretStr, Field(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX)]


class Body(BaseModel):
    """A request body: known fields only, text is text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SignUp(Body):
    """Who wants to join."""

    user_name: UserName = Field(examples=["fridaklo"])
    password: Password
    email: Email | None = None


class LogIn(Body):
    """Who says they are who."""

    user_name: Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=NO_CONTROLS)] = Field(
        description="The name or the e-mail"
    )
    password: Annotated[SecretStr, Field(min_length=1, max_length=PASSWORD_MAX)]


class NewToken(Body):
    """A personal access token to be made."""

    label: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=NO_CONTROLS)]
    scopes: list[Scope] = Field(min_length=1, max_length=4, description="A part of the caller's own")
    expires_in_days: int = Field(default=90, ge=1, le=EXPIRES_IN_DAYS_MAX)


class SignedUp(BaseModel):
    """The person that was made."""

    user_id: str
    user_name: str
    created_at: AwareDatetime


class LoggedIn(BaseModel):
    """A session; the token is shown this once."""

    user_id: str
    user_name: str
    token: str
    token_type: str = Field(examples=["Bearer"])
    scopes: list[Scope]
    expires_at: AwareDatetime


class Me(BaseModel):
    """The caller, in clear."""

    user_id: str
    user_name: str
    email: str | None
    profile: dict[str, Any] | None
    roles: list[str]
    scopes: list[Scope]
    created_at: AwareDatetime


class ShownToken(BaseModel):
    """A token in force, without the token."""

    token_id: str
    kind: str
    label: str | None
    scopes: list[Scope]
    created_at: AwareDatetime
    last_used_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    current: bool = Field(description="Whether this request was made with it")


class IssuedToken(ShownToken):
    """A new token; it is shown this once."""

    token: str


class TokenPage(BaseModel):
    """Tokens in force, oldest first."""

    data: list[ShownToken]
    next_cursor: str | None


class ShownEvent(BaseModel):
    """One event of the caller's record."""

    seq: int
    at: AwareDatetime
    actor: str
    action: str
    object: str | None
    times: int


class EventPage(BaseModel):
    """Events, newest first."""

    data: list[ShownEvent]
    next_cursor: str | None
