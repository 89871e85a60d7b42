"""What must hold for every bank in data/banks: recordings map as a person once read and agreed."""

import copy
import json
import os
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from backend.banks.contract import Asked, MappedAccount, Rejected
from backend.banks.registry import DATA, Registry
from backend.kernel import strict_json

pytestmark = pytest.mark.unit

BANKS = Registry()
RECORDED = DATA / "recorded"
RECORDINGS = sorted(path for path in RECORDED.rglob("*.json") if not path.name.endswith(".expected.json"))
by_name = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)


SEEN_ON = date(2026, 11, 2)


def bank_and_resource(recording: Path):
    bank_id, resource = recording.name.split(".")[:2]
    return BANKS.bank(bank_id), resource


def asked_of(bank) -> Asked:
    """The accounts of a bank's own recording are those that a sync would know by then."""
    recorded = RECORDED / bank.dialect / f"{bank.id}.accounts.json"
    found = BANKS.dialect(bank).read("accounts", strict_json.loads(recorded.read_bytes()), bank)
    accounts = [part for read in found if not isinstance(read.verdict, Rejected) for part in read.verdict.mapped]
    known = {part.provider_id: part.key for part in accounts if isinstance(part, MappedAccount) and part.provider_id}
    return Asked(accounts=known, seen_on=SEEN_ON)


def read(recording: Path) -> list:
    bank, resource = bank_and_resource(recording)
    return BANKS.dialect(bank).read(resource, strict_json.loads(recording.read_bytes()), bank, asked_of(bank))


def mapped(recording: Path) -> list:
    return [each.verdict for each in read(recording)]


def shown(verdict) -> dict:
    """A verdict as a person reads it in the expected file."""
    if isinstance(verdict, Rejected):
        return {"rejected": {"code": verdict.code, "reason": verdict.reason, "pointer": verdict.pointer}}
    return {
        "mapped": [
            part.model.model_dump(mode="json", by_alias=True, exclude_none=True, fallback=str) | beside(part)
            for part in verdict.mapped
        ],
        "notes": [note.model_dump(by_alias=True) for note in verdict.notes],
    }


def beside(part) -> dict:
    """What identifies it, and what a balance's model has no place for."""
    if hasattr(part, "is_trusted"):
        return {"(key)": [part.account.identifier, part.key]} | ({} if part.is_trusted else {"(trusted)": False})
    if hasattr(part, "limit"):
        limit = None if part.limit is None else str(part.limit)
        return {"(account)": part.account.identifier, "(limit)": limit, "(extra)": part.extra}
    return {}


@by_name
def test_a_recording_maps_as_it_was_once_read_and_agreed(recording):
    expected = recording.with_suffix(".expected.json")
    found = json.dumps([shown(verdict) for verdict in mapped(recording)], indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


@by_name
def test_mapping_twice_gives_the_same_and_leaves_the_input_alone(recording):
    bank, resource = bank_and_resource(recording)
    payload, asked = strict_json.loads(recording.read_bytes()), asked_of(bank)
    before = copy.deepcopy(payload)
    first, second = (BANKS.dialect(bank).read(resource, payload, bank, asked) for _ in range(2))
    assert first == second
    assert payload == before


@by_name
def test_every_record_is_found_again_by_its_pointer(recording):
    payload = strict_json.loads(recording.read_bytes())
    for each in read(recording):
        if isinstance(each.placed.value, Rejected):
            continue
        found = payload
        for step in each.placed.place.pointer.split("/")[1:]:
            found = found[int(step)] if isinstance(found, list) else found[step]
        assert found is each.placed.value or found == each.placed.value


@by_name
def test_no_float_is_anywhere(recording):
    def floats(value) -> list:
        if isinstance(value, dict):
            return [found for inner in value.values() for found in floats(inner)]
        if isinstance(value, list | tuple):
            return [found for inner in value for found in floats(inner)]
        return [value] if isinstance(value, float) else []

    for verdict in mapped(recording):
        if not isinstance(verdict, Rejected):
            assert not floats([part.model.model_dump() for part in verdict.mapped])


@by_name
def test_every_field_of_a_record_is_either_mapped_or_kept(recording):
    """A field that the mapper does not know must survive in Extra, wherever it stands."""
    bank, _ = bank_and_resource(recording)
    dialect = BANKS.dialect(bank)
    for each in read(recording):
        if isinstance(each.verdict, Rejected):
            continue
        place = each.placed.place
        strange = {**each.placed.value, "Strange": {"deep": Decimal("1.10")}}
        if each.placed.resource == "balances":
            kept = [part.extra for part in dialect.balances(strange, bank, place).mapped]
        else:
            kept = [part.model.extra for part in dialect.map(each.placed.resource, strange, bank, place).mapped]
        assert all(extra["Strange"] == {"deep": Decimal("1.10")} for extra in kept)


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


def test_every_emulated_bank_has_a_row_that_speaks_its_dialect():
    world = tomllib.loads((DATA / "personas/world.toml").read_text(encoding="utf-8"))
    emulated = {bank["id"]: (bank["name"], bank["dialect"], bank["country"], bank["zone"]) for bank in world["banks"]}
    ours = {bank.emulated: (bank.name, bank.dialect, bank.country, bank.zone.key) for bank in BANKS if bank.emulated}
    assert ours == emulated
