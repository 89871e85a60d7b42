"""Endpoints that machine clients call: token, revocation, metadata. They speak OAuth, also when refusing."""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final

from authlib.oauth2.rfc6749 import OAuth2Error
from fastapi import APIRouter, Depends, Request, Response

from backend.api.deps import ServicesDep
from backend.api.limiting import limited
from backend.api.machines.shapes import REVOCATION_FORM, TOKEN_FORM, Metadata, OAuthProblem, TokenAnswer
from backend.api.rendering import JsonBytes, render
from backend.api.strict import StrictRoute
from backend.oauth.calls import Answer, Call, read_call
from backend.oauth.issuer import refusal
from backend.oauth.metadata import PATHS, WELL_KNOWN, metadata

Operation = Callable[[Call], Awaitable[Answer]]


class OAuthRoute(StrictRoute):
    """A route whose refusals are those of RFC 6749, section 5.2, whoever refuses."""

    refusals: ClassVar[dict[int | str, dict[str, Any]]] = {
        400: {"model": OAuthProblem, "description": "The request cannot be used as it is"},
        401: {"model": OAuthProblem, "description": "The client did not prove itself"},
        "default": {"model": OAuthProblem, "description": "Any other problem"},
    }


router = APIRouter(tags=["machine clients"], route_class=OAuthRoute, default_response_class=JsonBytes)
# Not under /oauth/, so what the gates refuse there is a problem document as everywhere else.
well_known = APIRouter(tags=["machine clients"], route_class=StrictRoute, default_response_class=JsonBytes)
ROUTERS: Final = (router, well_known)
_LIMITS: Final = [Depends(limited("30/minute", by_address=True))]


@router.post(
    PATHS["token_endpoint"],
    responses={200: {"model": TokenAnswer}},
    dependencies=_LIMITS,
    openapi_extra={"requestBody": TOKEN_FORM},
)
async def token(request: Request, services: ServicesDep) -> Response:
    """An hour's token for a machine client, by its secret or a signed assertion (RFC 6749, section 4.4)."""
    return await _answered(request, services.issuer.token)


@router.post(
    PATHS["revocation_endpoint"],
    responses={200: {"description": "The token does not work, or never did"}},
    dependencies=_LIMITS,
    openapi_extra={"requestBody": REVOCATION_FORM},
)
async def revoke(request: Request, services: ServicesDep) -> Response:
    """A token of the client's own stops working (RFC 7009)."""
    return await _answered(request, services.issuer.revoke)


@well_known.get(WELL_KNOWN, responses={200: {"model": Metadata}})
async def describe(services: ServicesDep) -> Response:
    """Where machine clients get tokens, and how they prove themselves (RFC 8414)."""
    return JsonBytes(render(metadata(services.issuer.policy)), headers={"Cache-Control": "max-age=300"})


async def _answered(request: Request, operation: Operation) -> Response:
    try:
        call = read_call(
            content_type=request.headers.get("content-type", ""),
            body=await request.body(),
            query=request.url.query,
            authorization=request.headers.get("authorization"),
        )
        answer = await operation(call)
    except OAuth2Error as error:
        answer = refusal(error)
    return JsonBytes(render(answer.body or {}), answer.status, headers=dict(answer.headers))
