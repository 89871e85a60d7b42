"""Authorization requests: what a client wants a person to allow, however it was sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self
from urllib.parse import urlencode

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from backend.kernel.ids import KeyedHash, new_token
from backend.kernel.mongo.provision import CollectionSpec
from backend.oauth.clients import Client
from backend.oauth.policy import Policy
from backend.oauth.signatures import read_request_object

Stored = dict[str, Any]

REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
_ABOUT_THE_CLIENT: Final = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


class InvalidRequestUriError(OAuth2Error):
    """The ``request_uri`` is unknown, used up, too old or somebody else's."""

    error = "invalid_request_uri"
    description = "The request_uri is not known here, or no longer"


class InvalidTargetError(OAuth2Error):
    """No such client. Nobody is told by redirect, because nobody is known."""

    error = "invalid_client"
    description = "No client of that client_id is registered here"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A checked request: ``answer_uri`` may be sent answers, ``parameters`` are all that the client said."""

    issuer: str
    client_id: str
    parameters: Mapping[str, str]
    pushed: str | None = None

    @property
    def answer_uri(self) -> str:
        """Where the answer goes."""
        return self.parameters["redirect_uri"]

    @property
    def scope(self) -> str:
        """What is asked for, in the words of the protocol."""
        return self.parameters["scope"]

    def answered(self, **answer: str) -> str:
        """The address that carries ``answer`` back, with the issuer and the client's state beside it."""
        return answer_address(self.answer_uri, self.issuer, self.parameters.get("state"), answer)

    def to_bson(self) -> Stored:
        """The request as it is kept."""
        return {
            "Issuer": self.issuer,
            "ClientId": self.client_id,
            "Parameters": dict(self.parameters),
            "Pushed": self.pushed,
        }

    @classmethod
    def from_bson(cls, stored: Stored) -> Self:
        """The request that was kept."""
        return cls(
            issuer=stored["Issuer"],
            client_id=stored["ClientId"],
            parameters=stored["Parameters"],
            pushed=stored["Pushed"],
        )


def answer_address(redirect_uri: str, issuer: str, state: str | None, answer: Mapping[str, str]) -> str:
    """``redirect_uri``, its own query untouched, with ``answer``, ``state`` and ``iss`` (RFC 9207) added."""
    added = {**answer, **({"state": state} if state else {}), "iss": issuer}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(added)}"


class PushedRequests:
    """Requests pushed beforehand (RFC 9126), known by an address nobody can guess."""

    SPEC: Final = CollectionSpec(
        "pushed_requests",
        indexes=(
            # One request: {"Hash": hash, "Issuer": issuer, "ClientId": client, "ExpiresAt": {"$gt": now}}.
            IndexModel("Hash", name="request", unique=True),
            IndexModel("ExpiresAt", name="expiry"),
        ),
    )

    def __init__(self, database: AsyncDatabase[Stored], keyed_hash: KeyedHash) -> None:
        self._requests = database[self.SPEC.name]
        self._keyed_hash = keyed_hash

    async def keep(self, policy: Policy, client: Client, parameters: Mapping[str, str], now: datetime) -> str:
        """The ``request_uri`` of ``parameters``."""
        uri = REQUEST_URI_PREFIX + new_token()
        await self._requests.insert_one(
            {
                "Hash": self._keyed_hash.token(uri),
                "Issuer": policy.issuer,
                "ClientId": client.client_id,
                "Parameters": dict(parameters),
                "ExpiresAt": now + timedelta(seconds=policy.pushed_seconds),
            }
        )
        return uri

    async def load(self, policy: Policy, client: Client, uri: str, now: datetime) -> Mapping[str, str]:
        """What was pushed; InvalidRequestUriError when it is unknown, another client's, used up or too old."""
        found = await self._requests.find_one(
            {
                "Hash": self._keyed_hash.token(uri),
                "Issuer": policy.issuer,
                "ClientId": client.client_id,
                "ExpiresAt": {"$gt": now},
            }
        )
        if found is None:
            raise InvalidRequestUriError
        parameters: Mapping[str, str] = found["Parameters"]
        return parameters

    async def use_up(self, uri: str) -> bool:
        """True once: a request is used up when it is answered, not when it is first looked at."""
        return bool((await self._requests.delete_one({"Hash": self._keyed_hash.token(uri)})).deleted_count)

    async def sweep(self, now: datetime) -> int:
        """Delete what nobody can ask for any more."""
        # An answer may come a while after the request was looked at, so it stays for an hour.
        return (await self._requests.delete_many({"ExpiresAt": {"$lte": now - timedelta(hours=1)}})).deleted_count


def opened(parameters: Mapping[str, str], client: Client, policy: Policy, now: datetime) -> Mapping[str, str]:
    """``parameters``, taken out of their signed request object if they came in one; what is beside it is ignored.

    Raises InvalidRequestObjectError, or InvalidRequestError for an object fetched from elsewhere.
    """
    if "request_uri" in parameters:
        raise InvalidRequestError("A request_uri has no place here")
    if "request" not in parameters:
        return {name: value for name, value in parameters.items() if name not in _ABOUT_THE_CLIENT}
    return read_request_object(
        parameters["request"], client_id=client.client_id, keys=client.keys, policy=policy, now=now
    )
