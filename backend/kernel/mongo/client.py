"""The one way to connect to MongoDB, and its errors in our own words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from pymongo import AsyncMongoClient
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from backend.kernel.errors import DatabaseUnavailable, Misconfigured, OpenFinanceError

UNAUTHORIZED = 13
AUTHENTICATION_FAILED = 18
ATLAS_REFUSES = 8000
OLDEST_SERVER = (6, 0)
SELECTION_SECONDS = 5

_UNCONFIRMED = (
    "MongoDB could not confirm the write on a majority of its members; "
    "repeat it with the same identifiers once the replica set is healthy"
)
_TROUBLES: tuple[tuple[type[PyMongoError], type[OpenFinanceError], str], ...] = (
    (
        ServerSelectionTimeoutError,
        DatabaseUnavailable,
        "No MongoDB primary answers; see `openfinance db status`, and check MONGODB_URI and the network",
    ),
    (
        ConnectionFailure,
        DatabaseUnavailable,
        "The connection to MongoDB broke; repeat the call with the same identifiers",
    ),
    (WriteConcernError, DatabaseUnavailable, _UNCONFIRMED),
    (
        ExecutionTimeout,
        DatabaseUnavailable,
        "MongoDB ran out of the time allowed; ask for less, or try again later",
    ),
    (
        ConfigurationError,
        Misconfigured,
        "MONGODB_URI cannot be used as it is written; check its hosts, options and certificates",
    ),
)
_NOT_LOGGED_IN = (
    "MongoDB does not accept the user and password; correct them in MONGODB_URI, "
    "or run `openfinance db setup` to make the application's user anew"
)
_REFUSALS = {
    UNAUTHORIZED: "The MongoDB user may not do that; run `openfinance db setup` with an administrator's MONGODB_URI",
    AUTHENTICATION_FAILED: _NOT_LOGGED_IN,
    ATLAS_REFUSES: _NOT_LOGGED_IN,
}
# Words of one user that must not follow another one into a new connection string.
_PERSONAL_OPTIONS = {"authsource", "authmechanism", "authmechanismproperties"}


def connect(uri: str, *, app_name: str = "openfinance") -> AsyncMongoClient[dict[str, Any]]:
    """A client whose acknowledged writes survive a crash; it belongs to the running event loop.

    Nothing is sent yet: the first operation finds the server or raises. The caller closes it.
    """
    try:
        return AsyncMongoClient(
            uri,
            appname=app_name,
            w="majority",
            journal=True,
            retryWrites=True,
            retryReads=True,
            serverSelectionTimeoutMS=SELECTION_SECONDS * 1000,
            tz_aware=True,
            uuidRepresentation="standard",
        )
    except (ConfigurationError, ValueError):
        raise Misconfigured(
            "MONGODB_URI is not a connection string; write it as mongodb://user:password@host:27017/?replicaSet=name"
        ) from None


@contextmanager
def translated() -> Iterator[None]:
    """A block, of sync or async calls, whose PyMongo troubles come out as ours.

    Errors about the data (a duplicate key, a refused document) pass untouched: only the caller knows
    what they mean. Put it round a whole transaction, not inside one: the driver retries by its own errors.
    """
    try:
        yield
    except PyMongoError as error:
        ours = _in_our_words(error)
        if ours is None:
            raise
        # PyMongo's text can hold values, hosts and credentials, so it must not travel as the cause.
        raise ours from None


async def server_version(client: AsyncMongoClient[dict[str, Any]]) -> str:
    """The server's version, such as ``"6.0.5"``."""
    with translated():
        return str((await client.admin.command("buildInfo"))["version"])


async def check_server(client: AsyncMongoClient[dict[str, Any]]) -> str:
    """The server's version, if it can serve us; Misconfigured says what it lacks."""
    version = await server_version(client)
    with translated():
        hello = await client.admin.command("hello")
    require_supported(hello, version)
    return version


def require_supported(hello: Mapping[str, Any], version: str) -> None:
    """Raises Misconfigured for a server that is too old, or alone: neither replica set nor sharded."""
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise Misconfigured(f"MongoDB {version} is too old; upgrade the server to 6.0 or newer")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise Misconfigured(
            "MongoDB runs as a single server without transactions and change streams; "
            "start it with --replSet and initiate it, or unset MONGODB_URI to use the embedded one"
        )


def uri_for(uri: str, *, user: str, password: str, database: str) -> str:
    """``uri`` with its hosts and options, for another user, whose account lives in ``database``."""
    parts = urlsplit(uri)
    hosts = parts.netloc.rpartition("@")[2]
    options = [(name, value) for name, value in parse_qsl(parts.query) if name.lower() not in _PERSONAL_OPTIONS]
    query = urlencode([*options, ("authSource", database)])
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return urlunsplit((parts.scheme, f"{login}@{hosts}", f"/{database}", query, ""))


def _in_our_words(error: PyMongoError) -> OpenFinanceError | None:
    if isinstance(error, BulkWriteError):
        only_unconfirmed = not error.details.get("writeErrors")
        return DatabaseUnavailable(_UNCONFIRMED) if only_unconfirmed else None
    for kind, ours, sentence in _TROUBLES:
        if isinstance(error, kind):
            return ours(sentence)
    refusal = _REFUSALS.get(error.code or 0) if isinstance(error, OperationFailure) else None
    return Misconfigured(refusal) if refusal else None
