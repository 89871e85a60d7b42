"""What must hold for every bank in data/banks: recordings map as a person once read and agreed."""

import copy
import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from backend.banks.contract import Rejected, Understood
from backend.banks.registry import DATA, Registry
from backend.kernel import strict_json

pytestmark = pytest.mark.unit

BANKS = Registry()
RECORDED = DATA / "recorded"
RECORDINGS = sorted(path for path in RECORDED.rglob("*.json") if not path.name.endswith(".expected.json"))
by_name = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)


def bank_and_kind(recording: Path):
    bank_id, kind = recording.name.split(".")[:2]
    return BANKS.bank(bank_id), kind


def records(recording: Path) -> list:
    return strict_json.loads(recording.read_bytes())


def mapped(recording: Path) -> list:
    bank, kind = bank_and_kind(recording)
    return [BANKS.dialect(bank).map(kind, record, bank) for record in records(recording)]


def shown(verdict: Understood | Rejected) -> dict:
    """A verdict as a person reads it in the expected file."""
    if isinstance(verdict, Rejected):
        return {"rejected": {"code": verdict.code, "reason": verdict.reason, "pointer": verdict.pointer}}
    return {
        "mapped": [
            part.model.model_dump(mode="json", by_alias=True, exclude_none=True, fallback=str)
            | ({"(key)": [part.account.identifier, part.key]} if hasattr(part, "account") else {})
            for part in verdict.mapped
        ],
        "notes": [note.model_dump(by_alias=True) for note in verdict.notes],
    }


@by_name
def test_a_recording_maps_as_it_was_once_read_and_agreed(recording):
    expected = recording.with_suffix(".expected.json")
    found = json.dumps([shown(verdict) for verdict in mapped(recording)], indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


@by_name
def test_mapping_twice_gives_the_same_and_leaves_the_input_alone(recording):
    bank, kind = bank_and_kind(recording)
    for record in records(recording):
        before = copy.deepcopy(record)
        first, second = (BANKS.dialect(bank).map(kind, record, bank) for _ in range(2))
        assert first == second
        assert record == before


@by_name
def test_no_float_is_anywhere(recording):
    def floats(value) -> list:
        if isinstance(value, dict):
            return [found for inner in value.values() for found in floats(inner)]
        if isinstance(value, list | tuple):
            return [found for inner in value for found in floats(inner)]
        return [value] if isinstance(value, float) else []

    for verdict in mapped(recording):
        if isinstance(verdict, Understood):
            assert not floats([part.model.model_dump() for part in verdict.mapped])


@by_name
def test_every_field_of_a_record_is_either_mapped_or_kept(recording):
    """A field that the mapper does not know must survive in Extra, wherever it stands."""
    bank, kind = bank_and_kind(recording)
    for record in records(recording):
        if not isinstance(BANKS.dialect(bank).map(kind, record, bank), Understood):
            continue
        strange = {**record, "Strange": {"deep": Decimal("1.10")}}
        verdict = BANKS.dialect(bank).map(kind, strange, bank)
        assert all(part.model.extra["Strange"] == {"deep": Decimal("1.10")} for part in verdict.mapped)


@pytest.mark.parametrize("bank", BANKS.banks(), ids=lambda bank: bank.id)
def test_every_kind_that_a_bank_offers_has_a_recording(bank):
    recorded = {path.name.split(".")[1] for path in (RECORDED / bank.dialect).glob(f"{bank.id}.*.json")}
    assert bank.kinds <= recorded


def test_every_dialect_folder_is_spoken_by_some_bank():
    folders = {
        path.name for path in (DATA.parent / "backend/banks/dialects").iterdir() if (path / "mapper.py").exists()
    }
    assert folders == {bank.dialect for bank in BANKS}


def test_every_recording_belongs_to_a_bank():
    assert {recording.name.split(".")[0] for recording in RECORDINGS} <= {bank.id for bank in BANKS}
