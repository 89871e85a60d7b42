"""Routes of a person's machine clients: register, list, delete."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from backend.api.deps import ManagerDep, ServicesDep
from backend.api.machines.shapes import ClientPage, NewClient, RegisteredClient
from backend.api.paging import Cursors, CursorText, Limit, Page, page_of
from backend.api.rendering import JsonBytes, render
from backend.api.strict import StrictRoute
from backend.documents.store import Stored
from backend.kernel.errors import NotAllowed

router = APIRouter(
    prefix="/api/v1/clients", tags=["machine clients"], route_class=StrictRoute, default_response_class=JsonBytes
)
_SHOWN_ONCE: Final = {"Cache-Control": "no-store"}


@router.get("", responses={200: {"model": ClientPage}})
async def clients(viewer: ManagerDep, services: ServicesDep, limit: Limit = 50, cursor: CursorText = None) -> Response:
    """The caller's machine clients, oldest first."""
    cursors = Cursors(services.store.keyed_hash, "/clients", viewer.user_id, {})
    after = cursors.read(cursor)[0] if cursor else None
    rows = await services.clients.of(viewer.user_id, after=after, limit=limit + 1)
    page = page_of(rows, limit=limit, keys=["_id"], cursors=cursors)
    return JsonBytes(Page([_shown(row) for row in page.data], page.next_cursor).render())


@router.post("", status_code=201, responses={201: {"model": RegisteredClient}})
async def register_client(body: NewClient, viewer: ManagerDep, services: ServicesDep) -> Response:
    """A client that gets tokens at /oauth/token; 403 for scopes the caller lacks, 409 beyond 50 clients.

    Its secret is shown this once. One that sends public keys has none, and signs for itself.
    """
    if not viewer.scopes.issuperset(body.scopes):
        raise NotAllowed("A client can only be given scopes of the token it is registered with")
    registered = await services.clients.register(
        viewer,
        label=body.label,
        scopes=body.scopes,
        proof=body.proof,
        jwks=body.jwks.model_dump(exclude_none=True) if body.jwks else None,
    )
    shown = _shown(registered.stored) | {"client_secret": registered.secret}
    return JsonBytes(render(shown), 201, headers=_SHOWN_ONCE)


@router.delete("/{client_id}", status_code=204)
async def delete_client(
    client_id: Annotated[str, Path(description="client_id of the list")], viewer: ManagerDep, services: ServicesDep
) -> Response:
    """The client is gone; its tokens stop working, here at once and in other processes within five seconds."""
    await services.clients.delete(viewer, client_id)
    return Response(status_code=204)


def _shown(client: Stored) -> dict[str, Any]:
    return {
        "client_id": client["_id"],
        "label": client["Label"],
        "scopes": client["Scopes"],
        "auth_method": client["AuthMethod"],
        "jwks": client.get("Jwks"),
        "created_at": client["CreatedAt"],
    }
