import socket

import pymongo
import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from backend.kernel.errors import DatabaseUnavailable, Misconfigured
from backend.kernel.mongo.client import (
    check_server,
    connect,
    require_supported,
    server_version,
    translated,
    uri_for,
)

SECRET = "hunter2 at db.example"
REPLICA_SET = {"setName": "rs0"}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (ServerSelectionTimeoutError(SECRET), DatabaseUnavailable),
        (AutoReconnect(SECRET), DatabaseUnavailable),
        (NetworkTimeout(SECRET), DatabaseUnavailable),
        (NotPrimaryError(SECRET), DatabaseUnavailable),
        (WriteConcernError(SECRET, 64), DatabaseUnavailable),
        (WTimeoutError(SECRET, 64), DatabaseUnavailable),
        (BulkWriteError({"writeErrors": [], "writeConcernErrors": [{}]}), DatabaseUnavailable),
        (ExecutionTimeout(SECRET, 50), DatabaseUnavailable),
        (ConfigurationError(SECRET), Misconfigured),
        (OperationFailure(SECRET, 18), Misconfigured),
        (OperationFailure(SECRET, 8000), Misconfigured),
        (OperationFailure(SECRET, 13), Misconfigured),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_trouble_with_the_server_is_told_in_our_words_without_pymongo_s(error, ours):
    with pytest.raises(ours) as told, translated():
        raise error
    assert SECRET not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


@pytest.mark.unit
@pytest.mark.parametrize(
    "error",
    [DuplicateKeyError("double", 11000), BulkWriteError({"writeErrors": [{"code": 11000}]})],
    ids=["single", "bulk"],
)
def test_errors_about_the_data_are_left_to_the_caller(error):
    with pytest.raises(type(error)), translated():
        raise error


@pytest.mark.unit
@pytest.mark.parametrize("uri", ["", "mongodb://", "mongodb://u:p@ss@host/", "mongodb://h:port/"])
async def test_a_malformed_uri_is_refused_without_repeating_it(uri):
    with pytest.raises(Misconfigured, match="MONGODB_URI is not a connection string") as told:
        connect(uri)
    assert "p@ss" not in str(told.value)


@pytest.mark.unit
@pytest.mark.parametrize("version", ["5.0.31", "4.4.0", "3.6.8"])
def test_a_server_older_than_6_is_refused(version):
    with pytest.raises(Misconfigured, match=f"MongoDB {version} is too old; upgrade"):
        require_supported(REPLICA_SET, version)


@pytest.mark.unit
@pytest.mark.parametrize("version", ["6.0.0", "6.0.5", "7.0.12", "8.0.1-rc0", "10.0.0"])
def test_a_server_of_6_or_newer_is_welcome(version):
    require_supported(REPLICA_SET, version)
    require_supported({"msg": "isdbgrid"}, version)


@pytest.mark.unit
def test_a_server_without_replica_set_is_refused():
    with pytest.raises(Misconfigured, match="start it with --replSet"):
        require_supported({"isWritablePrimary": True}, "8.0.0")


@pytest.mark.unit
def test_the_uri_for_another_user_keeps_hosts_and_options_and_drops_the_first_user():
    admin = "mongodb+srv://root:p%40ss@a.example,b.example:27018/admin?replicaSet=r&authSource=admin&tls=true"
    assert uri_for(admin, user="app", password="s/cret", database="bank") == (
        "mongodb+srv://app:s%2Fcret@a.example,b.example:27018/bank?replicaSet=r&tls=true&authSource=bank"
    )


async def test_the_run_s_server_is_supported(admin_client):
    assert await check_server(admin_client) == await server_version(admin_client)


async def test_clients_write_durably_and_read_times_in_utc(admin_client):
    assert admin_client.write_concern.document == {"w": "majority", "j": True}
    assert admin_client.codec_options.tz_aware
    assert admin_client.options.retry_writes


async def test_a_wrong_password_is_told_in_our_words(mongo_server):
    wrong = uri_for(mongo_server.admin_uri, user="openfinance_admin", password="wrong", database="admin")
    async with connect(wrong) as client:
        with pytest.raises(Misconfigured, match="does not accept the user and password"), translated():
            await client.admin.command("ping")


async def test_a_server_that_does_not_answer_is_told_in_our_words():
    # It listens and is silent: a client closed in the middle of a refused connection would leak its socket.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with connect(f"mongodb://127.0.0.1:{silent.getsockname()[1]}/") as client:
            with (
                pytest.raises(DatabaseUnavailable, match="No MongoDB primary answers"),
                translated(),
                pymongo.timeout(0.2),
            ):
                await client.admin.command("ping")
