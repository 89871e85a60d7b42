"""Routes of people and their tokens: sign up, log in and out, me, personal tokens, my record of events."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from bson import ObjectId
from bson.errors import InvalidId
from fastapi import APIRouter, Depends, Path, Response

from backend.api.deps import ManagerDep, ReaderDep, ServicesDep, Viewer, ViewerDep
from backend.api.identity.shapes import (
    EventPage,
    IssuedToken,
    LoggedIn,
    LogIn,
    Me,
    NewToken,
    SignedUp,
    SignUp,
    TokenPage,
)
from backend.api.limiting import limited
from backend.api.paging import Cursors, CursorText, Limit, Page, page_of
from backend.api.rendering import JsonBytes, render
from backend.api.strict import StrictRoute
from backend.documents.store import Stored
from backend.kernel import clock
from backend.kernel.errors import Conflict, NotAllowed, NotFound

TOKENS_MAX: Final = 50

router = APIRouter(
    prefix="/api/v1", tags=["people and tokens"], route_class=StrictRoute, default_response_class=JsonBytes
)
ROUTERS: Final = (router,)


@router.post(
    "/sign-up",
    status_code=201,
    responses={201: {"model": SignedUp}},
    dependencies=[Depends(limited("5/minute", by_address=True))],
)
async def sign_up(body: SignUp, services: ServicesDep) -> Response:
    """A new person; 409 when the name or the e-mail is taken."""
    password = body.password.get_secret_value()
    user = await services.people.sign_up(body.user_name, password, body.email)
    shown = {"user_id": user["_id"], "user_name": user["UserName"], "created_at": user["CreatedAt"]}
    return JsonBytes(render(shown), 201)


@router.post(
    "/log-in",
    responses={200: {"model": LoggedIn}},
    dependencies=[Depends(limited("30/minute", by_address=True))],
)
async def log_in(body: LogIn, services: ServicesDep) -> Response:
    """A session token. After five failures in a row log-in pauses, each time for twice as long."""
    session = await services.people.log_in(
        body.user_name, body.password.get_secret_value(), hours=services.settings.session_hours
    )
    shown = {
        "user_id": session.user["_id"],
        "user_name": session.user["UserName"],
        "token": session.issued.token,
        "token_type": "Bearer",
        "scopes": session.issued.stored["Scopes"],
        "expires_at": session.expires_at,
    }
    return JsonBytes(render(shown), headers={"Cache-Control": "no-store"})


@router.post("/log-out", status_code=204)
async def log_out(viewer: ViewerDep, services: ServicesDep) -> Response:
    """The token this request was made with stops working."""
    await services.credentials.revoke(
        user_id=viewer.user_id, token_id=viewer.token_id, actor=f"token:{viewer.token_id}"
    )
    return Response(status_code=204)


@router.get("/me", responses={200: {"model": Me}})
async def me(viewer: ReaderDep, services: ServicesDep) -> Response:
    """Who the token belongs to, and what it may do."""
    profile = await services.people.profile(viewer.user_id)
    return JsonBytes(render(profile | {"scopes": sorted(viewer.scopes)}))


@router.get("/me/audit", responses={200: {"model": EventPage}})
async def my_events(viewer: ReaderDep, services: ServicesDep, limit: Limit = 50, cursor: CursorText = None) -> Response:
    """What was done in the caller's name or to their things, newest first. Reads show within a minute."""
    cursors = Cursors(services.store.keyed_hash, "/me/audit", viewer.user_id, {})
    before = cursors.read(cursor)[0] if cursor else None
    rows = await services.audit.newest(viewer.user_id, before=before, limit=limit + 1)
    page = page_of(rows, limit=limit, keys=["Seq"], cursors=cursors)
    return JsonBytes(Page([_event(row) for row in page.data], page.next_cursor).render())


@router.get("/tokens", responses={200: {"model": TokenPage}})
async def tokens(viewer: ManagerDep, services: ServicesDep, limit: Limit = 50, cursor: CursorText = None) -> Response:
    """The caller's tokens in force, oldest first."""
    cursors = Cursors(services.store.keyed_hash, "/tokens", viewer.user_id, {})
    after = cursors.read(cursor)[0] if cursor else None
    rows = await services.credentials.in_force(viewer.user_id, after=after, limit=limit + 1)
    page = page_of(rows, limit=limit, keys=["_id"], cursors=cursors)
    return JsonBytes(Page([_shown(row, viewer) for row in page.data], page.next_cursor).render())


@router.post("/tokens", status_code=201, responses={201: {"model": IssuedToken}})
async def make_token(body: NewToken, viewer: ManagerDep, services: ServicesDep) -> Response:
    """A personal access token, shown this once; 403 for scopes the caller lacks, 409 beyond 50 tokens."""
    if not viewer.scopes.issuperset(body.scopes):
        raise NotAllowed("A token can only be given scopes of the one it is made with")
    existing = await services.credentials.in_force(viewer.user_id, after=None, limit=TOKENS_MAX, kind="personal")
    if len(existing) >= TOKENS_MAX:
        raise Conflict(f"There are {TOKENS_MAX} personal tokens already; revoke one first")
    issued = await services.credentials.issue(
        user_id=viewer.user_id,
        user_name=viewer.user_name,
        kind="personal",
        scopes=sorted(set(body.scopes)),
        expires_at=clock.now() + timedelta(days=body.expires_in_days),
        label=body.label,
    )
    shown = _shown(issued.stored, viewer) | {"token": issued.token}
    return JsonBytes(render(shown), 201, headers={"Cache-Control": "no-store"})


@router.delete("/tokens/{token_id}", status_code=204)
async def revoke_token(
    token_id: Annotated[str, Path(description="token_id of the list")], viewer: ManagerDep, services: ServicesDep
) -> Response:
    """One of the caller's tokens stops working, here at once and in other processes within five seconds."""
    revoked = await services.credentials.revoke(
        user_id=viewer.user_id, token_id=_object_id(token_id), actor=f"token:{viewer.token_id}"
    )
    if not revoked:
        raise NotFound(_NO_TOKEN)
    return Response(status_code=204)


_NO_TOKEN = "You have no token in force with this id"  # noqa: S105 - a sentence


def _object_id(text: str) -> ObjectId:
    try:
        return ObjectId(text)
    except InvalidId as error:
        raise NotFound(_NO_TOKEN) from error


def _shown(token: Stored, viewer: Viewer) -> dict[str, Any]:
    return {
        "token_id": token["_id"],
        "kind": token["Kind"],
        "label": token.get("Label"),
        "scopes": token["Scopes"],
        "created_at": token["TokenDates"]["CreationDate"],
        "last_used_at": token["TokenDates"].get("LastUseDate"),
        "expires_at": token.get("ExpiresAt"),
        "current": token["_id"] == viewer.token_id,
    }


def _event(link: Mapping[str, Any]) -> dict[str, Any]:
    names = ("Seq", "At", "Actor", "Action", "Object", "Times")
    return {name.lower(): link.get(name) for name in names}
