"""Whatever a file holds, every record is counted and none stops the others."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.banks.registry import Registry
from backend.ingest.samples import find_files, import_file
from tests.backend.ingest.conftest import SAMPLE
from tests.server_free import server_free_store

pytestmark = pytest.mark.unit

BANKS = Registry()
FILES = {path.name: json.loads(path.read_text()) for path in sorted(Path(SAMPLE).glob("*.json"))}
HUGE = "98765432101234567890987654321"
numbers = st.just(int(HUGE)) | st.integers() | st.floats() | st.sampled_from([1e400, -0.0, 2**63, 0.1 + 1e-17])
dates = st.sampled_from(["0001-01-01", "9999-12-31T23:59:59-23:59", "2024-02-30", "1", ""])
odd = st.recursive(
    st.none() | st.booleans() | numbers | st.text() | st.just({"$oid": "zz"}) | st.just({"$ne": None}) | dates,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def spoiled(draw):
    """A file of the sample in which some records hold something odd at some place."""
    name = draw(st.sampled_from(sorted(FILES)))
    records = json.loads(json.dumps(FILES[name]))
    for record in records:
        if draw(st.booleans()):
            _put(draw, record)
    return name, records


def _put(draw, part):
    while True:
        key = draw(st.sampled_from(sorted(part)) | st.text()) if part else draw(st.text())
        if not isinstance(part.get(key), dict) or draw(st.booleans()):
            part[key] = draw(odd)
            return
        part = part[key]


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(spoiled(), st.booleans())
def test_every_record_of_a_spoiled_file_is_counted(tmp_path_factory, file, as_lines):
    name, records = file
    lines = [_written(record) for record in records]
    path = tmp_path_factory.mktemp("spoiled") / name
    path.write_bytes(b"\n".join(lines) if as_lines else b"[" + b",\n".join(lines) + b"]")
    counts = asyncio.run(_imported(path))
    assert counts.read == len(records)
    assert counts.new + counts.changed + counts.same + counts.quarantined == counts.read


def _written(record):
    """JSON as careless programs write it: NaN, lone surrogates and numbers of any length included."""
    return json.dumps(record).replace(HUGE, "9" * 5000).encode()


async def _imported(path):
    (file,) = find_files([path])
    return (await import_file(server_free_store(), BANKS, file)).counts
