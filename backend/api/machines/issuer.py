"""Our own authorization server: its rules, and its tokens kept beside all others."""

from typing import Final, get_args

from authlib.oauth2.rfc6749 import InvalidClientError
from bson.binary import Binary

from backend.api.identity.credentials import Credentials
from backend.api.machines.clients import GRANT_TYPES, MachineClients
from backend.documents.store import Store, Stored
from backend.documents.token import Scope
from backend.oauth.grants import Grant, Marks, Token
from backend.oauth.issuer import Issuer, OwnShelves
from backend.oauth.policy import Policy

TOKEN_SECONDS: Final = 3600


class MachineTokens:
    """The tokens of machine clients, which live in `tokens` like everybody's."""

    def __init__(self, store: Store, clients: MachineClients, credentials: Credentials) -> None:
        self._tokens = store.collection("tokens")
        self._keyed_hash = store.keyed_hash
        self._clients = clients
        self._credentials = credentials

    def hashed(self, secret: str) -> bytes:
        """The keyed hash under which a token is kept."""
        return self._keyed_hash.token(secret)

    async def add(self, grant: Grant) -> None:
        """Keep the token of a new grant; InvalidClientError if its client was deleted meanwhile."""
        client = await self._clients.stored(grant.client_id)
        if client is None:
            raise InvalidClientError(_GONE)
        for token in grant.tokens:
            await self._credentials.keep_for_client(
                client, token.hash, scopes=sorted(set(token.scope.split())), expires_at=token.expires_at
            )
        if await self._clients.stored(grant.client_id) is None:
            await self._credentials.revoke_client(user_id=client["UserId"], client_id=client["_id"])
            raise InvalidClientError(_GONE)

    async def by_token(self, issuer: str, token: str) -> Grant | None:
        """The grant of a machine client's token, in force or not; other tokens are none of its business."""
        found = await self._tokens.find_one({"BearerToken": {"$eq": Binary(self.hashed(token))}, "Kind": "client"})
        return _grant(issuer, found) if found else None

    async def revoke_token(self, grant: Grant, _token: Token) -> None:
        """End the token of that grant."""
        client = await self._clients.stored(grant.client_id)
        if client:
            await self._credentials.revoke(
                user_id=client["UserId"], token_id=grant.id, actor=f"client:{grant.client_id}"
            )


def machine_issuer(public_url: str, store: Store, clients: MachineClients, credentials: Credentials) -> Issuer:
    """The issuer ``public_url``, where clients get tokens for themselves and give them back."""
    policy = Policy(
        issuer=public_url,
        scopes=frozenset(get_args(Scope)),
        grant_types=GRANT_TYPES,
        auth_methods=("client_secret_basic", "client_secret_post", "private_key_jwt"),
        access_seconds=TOKEN_SECONDS,
        introspects=False,
        scopes_have_objects=False,
    )
    shelves = OwnShelves(
        clients,
        MachineTokens(store, clients, credentials),
        Marks(store.database, store.keyed_hash, "used_assertions"),
        store.keyed_hash,
    )
    return Issuer(policy, shelves)


_GONE: Final = "The client was deleted"


def _grant(issuer: str, stored: Stored) -> Grant:
    scope = " ".join(stored["Scopes"])
    token = Token(
        hash=bytes(stored["BearerToken"]),
        kind="access",
        scope=scope,
        issued_at=stored["TokenDates"]["CreationDate"],
        expires_at=stored["ExpiresAt"],
    )
    return Grant(
        id=stored["_id"],
        issuer=issuer,
        client_id=str(stored["ClientId"]),
        subject=str(stored["UserId"]),
        reference=None,
        scope=scope,
        tokens=(token,),
        revoked_at=stored.get("RevokedAt"),
    )
