"""What the server lets in and what Beanie reads back, for documents as they are really stored."""

from decimal import Decimal

import pytest
from bson import Int64
from bson.binary import Binary
from bson.decimal128 import Decimal128
from pymongo.errors import WriteError

from backend.documents.account import ExternalAccount
from backend.documents.balance import ExternalBalance
from backend.documents.database import COLLECTIONS, DOCUMENTS
from backend.documents.product import ExternalProduct
from backend.documents.quarantine import Quarantined
from backend.documents.raw_payload import RawPayload
from backend.documents.token import Token
from backend.documents.transaction import ExternalTransaction
from backend.documents.user import User
from tests.builders import account, product
from tests.sample import import_sample

SEED_NUMBERS = [7825, Int64(7825), 7825.5, Decimal128("7825.10"), None]
NOT_NUMBERS = ["7825", float("nan"), float("inf"), Decimal128("NaN"), Decimal128("-Infinity"), {"amount": "1"}, True]


@pytest.mark.parametrize("number", SEED_NUMBERS, ids=repr)
async def test_where_the_seed_says_number_every_kind_of_number_may_stand(database, number):
    await database.external_accounts.insert_one(account() | {"AccountBalance": number})
    await database.external_products.insert_one(product() | {"ProductAmount": number})


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=repr)
async def test_the_server_refuses_what_is_no_finite_number(database, value):
    with pytest.raises(WriteError):
        await database.external_accounts.insert_one(account() | {"AccountBalance": value})
    with pytest.raises(WriteError):
        await database.external_products.insert_one(product() | {"ProductInterestRate": value})


@pytest.mark.parametrize(
    "value", ["204515807", b"204515807", Binary(b"\x01" + b"0" * 40, 6)], ids=["text", "bytes", "fake"]
)
async def test_the_server_refuses_anything_but_our_ciphertext_where_it_belongs(database, value):
    with pytest.raises(WriteError):
        await database.external_accounts.insert_one(account() | {"AccountNumber": value})
    with pytest.raises(WriteError):
        await database.external_products.insert_one(product() | {"PropertyDetails": {"Address": value}})


async def test_the_server_refuses_a_token_in_clear(store):
    await import_sample(store)
    with pytest.raises(WriteError):
        await store.collection("tokens").update_one({}, {"$set": {"BearerToken": "a" * 64}})


async def test_the_server_refuses_a_password_that_is_no_argon2_hash(store):
    await import_sample(store)
    with pytest.raises(WriteError):
        await store.collection("users").update_one({}, {"$set": {"PasswordHash": "correct horse"}})


@pytest.mark.parametrize(
    ("document", "filled"),
    [
        (ExternalAccount, 20), (ExternalProduct, 9), (ExternalTransaction, 14), (ExternalBalance, 20),
        (User, 12), (Token, 12), (RawPayload, 1), (Quarantined, 0),
    ],
)  # fmt: skip
async def test_whatever_is_stored_is_read_back_as_its_document(store, document, filled):
    await import_sample(store)
    found = await document.find_all().to_list()
    assert len(found) >= filled


async def test_an_amount_is_read_back_as_the_exact_decimal(store):
    await import_sample(store)
    total = sum((held.account_balance for held in await ExternalAccount.find_all().to_list()), Decimal(0))
    assert total == Decimal(100138)


@pytest.mark.unit
def test_every_document_has_its_collection_validator_and_indexes():
    assert {spec.name for spec in COLLECTIONS} == {document.Settings.name for document in DOCUMENTS}
    for spec in COLLECTIONS:
        names = [index.document["name"] for index in spec.indexes]
        assert len(names) == len(set(names))
        assert spec.validator["$jsonSchema"]["required"]


@pytest.mark.unit
def test_only_the_audit_is_append_only():
    assert [spec.name for spec in COLLECTIONS if spec.append_only] == ["audit"]
