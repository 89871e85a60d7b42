"""The same intake on a store in memory: fast enough to run at every keystroke."""

import json

import pytest
from beanie import init_beanie

from backend.banks.registry import Registry
from backend.documents.user import User
from backend.ingest.samples import find_files, import_file
from tests.backend.ingest.conftest import SAMPLE, account_record
from tests.server_free import server_free_store

pytestmark = pytest.mark.unit

BANKS = Registry()


async def imported(store, path):
    return [(await import_file(store, BANKS, file)).counts for file in find_files([path])]


async def test_the_sample_comes_in_once_however_often_it_is_imported():
    store = server_free_store()
    first, second = [await imported(store, SAMPLE) for _ in range(2)]
    assert [(c.new, c.changed, c.same, c.quarantined) for c in first] == [(n, 0, 0, 0) for n in (4, 12, 8, 12, 9, 7)]
    assert [(c.new, c.changed, c.same, c.quarantined) for c in second] == [(0, 0, n, 0) for n in (4, 12, 8, 12, 9, 7)]


async def test_every_record_read_is_new_changed_same_or_quarantined(tmp_path):
    store = server_free_store()
    file = tmp_path / "external_accounts.ndjson"
    records = [account_record(AccountNumber=str(n)) for n in range(2500)]
    records[7] |= {"AccountBalance": "1e9"}
    file.write_text("\n".join(json.dumps(record) for record in records) + '\n{"half": ')
    (counts,) = await imported(store, file)
    assert (counts.read, counts.new, counts.quarantined) == (2501, 2499, 2)


async def test_documents_are_read_back_as_beanie_documents():
    store = server_free_store()
    await init_beanie(database=store.database, document_models=[User], skip_indexes=True)
    await imported(store, SAMPLE / "leafy_bank.users.json")
    frida = await User.find_one({"UserName": "fridaklo"})
    assert frida.user_name == "fridaklo"
    assert frida.password_hash is None
