"""Clients and calls in the shape in which Authlib asks about them."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Payload, OAuth2Request

from backend.kernel.ids import KeyedHash
from backend.oauth.clients import Client


@dataclass(slots=True)
class Known(ClientMixin):
    """A client as Authlib asks about it."""

    client: Client
    keyed_hash: KeyedHash

    def get_client_id(self) -> str:
        """Its id."""
        return self.client.client_id

    def get_default_redirect_uri(self) -> None:  # type: ignore[override]  # none: it has to be named in each request
        """No default: a redirect URI left out is an error."""
        return

    def get_allowed_scope(self, scope: str | None) -> str | None:  # type: ignore[override]  # None is "refuse"
        """``scope``, or what the client gets without asking, if it may have all of it; else None."""
        scope = scope or self.client.default_scope
        return scope if scope and self.client.allows_scope(scope) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it is registered, character for character."""
        return redirect_uri in self.client.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether it is the client's secret."""
        return hmac.compare_digest(self.client.secret_hash or b"", self.keyed_hash.token(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - the same at every endpoint
        """Whether the client is registered to prove itself this way."""
        return method == self.client.auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Whether it may ask for codes."""
        return response_type == "code" and "authorization_code" in self.client.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use this grant."""
        return grant_type in self.client.grant_types


class Asked(OAuth2Request):
    """A call as Authlib reads it. Its URL is a made-up https one: TLS is the doorkeeper's business, not ours."""

    def __init__(self, parameters: Mapping[str, str], authorization: str | None = None) -> None:
        headers = {"Authorization": authorization} if authorization else {}
        super().__init__("POST", "https://authorization-server.invalid/", headers=headers)
        self.payload = _Parameters(parameters)

    @property
    def args(self) -> dict[str, str | None]:
        """Nothing is read from a query."""
        return {}

    @property
    def form(self) -> dict[str, str]:
        """The parameters."""
        return dict(self.payload.data) if self.payload else {}


class _Parameters(OAuth2Payload):
    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._data = dict(parameters)

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> dict[str, list[Any]]:
        return {name: [value] for name, value in self._data.items()}
