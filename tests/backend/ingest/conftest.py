import json
from pathlib import Path

import pytest

from backend.banks.registry import DATA, Registry
from backend.ingest.samples import find_files, import_file

SAMPLE = DATA / "sample"
BANKS = Registry()


def account_record(**changes) -> dict:
    """A record as Green Bank gives it; a change to None leaves the field out."""
    record = {
        "AccountNumber": "420118377",
        "AccountBank": "Green Bank",
        "AccountStatus": "Active",
        "AccountIdentificationType": "AccountNumber",
        "AccountType": "Savings",
        "AccountBalance": 5310,
        "AccountCurrency": "USD",
        "AccountUser": {"UserName": "mariecur", "UserId": {"$oid": "66b1d0f24f1c9a7d3e5a1c01"}},
        "GreenAccountNarrative": "Savings account focusing on sustainable banking at Green Bank",
    } | changes
    return {name: value for name, value in record.items() if value is not None}


@pytest.fixture
def importing(store, tmp_path):
    """Imports text or records as a file of that name; the counts."""

    async def run(records, name="open_finance.external_accounts.json", **options):
        path = tmp_path / name
        if isinstance(records, bytes):
            path.write_bytes(records)
        elif name.endswith(".json"):
            path.write_text(json.dumps(records))
        else:
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        (file,) = find_files([path])
        return (await import_file(store, BANKS, file, **options)).counts

    return run


@pytest.fixture
def import_sample(store):
    async def run(**options):
        return [(await import_file(store, BANKS, file, **options)).counts for file in find_files([Path(SAMPLE)])]

    return run
