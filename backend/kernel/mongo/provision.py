"""A database prepared for the application and nothing more: collections, validators, indexes, one user."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import bson
import pymongo
from pymongo import AsyncMongoClient, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from backend.kernel.errors import DatabaseUnavailable, Misconfigured
from backend.kernel.mongo.client import ATLAS_REFUSES, UNAUTHORIZED, translated
from backend.kernel.sealing import KEY_VAULT

Stored = dict[str, Any]
Step = tuple[Literal["created", "altered", "unchanged"], str]

_READS = ("find", "changeStream", "collStats", "listIndexes")
_APPENDS = (*_READS, "insert")
_WRITES = (*_APPENDS, "update", "remove")

_NAMESPACE_EXISTS = 48
_COMMAND_UNKNOWN = 59
_INDEX_CONFLICTS = (85, 86)
_DUPLICATE_KEY = 11000
_DEFINING_OPTIONS = ("unique", "sparse", "partialFilterExpression", "expireAfterSeconds")


@dataclass(frozen=True)
class CollectionSpec:
    """What a collection shall be; in an ``append_only`` one the application can find and insert, no more."""

    name: str
    indexes: tuple[IndexModel, ...] = ()
    validator: Stored | None = None
    append_only: bool = False


@dataclass(frozen=True)
class Report:
    """What ``provision`` did, in words such as ``"index audit.by_chain"``; a second run changes nothing."""

    created: tuple[str, ...]
    altered: tuple[str, ...]
    unchanged: tuple[str, ...]
    undeclared_indexes: tuple[str, ...]


async def provision(
    client: AsyncMongoClient[Stored],
    database_name: str,
    specs: Sequence[CollectionSpec],
    *,
    user: str,
    password: str,
    key_vault: str = KEY_VAULT,
    seconds: float = 600,
) -> Report:
    """Make the database as ``specs`` say, with a user who may do only what the application does.

    ``client`` belongs to an administrator. Nothing is ever dropped: indexes that nobody declared are
    reported. ``key_vault`` names the collection of the data keys, which the user may read and write.
    """
    vault_database, _, vault_collection = key_vault.partition(".")
    vault = CollectionSpec(vault_collection, (_unique_key_names(),))
    wanted = privileges(database_name, specs, key_vault)
    with translated(), _patience(seconds):
        steps = [
            *await _prepare(client[database_name], specs),
            *await _prepare(client[vault_database], [vault]),
            *await _admit(client, database_name, wanted, user=user, password=password),
        ]
        undeclared = await _undeclared(client[database_name], specs)
    return Report(
        created=tuple(what for outcome, what in steps if outcome == "created"),
        altered=tuple(what for outcome, what in steps if outcome == "altered"),
        unchanged=tuple(what for outcome, what in steps if outcome == "unchanged"),
        undeclared_indexes=undeclared,
    )


async def verify(client: AsyncMongoClient[Stored], database_name: str, specs: Sequence[CollectionSpec]) -> None:
    """Returns if the database is as ``specs`` say; Misconfigured names the first difference."""
    database = client[database_name]
    with translated():
        found = await _collections(database)
        for spec in specs:
            if spec.name not in found:
                raise _behind(f"has no collection {spec.name}")
            if found[spec.name] != _as_stored(database, spec.validator):
                raise _behind(f"has another validator for {spec.name}")
            indexes = await _indexes(database[spec.name])
            for index in spec.indexes:
                if index.document["name"] not in indexes:
                    raise _behind(f"has no index {spec.name}.{index.document['name']}")
                if not _same_index(index.document, indexes[index.document["name"]]):
                    raise _changed_index(spec.name, index.document["name"])


def privileges(database_name: str, specs: Sequence[CollectionSpec], key_vault: str = KEY_VAULT) -> list[Stored]:
    """All that the application may do: no dropping, no indexing, no other validators, no other database."""
    vault_database, _, vault_collection = key_vault.partition(".")
    return [
        _privilege(database_name, "", ("listCollections",)),
        _privilege(vault_database, vault_collection, ("find", "insert", "update", "remove")),
        *(_privilege(database_name, spec.name, _APPENDS if spec.append_only else _WRITES) for spec in specs),
    ]


def _privilege(database: str, collection: str, actions: Sequence[str]) -> Stored:
    return {"resource": {"db": database, "collection": collection}, "actions": list(actions)}


def _unique_key_names() -> IndexModel:
    """What MongoDB asks of a key vault: two data keys never share an alternative name."""
    named = {"keyAltNames": {"$exists": True}}
    return IndexModel("keyAltNames", name="keyAltNames_1", unique=True, partialFilterExpression=named)


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """An end to all waiting: a server that distrusts its own certificate builds indexes for ever."""
    try:
        with pymongo.timeout(seconds):
            yield
    except PyMongoError as error:
        if not error.timeout:
            raise
        raise DatabaseUnavailable(
            f"Preparing the database took more than {seconds:g} seconds; "
            "run `openfinance db setup` again at a quieter time, it goes on where it stopped"
        ) from None


async def _prepare(database: AsyncDatabase[Stored], specs: Sequence[CollectionSpec]) -> list[Step]:
    found = await _collections(database)
    steps: list[Step] = []
    for spec in specs:
        steps.append(await _ensure_collection(database, spec, found))
        steps += await _ensure_indexes(database[spec.name], spec)
    return steps


async def _collections(database: AsyncDatabase[Stored]) -> dict[str, Stored]:
    """Each collection's name with its validator, empty where it has none."""
    listed = await database.list_collections()
    return {entry["name"]: entry.get("options", {}).get("validator", {}) async for entry in listed}


def _as_stored(database: AsyncDatabase[Stored], validator: Stored | None) -> Stored:
    """``validator`` as the server would answer it, so that the two can be compared."""
    return bson.decode(bson.encode(validator or {}, codec_options=database.codec_options), database.codec_options)


async def _ensure_collection(
    database: AsyncDatabase[Stored], spec: CollectionSpec, found: Mapping[str, Stored]
) -> Step:
    what = f"collection {spec.name}"
    if spec.name not in found:
        return await _create_collection(database, spec), what
    if found[spec.name] == _as_stored(database, spec.validator):
        return "unchanged", what
    await database.command("collMod", spec.name, validator=spec.validator or {})
    return "altered", what


async def _create_collection(database: AsyncDatabase[Stored], spec: CollectionSpec) -> Literal["created", "unchanged"]:
    try:
        await database.create_collection(spec.name, check_exists=False, validator=spec.validator or {})
    except OperationFailure as error:
        # Another set-up was quicker; both make the same.
        if error.code == _NAMESPACE_EXISTS:
            return "unchanged"
        raise
    return "created"


async def _indexes(collection: AsyncCollection[Stored]) -> dict[str, Mapping[str, Any]]:
    return {index["name"]: index async for index in await collection.list_indexes()}


async def _ensure_indexes(collection: AsyncCollection[Stored], spec: CollectionSpec) -> list[Step]:
    found = await _indexes(collection)
    steps: list[Step] = []
    missing: list[IndexModel] = []
    for index in spec.indexes:
        name = index.document["name"]
        if name not in found:
            missing.append(index)
        elif not _same_index(index.document, found[name]):
            raise _changed_index(spec.name, name)
        steps.append(("unchanged" if name in found else "created", f"index {spec.name}.{name}"))
    if missing:
        await _build(collection, missing)
    return steps


async def _build(collection: AsyncCollection[Stored], indexes: list[IndexModel]) -> None:
    try:
        await collection.create_indexes(indexes)
    except OperationFailure as error:
        names = ", ".join(index.document["name"] for index in indexes)
        if error.code == _DUPLICATE_KEY:
            raise Misconfigured(
                f"Documents in {collection.name} are equal where {names} must tell them apart; "
                "remove the doubles and run `openfinance db setup` again"
            ) from None
        if error.code in _INDEX_CONFLICTS:
            raise _changed_index(collection.name, names) from None
        raise


def _same_index(declared: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return list(declared["key"].items()) == list(found["key"].items()) and all(
        (declared.get(option) or None) == (found.get(option) or None) for option in _DEFINING_OPTIONS
    )


async def _undeclared(database: AsyncDatabase[Stored], specs: Sequence[CollectionSpec]) -> tuple[str, ...]:
    declared = {(spec.name, index.document["name"]) for spec in specs for index in spec.indexes}
    names = [name for name in await database.list_collection_names() if not name.startswith("system.")]
    found = [(name, index) for name in sorted(names) for index in await _indexes(database[name])]
    return tuple(".".join(each) for each in found if each[1] != "_id_" and each not in declared)


async def _admit(
    client: AsyncMongoClient[Stored], database_name: str, wanted: list[Stored], *, user: str, password: str
) -> list[Step]:
    role = f"openfinance_{database_name}"
    try:
        return [
            await _ensure_role(client.admin, role, wanted),
            await _ensure_user(client[database_name], user, password, role),
        ]
    except OperationFailure as error:
        if error.code in (UNAUTHORIZED, ATLAS_REFUSES, _COMMAND_UNKNOWN):
            raise Misconfigured(
                "Collections and indexes are ready, but this server lets nobody create users by command, as "
                f"Atlas does; create one in its console with readWrite on {database_name} and the key vault, "
                "and put it in MONGODB_URI"
            ) from None
        raise


async def _ensure_role(admin: AsyncDatabase[Stored], role: str, wanted: list[Stored]) -> Step:
    # It lives in `admin`, the only database whose roles may reach into others, as into the key vault.
    what = f"role {role}"
    found = (await admin.command("rolesInfo", role, showPrivileges=True))["roles"]
    if not found:
        await admin.command("createRole", role, privileges=wanted, roles=[])
        return "created", what
    if _comparable(found[0]["privileges"]) == _comparable(wanted) and not found[0]["roles"]:
        return "unchanged", what
    await admin.command("updateRole", role, privileges=wanted, roles=[])
    return "altered", what


def _comparable(listed: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, frozenset[str]]]:
    return {
        (each["resource"].get("db", ""), each["resource"].get("collection", ""), frozenset(each["actions"]))
        for each in listed
    }


async def _ensure_user(database: AsyncDatabase[Stored], user: str, password: str, role: str) -> Step:
    what = f"user {user}"
    roles = [{"role": role, "db": "admin"}]
    found = (await database.command("usersInfo", user, showCredentials=True))["users"]
    if not found:
        await database.command("createUser", user, pwd=password, roles=roles, mechanisms=["SCRAM-SHA-256"])
        return "created", what
    if found[0]["roles"] == roles and _opens(password, found[0].get("credentials", {})):
        return "unchanged", what
    await database.command("updateUser", user, pwd=password, roles=roles, mechanisms=["SCRAM-SHA-256"])
    return "altered", what


def _opens(password: str, credentials: Mapping[str, Any]) -> bool:
    """Whether ``password`` is the one whose SCRAM-SHA-256 proof (RFC 5802, section 3) is stored."""
    proof = credentials.get("SCRAM-SHA-256")
    if proof is None:
        return False
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(proof["salt"]), proof["iterationCount"])
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), base64.b64decode(proof["storedKey"]))


def _behind(difference: str) -> Misconfigured:
    return Misconfigured(f"The database {difference}; run `openfinance db setup`")


def _changed_index(collection: str, name: str) -> Misconfigured:
    return Misconfigured(
        f"Index {collection}.{name} differs from its declaration; "
        "drop the old one by hand and run `openfinance db setup` again"
    )
