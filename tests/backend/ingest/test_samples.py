"""Files into the store: what comes in, what is set aside, and what a second time changes."""

import json
from datetime import UTC, datetime
from unittest.mock import AsyncMock

import pytest
from bson import ObjectId

from backend.ingest.files import read_records
from backend.ingest.raw import read_payload
from backend.ingest.samples import find_files
from backend.kernel.errors import InvalidInput
from tests.backend.ingest.conftest import SAMPLE, account_record


def figures(counts):
    return counts.read, counts.new, counts.changed, counts.same, counts.quarantined


async def everything(store):
    """All documents of all collections, in a form that can be compared."""
    return {
        name: sorted([repr(document) async for document in store.collection(name).find()])
        for name in await store.database.list_collection_names()
    }


async def test_the_sample_comes_in_whole(store, import_sample):
    counts = await import_sample()
    assert [figures(count) for count in counts] == [(n, n, 0, 0, 0) for n in (4, 12, 8, 12, 9, 7)]
    assert await store.collection("external_accounts").count_documents({}) == 20
    assert await store.collection("external_products").count_documents({}) == 9
    assert await store.collection("external_transactions").count_documents({}) == 14


async def test_a_second_import_changes_nothing(store, import_sample):
    await import_sample()
    before = await everything(store)
    counts = await import_sample()
    assert [figures(count) for count in counts] == [(n, 0, 0, n, 0) for n in (4, 12, 8, 12, 9, 7)]
    assert await everything(store) == before


async def test_a_dry_run_tells_the_counts_and_writes_nothing(store, import_sample):
    before = await everything(store)
    counts = await import_sample(dry_run=True)
    assert [figures(count) for count in counts] == [(n, n, 0, 0, 0) for n in (4, 12, 8, 12, 9, 7)]
    assert await everything(store) == before


async def test_a_changed_balance_changes_the_account_and_adds_to_its_history(store, importing):
    await importing([account_record(AccountBalance=100)])
    counts = await importing([account_record(AccountBalance=250)])
    assert figures(counts) == (1, 0, 1, 0, 0)
    (account,) = [found async for found in store.collection("external_accounts").find()]
    assert (str(account["AccountBalance"]), account["Revision"]) == ("250", 2)
    history = [str(found["Amount"]) async for found in store.collection("external_balances").find().sort("StatedAt")]
    assert history == ["100", "250"]


async def test_a_balance_that_returns_to_an_old_value_is_stated_again(store, importing):
    for balance in (100, 250, 100):
        await importing([account_record(AccountBalance=balance)])
    (account,) = [found async for found in store.collection("external_accounts").find()]
    assert (str(account["AccountBalance"]), account["Revision"]) == ("100", 3)
    history = [str(found["Amount"]) async for found in store.collection("external_balances").find().sort("StatedAt")]
    assert history == ["100", "250", "100"]


async def test_a_balance_whose_account_was_not_written_any_more_is_not_stated_twice(store, importing, monkeypatch):
    monkeypatch.setattr("backend.ingest.intake.seal_all", AsyncMock(side_effect=ConnectionError))
    with pytest.raises(ConnectionError):
        await importing([account_record()])
    monkeypatch.undo()
    assert await store.collection("external_balances").count_documents({}) == 1
    await importing([account_record()])
    assert await store.collection("external_balances").count_documents({}) == 1


async def test_of_a_thousand_records_three_bad_ones_are_set_aside_and_the_others_are_in(store, importing):
    records = [account_record(AccountNumber=str(100_000_000 + n)) for n in range(1000)]
    del records[3]["AccountCurrency"]
    records[500]["AccountBalance"] = "NaN"
    records[999]["AccountBank"] = "Nowhere Bank"
    counts = await importing(records, name="open_finance.external_accounts.ndjson")
    assert figures(counts) == (1000, 997, 0, 0, 3)
    told = {(place, rejected.code, rejected.pointer) for place, rejected in counts.problems}
    assert told == {
        ("line 4", "MISSING", "/AccountCurrency"),
        ("line 501", "NOT_AN_AMOUNT", "/AccountBalance"),
        ("line 1000", "UNKNOWN_BANK", "/AccountBank"),
    }
    stored = {(q["Place"], q["Code"], q["Pointer"]) async for q in store.collection("quarantine").find()}
    assert stored == told


async def test_a_record_set_aside_leads_to_its_own_bytes(store, importing):
    record = account_record(AccountCurrency=None)
    await importing([account_record(AccountNumber="1"), record])
    aside = await store.collection("quarantine").find_one({})
    payload = json.loads(await read_payload(store, aside["RawId"]))
    assert payload[int(aside["RawPath"].removeprefix("/"))] == record


async def test_a_document_leads_to_the_bytes_it_was_made_of(store, import_sample):
    await import_sample()
    async for account in store.collection("external_accounts").find():
        source = account["Source"]
        payload = json.loads(await read_payload(store, source["RawId"]))
        record = payload[int(source["RawPath"].removeprefix("/"))]
        assert record["AccountBalance"] == int(str(account["AccountBalance"]))
        assert record["_id"]["$oid"] == source["ProviderId"]


async def test_an_account_number_is_stored_as_ciphertext_only_its_owner_opens(store, importing):
    await importing([account_record()])
    account = await store.collection("external_accounts").find_one({})
    assert account["AccountNumber"].subtype == 6
    assert account["AccountNumberMasked"] == "••••8377"
    owner = account["AccountUser"]["UserId"]
    assert await store.sealer.open(owner, account["AccountNumber"]) == "420118377"


PIERRE = {"UserName": "pierrecur", "UserId": {"$oid": "66b1d0f24f1c9a7d3e5a1c02"}}


async def test_two_owners_of_one_account_number_have_two_documents_tied_together(store, importing):
    await importing([account_record(), account_record(AccountUser=PIERRE)])
    accounts = [found async for found in store.collection("external_accounts").find()]
    assert len({account["AccountId"] for account in accounts}) == 2
    assert len({account["AccountGroupKey"] for account in accounts}) == 1


async def test_the_same_record_twice_in_a_file_is_one_document_and_the_last_word_counts(store, importing):
    counts = await importing([account_record(AccountBalance=n) for n in (1, 1, 2)])
    assert figures(counts) == (3, 1, 1, 1, 0)
    account = await store.collection("external_accounts").find_one({})
    assert str(account["AccountBalance"]) == "2"


async def test_a_missing_balance_is_null_and_noted_never_zero(store, importing):
    counts = await importing([account_record(AccountBalance=None)])
    assert counts.new == 1
    account = await store.collection("external_accounts").find_one({})
    assert account["AccountBalance"] is None
    assert [note["Code"] for note in account["Quality"]] == ["BALANCE_MISSING"]
    assert await store.collection("external_balances").count_documents({}) == 0


async def test_an_unknown_type_is_kept_as_other_with_a_note(store, importing):
    await importing([account_record(AccountType="Youth")])
    account = await store.collection("external_accounts").find_one({})
    assert (account["AccountType"], account["AccountSubtype"]) == ("Other", {"Raw": "Youth"})


GOOD = json.dumps(account_record(AccountNumber="1")).encode()
BAD_LINES = {
    "half a line at the end": GOOD[:-20],
    "bad encoding": GOOD.replace(b"Savings", b"Sav\xffngs"),
    "a duplicate key": GOOD.replace(b"{", b'{"AccountNumber": "7", ', 1),
    "not an object": b"[1, 2]",
    "a lone surrogate": GOOD.replace(b"Savings", b"\\ud800"),
    "an operator for a text": GOOD.replace(b'"Savings"', b'{"$ne": null}'),
    "an operator for an amount": GOOD.replace(b"5310", b'{"$gt": 0}'),
    "forty digits": GOOD.replace(b"5310", b"1" * 40),
    "an exponent": GOOD.replace(b"5310", b"1e400"),
    "not a number": GOOD.replace(b"5310", b"NaN"),
    "full-width digits": GOOD.replace(b"5310", '"１２"'.encode()),
    "a broken id": GOOD.replace(b"66b1d0f24f1c9a7d3e5a1c01", b"xyz"),
    "a nest too deep": b'{"a":' * 100_000,
    "a number of 5000 digits": GOOD.replace(b"5310", b"1" * 5000),
    "a NUL in a key": GOOD.replace(b"{", b'{"a\\u0000b": 1, ', 1),
    "a nest of 300 levels": GOOD.replace(b"{", b'{"odd": ' + b"[" * 300 + b"]" * 300 + b", ", 1),
    "the first day of the calendar, far east": GOOD.replace(
        b"{", b'{"AccountDate": {"OpeningDate": "0001-01-02T00:00:00+23:59"}, ', 1
    ),
    "no owner": json.dumps(account_record(AccountUser=None)).encode(),
    "a NUL in the owner's name": GOOD.replace(b"mariecur", b"marie\\u0000cur"),
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES.keys())
async def test_a_bad_line_is_set_aside_and_the_others_are_in(store, importing, bad):
    other = json.dumps(account_record(AccountNumber="2")).encode()
    counts = await importing(other + b"\n" + bad, name="open_finance.external_accounts.ndjson")
    assert figures(counts) == (2, 1, 0, 0, 1)
    assert await store.collection("quarantine").count_documents({}) == 1
    again = await importing(other + b"\n" + bad, name="open_finance.external_accounts.ndjson")
    assert figures(again) == (2, 0, 0, 1, 1)
    assert await store.collection("quarantine").count_documents({}) == 1


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES.keys())
async def test_a_bad_record_of_an_array_is_set_aside_too(importing, bad):
    other = json.dumps(account_record(AccountNumber="2")).encode()
    counts = await importing(b"[" + other + b",\n" + bad + b"]")
    assert (counts.read, counts.new, counts.quarantined) == (2, 1, 1)


@pytest.mark.parametrize("more", [b"\n[]", b" garbage", b"{}", b","], ids=["array", "garbage", "object", "comma"])
async def test_what_follows_an_array_is_not_lost_in_silence(importing, more):
    counts = await importing(b"[" + GOOD + b"]" + more)
    assert figures(counts) == (2, 1, 0, 0, 1)


async def test_elements_without_a_comma_between_them_are_no_array(importing):
    counts = await importing(b"[" + GOOD + GOOD + b"]")
    assert figures(counts) == (2, 1, 0, 0, 1)


async def test_an_unknown_number_of_any_length_is_kept_as_it_was_written(store, importing):
    await importing([account_record()], name="a.external_accounts.json")
    await importing(GOOD.replace(b"{", b'{"Odd": 0.' + b"1" * 41 + b", ", 1), name="b.external_accounts.ndjson")
    account = await store.collection("external_accounts").find_one({"Extra": {"$exists": True}})
    extra = await store.sealer.open(account["AccountUser"]["UserId"], account["Extra"])
    assert extra == {"Odd": "0." + "1" * 41}


async def test_records_of_many_kilobytes_come_in_page_by_page(importing):
    records = [account_record(AccountNumber=str(n), Odd="x" * 130_000) for n in range(60)]
    assert (await importing(records)).new == 60


async def test_a_profile_never_lands_on_another_person(store, importing):
    await importing([account_record(), account_record(AccountUser=PIERRE)])
    stolen = {"_id": account_record()["AccountUser"]["UserId"], "UserName": "pierrecur", "UserEmail": "x@example.com"}
    counts = await importing([stolen, {"UserName": "mariecur", "JobTitle": "Chemist"}], name="leafy_bank.users.json")
    assert figures(counts) == (2, 1, 0, 0, 1)
    marie = await store.collection("users").find_one({"UserName": "mariecur"})
    assert await store.sealer.open(marie["_id"], marie["Profile"]) == {"JobTitle": "Chemist"}
    assert "UserEmail" not in marie


async def test_an_email_and_a_token_of_somebody_else_are_refused(importing):
    people = [{"UserName": name, "UserEmail": "same@example.com"} for name in ("first", "second")]
    counts = await importing(people, name="leafy_bank.users.json")
    assert counts.problems[0][1].code == "EMAIL_TAKEN"
    tokens = [{"UserName": name, "BearerToken": "a" * 64} for name in ("first", "second")]
    counts = await importing(tokens, name="open_finance.tokens.json")
    assert counts.problems[0][1].code == "TOKEN_TAKEN"


@pytest.mark.parametrize("bad", [b"", b"{", b'{"a": 1', b"nonsense"], ids=["open", "brace", "half", "nonsense"])
async def test_an_array_that_breaks_off_gives_all_before_the_break_and_says_where(store, importing, bad):
    counts = await importing(b"[" + GOOD + b",\n" + bad)
    assert figures(counts) == (2, 1, 0, 0, 1)
    assert counts.problems[0][1].code == "MALFORMED"


async def test_a_bad_character_in_an_array_costs_only_its_own_record(importing):
    bad = GOOD.replace(b"Savings", b"Sav\xffngs")
    counts = await importing(b"[" + b",".join([GOOD, bad, GOOD.replace(b'"1"', b'"2"')]) + b"]")
    assert figures(counts) == (3, 2, 0, 0, 1)


@pytest.mark.parametrize("content", [b"", b"   \n", b"AccountId;Balance", b"42"])
async def test_a_file_that_holds_no_records_cannot_be_used(importing, content):
    with pytest.raises(InvalidInput, match="neither a JSON array nor one JSON object a line"):
        await importing(content)


def test_a_file_whose_name_does_not_tell_what_it_holds_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "things.json").write_text("[]")
    with pytest.raises(InvalidInput, match="rename it.*or say --kind"):
        find_files([tmp_path])


def test_a_path_that_does_not_exist_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(InvalidInput, match="does not exist"):
        find_files([SAMPLE, tmp_path / "nowhere"])


async def test_canonical_extended_json_says_the_same_as_relaxed(store, importing):
    canonical = account_record(
        AccountBalance={"$numberDouble": "5310.25"},
        AccountDate={"OpeningDate": {"$date": {"$numberLong": "1710633600000"}}},
    )
    await importing([canonical])
    account = await store.collection("external_accounts").find_one({})
    assert str(account["AccountBalance"]) == "5310.25"
    assert account["AccountDate"]["OpeningDate"] == datetime(2024, 3, 17, tzinfo=UTC)


async def test_a_token_is_stored_only_as_a_keyed_hash(store, import_sample):
    await import_sample()
    sample = json.loads((SAMPLE / "open_finance.tokens.json").read_text())
    said = "".join("".join(documents) for documents in (await everything(store)).values())
    for record in sample:
        assert record["BearerToken"] not in said
        stored = await store.collection("tokens").find_one({"UserName": record["UserName"]})
        assert stored["BearerToken"] == store.keyed_hash.token(record["BearerToken"])


async def test_a_token_that_could_be_guessed_is_set_aside_and_its_bytes_are_not_kept(store, importing):
    record = {"UserName": "mariecur", "BearerToken": "hunter2"}
    counts = await importing([record], name="open_finance.tokens.json")
    assert counts.problems[0][1].code == "WEAK_TOKEN"
    aside = await store.collection("quarantine").find_one({})
    assert b"hunter2" not in await read_payload(store, aside["RawId"])


async def test_a_profile_is_sealed_whole(store, import_sample):
    await import_sample()
    said = repr([user async for user in store.collection("users").find()])
    assert "Kahlo" not in said
    assert "@example.com" not in said
    frida = await store.collection("users").find_one({"UserName": "fridaklo"})
    profile = await store.sealer.open(frida["_id"], frida["Profile"])
    assert profile["Name"]["LastName"] == "Kahlo"


async def test_an_owner_whose_name_is_another_users_is_refused(store, importing):
    await importing([account_record()])
    stranger = {"UserName": "mariecur", "UserId": {"$oid": "66b1d0f24f1c9a7d3e5affff"}}
    counts = await importing([account_record(AccountUser=stranger)])
    assert counts.problems[0][1].code == "OWNER_CONFLICT"
    assert await store.collection("external_accounts").count_documents({}) == 1


async def test_an_owner_whose_name_differs_by_capitals_alone_is_another_user_s_twin_and_refused(store, importing):
    await importing([account_record()])
    twin = {"UserName": "MarieCur", "UserId": {"$oid": "66b1d0f24f1c9a7d3e5affff"}}
    counts = await importing([account_record(AccountUser=twin)])
    assert counts.problems[0][1].code == "OWNER_CONFLICT"


async def test_the_two_sides_of_a_movement_belong_to_their_own_people(store, import_sample):
    await import_sample()
    rows = [row async for row in store.collection("external_transactions").find()]
    for row in rows:
        account = await store.collection("external_accounts").find_one({"AccountId": row["AccountId"]})
        assert account["AccountUser"] == row["AccountUser"]
    assert sum(row["Amount"].to_decimal() for row in rows) == 0


async def test_a_server_refuses_plain_text_where_ciphertext_belongs(store, importing):
    await importing([account_record()])
    from pymongo.errors import WriteError

    for field in ("AccountNumber", "AccountOwnerName", "Extra"):
        with pytest.raises(WriteError):
            await store.collection("external_accounts").update_one({}, {"$set": {field: "420118377"}})


@pytest.mark.unit
def test_a_large_array_is_read_piece_by_piece(tmp_path):
    path = tmp_path / "big.json"
    with path.open("w") as file:
        file.write("[")
        for n in range(50_000):
            file.write((", " if n else "") + json.dumps({"n": n, "text": "ä€🌱" * 20}, ensure_ascii=False))
        file.write("]")
    seen = [json.loads(record.raw)["n"] for record in read_records(path)]
    assert seen == list(range(50_000))


@pytest.mark.unit
def test_a_line_longer_than_any_record_is_skipped_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr("backend.ingest.files.MAX_RECORD_BYTES", 100)
    path = tmp_path / "long.ndjson"
    path.write_bytes(b'{"a": 1}\n' + b'{"a": "' + b"x" * 5000 + b'"}\n{"a": 2}\n')
    records = list(read_records(path))
    assert [bool(record.broken) for record in records] == [False, True, False]


def test_ids_depend_on_nothing_but_what_identifies(store):
    digest = store.keyed_hash.digest("account", ObjectId().binary, "green_bank", "AccountNumber", "1", "USD")
    assert digest != store.keyed_hash.digest("account", ObjectId().binary, "green_bank", "AccountNumber", "1", "USD")
