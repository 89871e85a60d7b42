from dataclasses import replace

import pytest
from bson.binary import UUID_SUBTYPE, Binary
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure, WriteError

from backend.kernel.errors import DatabaseUnavailable, Misconfigured
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.provision import CollectionSpec, privileges, provision, verify

BY_OWNER = IndexModel([("owner", ASCENDING), ("at", DESCENDING)], name="by_owner")
ONCE = IndexModel("key", name="once", unique=True, partialFilterExpression={"key": {"$exists": True}})
TEXT_ONLY = {"$jsonSchema": {"bsonType": "object", "properties": {"owner": {"bsonType": "string"}}}}
ACCOUNTS = CollectionSpec("accounts", (BY_OWNER, ONCE), TEXT_ONLY)
AUDIT = CollectionSpec(
    "audit", (IndexModel([("chain", 1), ("seq", 1)], name="by_chain", unique=True),), append_only=True
)
SPECS = (ACCOUNTS, AUDIT)


@pytest.fixture(scope="module")
def name(database_name):
    return f"{database_name}_provision"


@pytest.fixture
async def prepare(admin_client, name):
    """Prepares a database that did not exist before, and drops it afterwards."""

    async def run(specs=SPECS, **options):
        options = {"user": "app", "password": "s3cret", "key_vault": f"{name}_keys.vault", **options}
        return await provision(admin_client, name, specs, **options)

    yield run
    await admin_client.drop_database(name)
    await admin_client.drop_database(f"{name}_keys")
    await admin_client[name].command("dropAllUsersFromDatabase")
    await admin_client.admin.command("dropRole", f"openfinance_{name}")


@pytest.fixture
async def application(prepare, mongo_server, name):
    """The application's own view of a prepared database."""
    await prepare()
    async with connect(uri(mongo_server, name, "s3cret")) as client:
        yield client[name]


def uri(mongo_server, name, password):
    return f"mongodb://app:{password}@127.0.0.1:{mongo_server.port}/?authSource={name}"


async def refusal(operation):
    with pytest.raises(OperationFailure) as refused:
        await operation
    return refused.value.code


async def test_a_first_run_makes_everything_and_a_second_changes_nothing(prepare, name):
    everything = {
        "collection accounts",
        "index accounts.by_owner",
        "index accounts.once",
        "collection audit",
        "index audit.by_chain",
        "collection vault",
        "index vault.keyAltNames_1",
        f"role openfinance_{name}",
        "user app",
    }
    first = await prepare()
    assert set(first.created) == everything
    assert first.altered == first.unchanged == first.undeclared_indexes == ()

    second = await prepare()
    assert set(second.unchanged) == everything
    assert second.created == second.altered == ()


async def test_only_what_differs_is_altered(prepare, name, mongo_server):
    await prepare()
    new = replace(ACCOUNTS, validator={"$jsonSchema": {"required": ["owner"]}})
    assert (await prepare((new, AUDIT))).altered == ("collection accounts",)
    assert (await prepare((replace(new, validator=None), AUDIT))).altered == ("collection accounts",)
    assert (await prepare((replace(new, validator=None), replace(AUDIT, append_only=False)))).altered == (
        f"role openfinance_{name}",
    )
    assert (await prepare((replace(new, validator=None), AUDIT), password="another")).altered == (
        f"role openfinance_{name}",
        "user app",
    )
    async with connect(uri(mongo_server, name, "another")) as client:
        assert await client[name].accounts.find_one() is None


async def test_indexes_that_nobody_declared_are_reported_and_kept(prepare, admin_client, name):
    await prepare()
    await admin_client[name].accounts.create_index("forgotten", name="forgotten")
    await admin_client[name].other.create_index("x", name="x")
    for _ in range(2):
        assert (await prepare()).undeclared_indexes == ("accounts.forgotten", "other.x")


async def test_an_index_that_differs_from_its_declaration_is_told_and_kept(prepare, admin_client, name):
    await prepare()
    changed = replace(ACCOUNTS, indexes=(IndexModel("owner", name="by_owner"),))
    with pytest.raises(Misconfigured, match=r"Index accounts\.by_owner differs from its declaration; drop"):
        await prepare((changed, AUDIT))
    renamed = replace(ACCOUNTS, indexes=(IndexModel([("owner", 1), ("at", -1)], name="renamed"),))
    with pytest.raises(Misconfigured, match=r"Index accounts\.renamed differs"):
        await prepare((renamed, AUDIT))
    assert (await admin_client[name].accounts.index_information())["by_owner"]["key"] == [
        ("owner", 1),
        ("at", -1),
    ]


async def test_documents_that_break_a_new_unique_index_are_told_without_their_values(prepare, admin_client, name):
    await prepare((replace(ACCOUNTS, indexes=()), AUDIT))
    await admin_client[name].accounts.insert_many([{"key": "IBAN-1"}, {"key": "IBAN-1"}])
    with pytest.raises(Misconfigured, match="Documents in accounts are equal where") as told:
        await prepare()
    assert "IBAN-1" not in str(told.value)


async def test_waiting_for_the_server_has_an_end(prepare):
    with pytest.raises(DatabaseUnavailable, match=r"more than 1e-06 seconds; run `openfinance db setup` again"):
        await prepare(seconds=1e-6)
    await prepare()


async def test_the_application_reads_writes_and_watches_what_was_declared(application):
    accounts = application.accounts
    async with await accounts.watch() as changes:
        await accounts.insert_one({"_id": 1, "owner": "ann"})
        await accounts.update_one({"_id": 1}, {"$set": {"owner": "bob"}})
        assert [(await changes.next())["operationType"] for _ in range(2)] == ["insert", "update"]
    async with application.client.start_session() as session, await session.start_transaction():
        await accounts.delete_one({"_id": 1}, session=session)
        await application.audit.insert_one({"chain": 1, "seq": 1}, session=session)
    assert await application.audit.count_documents({}) == 1
    assert await accounts.count_documents({}) == 0


async def test_validators_and_unique_indexes_are_in_force(application):
    with pytest.raises(WriteError):
        await application.accounts.insert_one({"owner": 7})
    await application.accounts.insert_one({"key": "k"})
    with pytest.raises(DuplicateKeyError):
        await application.accounts.insert_one({"key": "k"})


async def test_the_application_can_only_append_to_an_append_only_collection(application):
    await application.audit.insert_one({"_id": 1, "chain": 1, "seq": 1})
    assert await refusal(application.audit.update_one({"_id": 1}, {"$set": {"seq": 2}})) == 13
    assert await refusal(application.audit.replace_one({"_id": 1}, {})) == 13
    assert await refusal(application.audit.delete_one({"_id": 1})) == 13
    assert await refusal(application.audit.find_one_and_delete({"_id": 1})) == 13
    assert await refusal(application.accounts.aggregate([{"$out": "audit"}])) == 13
    assert await refusal(application.accounts.aggregate([{"$merge": "audit"}])) == 13
    assert await application.audit.find_one() == {"_id": 1, "chain": 1, "seq": 1}


async def test_the_application_cannot_change_how_the_database_is_made(application):
    assert await refusal(application.accounts.drop()) == 13
    assert await refusal(application.client.drop_database(application.name)) == 13
    assert await refusal(application.accounts.create_index("x")) == 13
    assert await refusal(application.accounts.drop_index("by_owner")) == 13
    assert await refusal(application.command("collMod", "accounts", validator={})) == 13
    assert await refusal(application.create_collection("more")) == 13
    assert await refusal(application.accounts.rename("renamed")) == 13
    assert await refusal(application.command("updateUser", "app", roles=["dbOwner"])) == 13
    assert (
        await refusal(
            application.command("insert", "accounts", documents=[{"owner": 7}], bypassDocumentValidation=True)
        )
        == 13
    )


async def test_the_application_cannot_look_elsewhere(application, admin_client):
    other = f"{application.name}_other"
    await admin_client[other].accounts.insert_one({"_id": 1})
    try:
        assert await refusal(application.client[other].accounts.find_one()) == 13
        assert await refusal(application.undeclared.find_one()) == 13
        assert await refusal(application.client.admin["system.users"].find_one()) == 13
        assert await refusal(application.aggregate([{"$changeStream": {}}])) == 13
    finally:
        await admin_client.drop_database(other)


async def test_javascript_is_refused_to_the_application(application):
    await application.accounts.insert_one({"owner": "ann"})
    with pytest.raises(OperationFailure, match="no globalScriptEngine"):
        await application.accounts.find_one({"$where": "true"})


async def test_the_application_keeps_data_keys_whose_names_are_unique(application):
    vault = application.client[f"{application.name}_keys"].vault
    key = {"keyMaterial": Binary(b"k", UUID_SUBTYPE), "keyAltNames": ["ann"]}
    await vault.insert_one({"_id": 1, **key})
    with pytest.raises(DuplicateKeyError):
        await vault.insert_one({"_id": 2, **key})
    await vault.insert_many([{"_id": 3}, {"_id": 4}])
    await vault.update_one({"_id": 1}, {"$set": {"keyAltNames": ["bob"]}})
    assert (await vault.delete_one({"_id": 1})).deleted_count == 1
    assert await refusal(vault.drop()) == 13


async def test_only_an_administrator_can_prepare(application, prepare, name):
    with pytest.raises(Misconfigured, match="with an administrator's MONGODB_URI"):
        await provision(application.client, name, (*SPECS, CollectionSpec("more")), user="app", password="x")


async def test_a_server_where_nobody_may_make_users_is_told(prepare, admin_client, mongo_server, name):
    await prepare()
    await admin_client[name].command(
        "createUser", "owner", pwd="pw", roles=["dbOwner", {"role": "readWrite", "db": f"{name}_keys"}]
    )
    async with connect(uri(mongo_server, name, "pw").replace("app:", "owner:")) as owner:
        with pytest.raises(Misconfigured, match="lets nobody create users by command"):
            await provision(owner, name, SPECS, user="app", password="x", key_vault=f"{name}_keys.vault")


async def test_the_application_finds_a_prepared_database_right(application):
    await verify(application.client, application.name, SPECS)


async def test_what_the_database_lacks_is_named_with_the_remedy(application, admin_client):
    admin = admin_client[application.name]

    async def told(*specs):
        with pytest.raises(Misconfigured) as error:
            await verify(application.client, application.name, specs)
        return str(error.value)

    await admin.accounts.drop_index("once")
    assert await told(*SPECS) == "The database has no index accounts.once; run `openfinance db setup`"
    await admin.accounts.create_index("key", name="once")
    assert "Index accounts.once differs from its declaration" in await told(*SPECS)
    assert await told(CollectionSpec("more")) == "The database has no collection more; run `openfinance db setup`"
    assert "another validator for audit" in await told(replace(AUDIT, validator=TEXT_ONLY))


@pytest.mark.unit
def test_no_privilege_reaches_further_than_documents():
    allowed = {
        "find",
        "insert",
        "update",
        "remove",
        "changeStream",
        "collStats",
        "listIndexes",
        "listCollections",
    }
    for privilege in privileges("bank", SPECS):
        assert set(privilege["actions"]) <= allowed
        if privilege["resource"]["collection"] == "":
            assert privilege["actions"] == ["listCollections"]
        if privilege["resource"]["collection"] == "audit":
            assert not {"update", "remove"} & set(privilege["actions"])
