"""The older API's doors: a token for whoever proves who they are, and throw-away users for trying things."""

import base64
import binascii
import secrets
from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel

from backend.api.compat.callers import UserIdentifier, require_self
from backend.api.compat.numbers import reply
from backend.api.deps import MaybeViewerDep, Services, ServicesDep
from backend.api.identity.shapes import EXPIRES_IN_DAYS_MAX, PASSWORD_MAX
from backend.api.limiting import limited
from backend.api.rendering import JsonBytes
from backend.api.strict import BEARER, StrictRoute
from backend.documents.store import Stored
from backend.kernel import clock
from backend.kernel.errors import Conflict, NotAuthenticated, NotFound

RETRIES_MAX: Final = 10
router = APIRouter(prefix="/api/v1/openfinance/public", route_class=StrictRoute, tags=["older front ends"])
root = APIRouter(route_class=StrictRoute, tags=["older front ends"])


class Running(BaseModel):
    """The server answers."""

    message: Literal["Server is running"]


class Authorization(BaseModel):
    """A bearer token of the user."""

    message: str
    UserName: str
    BearerToken: str


class Basic(HTTPBasic):
    """Name and password by HTTP Basic in UTF-8 (RFC 7617); None when there is nothing of the kind."""

    async def __call__(self, request: Request) -> HTTPBasicCredentials | None:  # type: ignore[override]
        """The credentials as they were sent, not yet looked at."""
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(sent, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return HTTPBasicCredentials(username=name, password=password)


BasicDep = Annotated[HTTPBasicCredentials | None, Depends(Basic(scheme_name="basic", auto_error=False))]


@root.get("/", responses={200: {"model": Running}})
async def running() -> Response:
    """That somebody is here; /health/ready says whether requests can be served."""
    return reply({"message": "Server is running"})


@router.get(
    "/get-authorization",
    responses={200: {"model": Authorization}},
    openapi_extra={"security": [BEARER]},
    dependencies=[Depends(limited("30/minute", by_address=True))],
)
async def get_authorization(
    request: Request,
    services: ServicesDep,
    viewer: MaybeViewerDep,
    basic: BasicDep,
    user_identifier: UserIdentifier,
) -> Response:
    """Your token: the one you came with, or a new session for your name and password."""
    if viewer is not None:
        require_self(viewer, user_identifier)
        token = request.headers["Authorization"].partition(" ")[2].strip()
        return _authorization(viewer.user_name, token, "Authorization document retrieved successfully.")
    if basic is None or len(basic.password) > PASSWORD_MAX:
        raise NotAuthenticated("Send a token as Bearer, or name and password as Basic authorization")
    name, token = await _log_in(services, basic, user_identifier)
    return _authorization(name, token, "Authorization document retrieved successfully.")


@router.post(
    "/create-user",
    status_code=201,
    responses={201: {"model": Authorization}},
    dependencies=[Depends(limited("5/minute", by_address=True))],
)
async def create_user(
    services: ServicesDep,
    max_retries: Annotated[int, Query(ge=0, le=RETRIES_MAX, description="Tries more, if a name is taken")] = 5,
) -> Response:
    """A user without a password, and a token for a year: whoever loses the token loses the user."""
    user = await _new_user(services, max_retries)
    issued = await services.credentials.issue(
        user_id=user["_id"],
        user_name=user["UserName"],
        kind="personal",
        scopes=("read", "write", "manage"),
        expires_at=clock.now() + timedelta(days=EXPIRES_IN_DAYS_MAX),
        label="create-user",
    )
    return _authorization(user["UserName"], issued.token, "User created successfully.", 201)


async def _log_in(services: Services, basic: HTTPBasicCredentials, user_identifier: str) -> tuple[str, str]:
    session = await services.people.log_in(basic.username, basic.password, hours=services.settings.session_hours)
    user, issued = session.user, session.issued
    if user_identifier not in {user["UserName"], str(user["_id"])}:
        await services.credentials.revoke(
            user_id=user["_id"], token_id=issued.stored["_id"], actor=f"user:{user['_id']}"
        )
        raise NotFound("You are not the user this asks for, or there is none")
    return user["UserName"], issued.token


async def _new_user(services: Services, retries: int) -> Stored:
    for _ in range(retries):
        try:
            return await services.people.sign_up(_random_name(), None)
        except Conflict:
            continue
    return await services.people.sign_up(_random_name(), None)


def _random_name() -> str:
    return f"api_user_{secrets.token_hex(4)}"


def _authorization(name: str, token: str, message: str, status: int = 200) -> JsonBytes:
    answer = reply({"message": message, "UserName": name, "BearerToken": token})
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    return answer
