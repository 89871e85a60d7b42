"""The endpoints third parties' servers call: token, push, revoke, introspect, metadata."""

from collections.abc import Awaitable, Callable

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backend.emulator.oauth.banks import Bank
from backend.emulator.oauth.services import OAuthServices
from backend.emulator.oauth.web.browsers import read_body
from backend.oauth.calls import Answer, Call, read_call
from backend.oauth.issuer import refusal
from backend.oauth.metadata import PATHS, WELL_KNOWN, metadata
from backend.oauth.service import AuthorizationService

Operation = Callable[[AuthorizationService, Call], Awaitable[Answer]]


def bank_of(request: Request) -> Bank:
    """The bank whose host was called; HTTP 421 when no bank lives there."""
    services: OAuthServices = request.app.state.oauth
    bank = services.directory.by_host(request.headers.get("host", ""))
    if bank is None:
        raise HTTPException(421, "No bank has this host name")
    return bank


def endpoint(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The HTTP side of ``operation``: a strict form in, JSON out."""

    async def answered(request: Request) -> Response:
        services: OAuthServices = request.app.state.oauth
        service = services.issuers[bank_of(request).slug]
        try:
            call = read_call(
                content_type=request.headers.get("content-type", ""),
                body=await read_body(request),
                query=request.url.query,
                authorization=request.headers.get("authorization"),
            )
            answer = await operation(service, call)
        except OAuth2Error as error:
            answer = refusal(error)
        return JSONResponse(answer.body, status_code=answer.status, headers=dict(answer.headers))

    return answered


async def describe(request: Request) -> Response:
    """The bank's metadata."""
    return JSONResponse(metadata(bank_of(request).policy), headers={"Cache-Control": "max-age=300"})


ROUTES = [
    Route(PATHS["token_endpoint"], endpoint(AuthorizationService.token), methods=["POST"]),
    Route(PATHS["pushed_authorization_request_endpoint"], endpoint(AuthorizationService.push), methods=["POST"]),
    Route(PATHS["revocation_endpoint"], endpoint(AuthorizationService.revoke), methods=["POST"]),
    Route(PATHS["introspection_endpoint"], endpoint(AuthorizationService.introspect), methods=["POST"]),
    Route(WELL_KNOWN, describe, methods=["GET"]),
]
