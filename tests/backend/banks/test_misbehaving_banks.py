"""Every pack of misbehaviour of the emulated world, put upon recorded pages: none raises, none is guessed at."""

from datetime import date

import pytest

from backend.banks.contract import Asked, MappedTransaction, Rejected
from backend.banks.registry import DATA, Registry
from backend.banks.rules.identity import without_false_ids
from backend.emulator.faults.dialects import dialect_named
from backend.emulator.faults.packs import packs
from backend.emulator.faults.pages import Page, render_payload
from backend.kernel import strict_json

pytestmark = pytest.mark.unit

BANKS = Registry()
PATHS = {
    "havel_bank": "/v1/accounts/hv-7f31a0/transactions",
    "severn_bank": "/open-banking/v3.1/aisp/accounts/sv-11/transactions",
    "otso_bank": "/accounts-psd2/v1/accounts/ot-1/transactions",
}
by_bank = pytest.mark.parametrize("bank_id", PATHS)


def recorded(bank, resource):
    return strict_json.loads((DATA / f"recorded/{bank.dialect}/{bank.id}.{resource}.json").read_bytes())


def read(bank_id, pack=None):
    """The recorded page of transactions as the bank would send it under the pack, read."""
    bank, path = BANKS.bank(bank_id), PATHS[bank_id]
    dialect, payload = BANKS.dialect(bank), recorded(bank, "transactions")
    known = {part.provider_id: part.key for each in dialect.read("accounts", recorded(bank, "accounts"), bank)
             for part in each.verdict.mapped}  # fmt: skip
    if pack:
        faulty = dialect_named(bank.dialect)
        day = date(2026, 11, 1)
        page = Page(payload=payload, dialect=faulty, bank=bank.emulated, path=path, query="", day=day, seed="leaf")
        packs()[pack].apply(page)
    asked = Asked(account=known[path.split("/")[-2]], accounts=known, seen_on=date(2026, 11, 2))
    return dialect.read("transactions", strict_json.loads(render_payload(payload)), bank, asked)


def amounts(found):
    return [each.verdict.mapped[0].model.amount for each in found if not isinstance(each.verdict, Rejected)]


@by_bank
@pytest.mark.parametrize("pack", packs())
def test_under_every_pack_a_page_is_read_and_only_what_has_no_direction_is_refused(bank_id, pack):
    refused = {each.verdict.code for each in read(bank_id, pack) if isinstance(each.verdict, Rejected)}
    assert refused <= {"DIRECTION_UNCLEAR"}


@by_bank
@pytest.mark.parametrize(
    "pack",
    ["amounts-mixed", "amounts-retyped", "blank-id", "constant-id", "no-ids", "long-remittance", "ids-reissued",
     "no-time-zone", "positional-ids", "dates-swapped"],
)  # fmt: skip
def test_no_pack_that_leaves_amounts_alone_changes_one(bank_id, pack):
    assert amounts(read(bank_id, pack)) == amounts(read(bank_id))


@by_bank
def test_amounts_without_their_sign_are_refused_where_something_contradicts_them(bank_id):
    found = read(bank_id, "unsigned-amounts")
    honest = dict(zip([each.placed.place.pointer for each in read(bank_id)], read(bank_id), strict=True))
    for each in found:
        if isinstance(each.verdict, Rejected) or not isinstance(each.verdict.mapped[0], MappedTransaction):
            continue
        said = each.verdict.mapped[0].model
        if said.counterparty is None:
            continue  # a card's purchase says nothing but its amount
        assert said.amount == honest[each.placed.place.pointer].verdict.mapped[0].model.amount


def test_an_id_that_all_rows_share_is_trusted_by_none():
    found = [each.verdict.mapped[0] for each in read("havel_bank", "constant-id")]
    moves = [part for part in found if isinstance(part, MappedTransaction)]
    assert any(part.is_trusted for part in moves)
    assert not any(part.is_trusted for part in without_false_ids(moves))


@by_bank
@pytest.mark.parametrize("pack", ["blank-id", "no-ids"])
def test_a_blank_is_no_id(bank_id, pack):
    moves = [each.verdict.mapped[0] for each in read(bank_id, pack)]
    assert not any(part.model.references.transaction_id for part in moves if isinstance(part, MappedTransaction))
