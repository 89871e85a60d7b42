"""Public payloads of real banks and of the standards: all are mapped or refused with a reason, none raises.

The payloads are not part of this repository; where they are not beside it, there is nothing to show.
"""

import os
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from backend.banks.contract import AccountKey, Asked, Bank, Placed, Read, Rejected, Understood
from backend.banks.registry import Registry
from backend.banks.rules.identity import fingerprint
from backend.kernel import strict_json
from backend.kernel.errors import Malformed

pytestmark = pytest.mark.unit

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
TABLE = Path(__file__).with_name("samples.expected.tsv")
BANKS = Registry()
SPEAKERS = {"berlin-group": "havel_bank", "uk-ob": "severn_bank", "op-finland": "otso_bank"}
RESOURCES = {
    "balance": "balances",
    "transaction": "transactions",
    "accounts-24398": "transactions",
    "product": "products",
}
WAYS = {"uk-ob": {"currency": "GBP"}}
# A person asked for one account; what UK payloads tell of they name themselves.
ASKED = {
    "berlin-group": Asked(account=AccountKey("ProviderId", "asked", "EUR"), seen_on=date(2026, 11, 2)),
    "op-finland": Asked(account=AccountKey("ProviderId", "asked", "EUR"), seen_on=date(2026, 11, 2)),
    "uk-ob": Asked(seen_on=date(2026, 11, 2)),
}

if not SAMPLES.is_dir():
    pytest.skip("The public payloads are not here", allow_module_level=True)


def resource_of(path: Path) -> str:
    """What was asked for, as the file's name tells; files of other things are read as accounts and refused."""
    return next((resource for part, resource in RESOURCES.items() if part in path.name.lower()), "accounts")


def read(folder: str, path: Path) -> list[Read]:
    bank = ours(folder)
    try:
        payload = strict_json.loads(path.read_bytes())
    except Malformed as error:
        return [Read(Placed("accounts", None, None), Rejected("MALFORMED", str(error), ""))]
    if isinstance(payload, dict) and "response" in payload:  # the collector kept request and response together
        payload = payload["response"].get("body")
    return BANKS.dialect(bank).read(resource_of(path), payload, bank, ASKED[folder])


def ours(folder: str) -> Bank:
    """A bank of which we know nothing but its dialect."""
    bank = BANKS.bank(SPEAKERS[folder])
    return replace(bank, ways=BANKS.dialect(bank).ways.model_validate(WAYS.get(folder, {})))


def files() -> list[tuple[str, Path]]:
    return [(folder, path) for folder in SPEAKERS for path in sorted((SAMPLES / folder).iterdir())]


def test_every_file_is_mapped_or_refused_as_in_the_table():
    rows = ["file\tmapped\trefused"]
    for folder, path in files():
        verdicts = [each.verdict for each in read(folder, path)]
        refused = sum(isinstance(verdict, Rejected) for verdict in verdicts)
        rows.append(f"{folder}/{path.name}\t{len(verdicts) - refused}\t{refused}")
    table = "\n".join(rows) + "\n"
    if os.environ.get("GOLDEN") == "write":
        TABLE.write_text(table, encoding="utf-8")
    print(table)  # noqa: T201 - the table is what a person wants to see
    assert table == TABLE.read_text(encoding="utf-8")


@pytest.mark.parametrize(("folder", "path"), files(), ids=lambda part: getattr(part, "name", part))
def test_what_is_refused_has_a_reason_and_what_is_mapped_has_no_float(folder, path):
    for each in read(folder, path):
        if isinstance(each.verdict, Rejected):
            assert each.verdict.code
            assert each.verdict.reason
            continue
        for part in each.verdict.mapped:
            assert not floats(part.model.model_dump())
            part.model.to_bson()


def floats(value) -> list[float]:
    if isinstance(value, dict):
        return [found for inner in value.values() for found in floats(inner)]
    if isinstance(value, list | tuple):
        return [found for inner in value for found in floats(inner)]
    return [value] if isinstance(value, float) else []


def test_of_two_fetches_without_ids_the_fingerprints_tell_what_is_new_and_keep_every_twin():
    """Three rows came and one changed its text; the other 255 are the same, genuine twins among them."""
    earlier, later = (fingerprints(path) for path in sorted((SAMPLES / "refetch-without-ids").iterdir()))
    assert (earlier.total(), later.total()) == (256, 259)
    assert max(earlier.values()) > 1
    assert ((later - earlier).total(), (earlier - later).total()) == (4, 1)


def fingerprints(path: Path) -> Counter[str]:
    bank = ours("berlin-group")
    report: dict[str, list] = {"booked": [], "pending": []}
    for row in strict_json.loads(path.read_bytes()):
        told = row["extendedTransaction"]
        report[told["status"].lower()].append(told)
    found = BANKS.dialect(bank).read("transactions", report, bank, ASKED["berlin-group"])
    assert all(isinstance(each.verdict, Understood) for each in found)
    return Counter(fingerprint(each.verdict.mapped[0].model) for each in found)
