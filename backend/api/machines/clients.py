"""Machine clients kept: registered, listed, deleted, and found by the authorization server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId
from bson.binary import Binary

from backend.api.identity.audit import Audit, Event
from backend.api.identity.credentials import OPERATE, Credentials
from backend.api.identity.viewer import Viewer
from backend.documents.machine_client import ClientProof
from backend.documents.store import Store, Stored
from backend.documents.token import Scope
from backend.kernel import clock
from backend.kernel.errors import Conflict, NotFound
from backend.kernel.ids import new_token
from backend.oauth.clients import Client, check_client
from backend.oauth.policy import GrantType

CLIENTS_MAX: Final = 50
GRANT_TYPES: Final[frozenset[GrantType]] = frozenset({"client_credentials"})


@dataclass(frozen=True, slots=True)
class Registered:
    """A client as stored, and its secret in clear if it has one, to be shown once."""

    stored: Stored
    secret: str | None


class MachineClients:
    """The machine clients of all people."""

    def __init__(self, store: Store, credentials: Credentials, audit: Audit) -> None:
        self._clients = store.collection("machine_clients")
        self._users = store.collection("users")
        self._keyed_hash = store.keyed_hash
        self._credentials = credentials
        self._audit = audit

    async def register(
        self, owner: Viewer, *, label: str, scopes: Sequence[Scope], proof: ClientProof, jwks: Mapping[str, Any] | None
    ) -> Registered:
        """A new client of ``owner``'s.

        Raises InvalidInput for keys that cannot be trusted, Conflict beyond 50 clients.
        """
        if await self._clients.count_documents({"UserId": owner.user_id}, limit=CLIENTS_MAX) >= CLIENTS_MAX:
            raise Conflict(f"There are {CLIENTS_MAX} clients already; delete one first")
        secret = None if jwks else new_token()
        stored: Stored = {
            "_id": ObjectId(),
            "UserName": owner.user_name,
            "UserId": owner.user_id,
            "Label": label,
            "Scopes": sorted(set(scopes)),
            "AuthMethod": proof,
            "CreatedAt": clock.now(),
        }
        stored |= {"SecretHash": Binary(self._keyed_hash.token(secret))} if secret else {}
        stored |= {"Jwks": dict(jwks)} if jwks else {}
        check_client(_client(stored, stored["Scopes"]))
        await self._clients.insert_one(stored)
        await self._note(owner, "client.registered", stored["_id"])
        return Registered(stored, secret)

    async def of(self, user_id: ObjectId, *, after: ObjectId | None, limit: int) -> list[Stored]:
        """The person's clients, oldest first, from behind ``after``; without the hashes of their secrets."""
        query: dict[str, Any] = {"UserId": user_id} | ({"_id": {"$gt": after}} if after else {})
        return await self._clients.find(query, {"SecretHash": 0}, sort=[("_id", 1)], limit=limit).to_list()

    async def delete(self, owner: Viewer, client_id: str) -> None:
        """The client is gone and its tokens stop working; NotFound when ``owner`` has no such client."""
        found = await self._clients.find_one_and_delete({"_id": _object_id(client_id), "UserId": owner.user_id})
        if found is None:
            raise NotFound("You have no client with this id")
        # In this order: a token issued meanwhile finds its client gone, or is found here.
        await self._credentials.revoke_client(user_id=owner.user_id, client_id=found["_id"])
        await self._note(owner, "client.deleted", found["_id"])

    async def stored(self, client_id: str) -> Stored | None:
        """The client of that id, whoever's it is."""
        return await self._clients.find_one({"_id": _object_id(client_id)})

    async def find(self, _issuer: str, client_id: str) -> Client | None:
        """The client as the authorization server knows it; None when its owner is gone.

        It may have what it was registered with, and operates only as long as its owner is an operator.
        """
        found = await self.stored(client_id)
        owner = await self._users.find_one({"_id": found["UserId"]}, {"Roles": 1}) if found else None
        if found is None or owner is None:
            return None
        is_operator = "operator" in owner.get("Roles", ())
        return _client(found, [scope for scope in found["Scopes"] if is_operator or scope != OPERATE])

    async def _note(self, owner: Viewer, action: str, client_id: ObjectId) -> None:
        await self._audit.append(Event(owner.user_id, f"token:{owner.token_id}", action, f"client:{client_id}"))


def _client(stored: Stored, scopes: Sequence[str]) -> Client:
    return Client(
        client_id=str(stored["_id"]),
        name=stored["Label"],
        auth_method=stored["AuthMethod"],
        grant_types=GRANT_TYPES,
        scopes=frozenset(scopes),
        jwks=stored.get("Jwks"),
        secret_hash=stored.get("SecretHash"),
        default_scope=" ".join(scopes),
    )


def _object_id(client_id: str) -> ObjectId | None:
    """None, which is nobody's id, for what is none."""
    return ObjectId(client_id) if ObjectId.is_valid(client_id) else None
