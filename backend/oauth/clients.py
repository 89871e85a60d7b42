"""Clients: who may ask for tokens, how they prove themselves, and where answers may go."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from bson.binary import Binary
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import Key, KeySet, RSAKey
from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from backend.kernel.errors import InvalidInput
from backend.kernel.ids import KeyedHash
from backend.kernel.mongo.provision import CollectionSpec
from backend.oauth.policy import AuthMethod, GrantType, scope_words

Stored = dict[str, Any]

_RSA_BITS_MIN: Final = 2048
_CURVES: Final = ("P-256", "Ed25519")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
CLIENTS: Final = CollectionSpec(
    "clients",
    indexes=(
        # One client: {"Issuer": issuer, "ClientId": id}.
        IndexModel([("Issuer", 1), ("ClientId", 1)], name="client", unique=True),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A confidential client of one issuer."""

    client_id: str
    name: str
    auth_method: AuthMethod
    grant_types: frozenset[GrantType]
    scopes: frozenset[str]
    redirect_uris: frozenset[str] = frozenset()
    jwks: Mapping[str, Any] | None = field(default=None, repr=False)
    secret_hash: bytes | None = field(default=None, repr=False)
    may_introspect: bool = False
    # RFC 6749, section 3.3: what it gets when it names no scope; without one it has to name some.
    default_scope: str | None = None

    def allows_scope(self, scope: str) -> bool:
        """Whether the client may have every word of ``scope``, of which there must be one."""
        words = scope_words(scope)
        return bool(words) and words <= self.scopes

    @property
    def keys(self) -> KeySet:
        """The public keys its signatures are checked with."""
        return KeySet.import_key_set({"keys": list((self.jwks or {}).get("keys", []))})


class Clients:
    """The clients of all issuers."""

    def __init__(self, database: AsyncDatabase[Stored], keyed_hash: KeyedHash) -> None:
        self._clients = database[CLIENTS.name]
        self._keyed_hash = keyed_hash

    async def register(self, issuer: str, client: Client, *, secret: str | None = None) -> None:
        """Keep ``client``, in place of the one of that id if there is one; ``secret`` is kept as a keyed hash.

        Raises InvalidInput for a client that could not be trusted: an unsafe redirect, no credentials.
        """
        check_client(client, secret)
        stored = _to_bson(issuer, client, secret and self._keyed_hash.token(secret))
        await self._clients.replace_one({"Issuer": issuer, "ClientId": client.client_id}, stored, upsert=True)

    async def find(self, issuer: str, client_id: str) -> Client | None:
        """The issuer's client of that id."""
        found = await self._clients.find_one({"Issuer": {"$eq": issuer}, "ClientId": {"$eq": client_id}})
        return _from_bson(found) if found else None


def is_safe_redirect(uri: str) -> bool:
    """Whether answers may go to ``uri``: https, or http to this very machine; no user, no fragment."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not uri.isascii() or not host or "@" in parts.netloc or "#" in uri or any(c <= " " for c in uri):
        return False
    is_local = host in _LOOPBACK or host.endswith(".localhost")
    return parts.scheme == "https" or (parts.scheme == "http" and is_local)


def check_client(client: Client, secret: str | None = None) -> None:
    """Returns if the client can be trusted; InvalidInput for an unsafe redirect, no or unfit credentials."""
    if not all(is_safe_redirect(uri) for uri in client.redirect_uris):
        raise InvalidInput("Redirect URIs are https, or http on this machine, without user and fragment")
    if "authorization_code" in client.grant_types and not client.redirect_uris:
        raise InvalidInput("A client that asks for codes registers at least one redirect URI")
    if client.auth_method != "private_key_jwt":
        if not (secret or client.secret_hash):
            raise InvalidInput("A client that proves itself by a secret has one")
        return
    if not (keys := _readable_keys(client)) or any(key.is_private or key.key_type == "oct" for key in keys):
        raise InvalidInput("A client that signs registers its public keys, and only those")
    if not all(_is_strong(key) for key in keys):
        raise InvalidInput("A key is RSA with 2048 bits or more, EC on P-256, or Ed25519")


def _readable_keys(client: Client) -> Sequence[Key]:
    try:
        with warnings.catch_warnings():
            # It warns of short RSA keys; we refuse them.
            warnings.simplefilter("ignore", SecurityWarning)
            keys = client.keys.keys
            for key in keys:
                key.get_op_key("verify")  # a set is read lazily; this finds points beside their curve
    except (JoseError, ValueError, TypeError) as error:
        raise InvalidInput("The client's keys are not a JWK set of signing keys") from error
    return keys


def _is_strong(key: Key) -> bool:
    """FAPI 2.0, section 5.4: what its algorithms sign with."""
    if isinstance(key, RSAKey):
        return key.public_key.key_size >= _RSA_BITS_MIN
    return getattr(key, "curve_name", None) in _CURVES


def _to_bson(issuer: str, client: Client, secret_hash: bytes | str | None) -> Stored:
    kept = secret_hash or client.secret_hash
    return {
        "Issuer": issuer,
        "ClientId": client.client_id,
        "Name": client.name,
        "AuthMethod": client.auth_method,
        "GrantTypes": sorted(client.grant_types),
        "Scopes": sorted(client.scopes),
        "RedirectUris": sorted(client.redirect_uris),
        "Jwks": dict(client.jwks) if client.jwks else None,
        "SecretHash": Binary(kept) if isinstance(kept, bytes) else None,
        "MayIntrospect": client.may_introspect,
    }


def _from_bson(stored: Stored) -> Client:
    return Client(
        client_id=stored["ClientId"],
        name=stored["Name"],
        auth_method=stored["AuthMethod"],
        grant_types=frozenset(stored["GrantTypes"]),
        scopes=frozenset(stored["Scopes"]),
        redirect_uris=frozenset(stored["RedirectUris"]),
        jwks=stored["Jwks"],
        secret_hash=stored["SecretHash"],
        may_introspect=stored["MayIntrospect"],
    )
