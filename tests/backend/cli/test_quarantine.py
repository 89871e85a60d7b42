"""`openfinance quarantine`: what was set aside, and its bytes as they came."""

import asyncio
import json

import pytest
from rich.console import Console

from backend.cli.importing import show
from backend.ingest.pieces import piece
from backend.ingest.samples import FileReport, find_files, import_file
from backend.kernel.errors import InvalidInput, NotFound
from tests.backend.ingest.conftest import BANKS, account_record

GOOD = json.dumps(account_record()).encode()
NO_CURRENCY = json.dumps(account_record(AccountNumber="2", AccountCurrency=None)).encode()
HALF = b'{"AccountNumber": "3", \x1b[31m "a": {'
LINES = b"\n".join([NO_CURRENCY, HALF, GOOD])
ARRAY = b"[" + GOOD + b" ,\n " + NO_CURRENCY + b",\n" + b'{"AccountNumber": "[b],\n {'


@pytest.fixture
async def report(store, tmp_path, request) -> FileReport:
    """A file of which two records are set aside."""
    body = getattr(request, "param", LINES)
    path = tmp_path / f"[a].external_accounts.{'json' if body[:1] == b'[' else 'ndjson'}"
    path.write_bytes(body)
    (file,) = find_files([path])
    return await import_file(store, BANKS, file)


def test_an_import_says_each_on_a_line_with_everything_one_needs(report):
    console = Console(width=40, force_terminal=False)
    with console.capture() as captured:
        show(console, [report])
    lines = [line.strip() for line in captured.get().splitlines()]
    assert ("[a].external_accounts.ndjson, line 1: MISSING at /AccountCurrency – AccountCurrency is missing") in lines
    assert any(
        line.startswith("[a].external_accounts.ndjson, line 2: MALFORMED at the whole record –") for line in lines
    )
    assert any("openfinance quarantine show ID" in line for line in lines)


@pytest.mark.usefixtures("report")
async def test_the_list_can_be_narrowed_and_nothing_is_cut_off(openfinance):
    listed = (await asyncio.to_thread(openfinance, "quarantine")).output
    assert "2 of 2 set aside" in listed
    assert "…" not in listed
    listed = (await asyncio.to_thread(openfinance, "quarantine", "--code", "MALFORMED", "--limit", "1")).output
    assert "1 of 1 set aside" in listed
    assert "MISSING" not in listed


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (LINES, {"line 1": NO_CURRENCY, "line 2": HALF}),
        (ARRAY, {"record 2": NO_CURRENCY, "record 3": b'{"AccountNumber": "[b],\n {'}),
    ],
    indirect=["report"],
    ids=["lines", "array"],
)
async def test_a_record_is_shown_as_it_was_received(store, openfinance, expected):
    found = {each["Place"]: each["_id"].hex() async for each in store.collection("quarantine").find()}
    assert set(found) == set(expected)
    for place, raw in expected.items():
        shown = await asyncio.to_thread(openfinance, "quarantine", "show", found[place][:12])
        assert shown.stdout_bytes == raw + b"\n"
        assert place in shown.stderr


@pytest.mark.usefixtures("report")
async def test_that_a_persons_record_was_looked_at_is_recorded(store, openfinance):
    found = await store.collection("quarantine").find_one({"Code": "MISSING"})
    await asyncio.to_thread(openfinance, "quarantine", "show", found["_id"].hex())
    event = await store.collection("audit").find_one({"Action": "quarantine.shown"})
    assert (event["Chain"], event["Object"]) == (found["UserId"], f"record:{found['_id'].hex()}")


@pytest.mark.parametrize(("record", "error"), [("0" * 32, NotFound), ("zebra", InvalidInput), ("0" * 33, InvalidInput)])
async def test_an_id_that_is_none_is_told(openfinance, record, error):
    with pytest.raises(error):
        await asyncio.to_thread(openfinance, "quarantine", "show", record)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("pointer", "expected"),
    [("", b'{"a/b": [1.50, {"c":\t2}], "d": 3}'), ("/a~1b/0", b"1.50"), ("/a~1b/1", b'{"c":\t2}'), ("/d", b"3")],
)
def test_a_pointer_leads_to_the_bytes_themselves(pointer, expected):
    assert piece(b'{"a/b": [1.50, {"c":\t2}], "d": 3}', pointer) == expected


@pytest.mark.unit
@pytest.mark.parametrize("pointer", ["/x", "/d/0", "/a~1b/2", "/a~1b/x"])
def test_a_pointer_to_nothing_is_a_key_error(pointer):
    with pytest.raises(KeyError):
        piece(b'{"a/b": [1.50, {"c":\t2}], "d": 33}', pointer)
