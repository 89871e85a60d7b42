import pytest

from backend.emulator.faults.dialects import Dialect, dialect_named
from backend.emulator.faults.packs import Pack
from backend.emulator.faults.places import places
from backend.emulator.faults.reading import as_row, read_rows
from backend.kernel.errors import InvalidInput, Misconfigured

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('says = "a', "is not TOML"),
        ('says = "a"\nsteps = []', "look at steps"),
        ('says = "a"\nsteps = [{ do = "dance" }]', "look at steps.0"),
        ('says = "a"\nsteps = [{ do = "repeat", times = 2 }]', "look at steps.0.repeat.one_in"),
        ('says = "a"\nsteps = [{ do = "set_ids", vlaue = "1" }]', "look at steps.0.set_ids.vlaue"),
    ],
)
def test_a_wrong_pack_is_told_with_file_and_place(tmp_path, row, complaint):
    path = tmp_path / "odd.toml"
    path.write_text(row)
    with pytest.raises(Misconfigured, match=complaint) as raised:
        as_row(path, read_rows(path), Pack)
    assert str(path) in str(raised.value)


def test_an_unknown_dialect_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput, match="berlin_group, leafy, op_finland, uk_open_banking"):
        dialect_named("esperanto")


@pytest.mark.parametrize(
    ("name", "path", "account"),
    [
        ("berlin_group", "/v1/accounts/a1/transactions", "a1"),
        ("berlin_group", "/v1/card-accounts/c1", "c1"),
        ("berlin_group", "/v1/accounts", ""),
        ("uk_open_banking", "/open-banking/v3.1/aisp/accounts/a1/balances", "a1"),
        ("uk_open_banking", "/open-banking/v3.1/aisp/transactions", ""),
        ("op_finland", "/accounts-psd2/v1/cards/c1/transactions", "c1"),
        ("leafy", "/accounts/a1", "a1"),
    ],
)
def test_a_path_tells_the_account(name, path, account):
    assert dialect_named(name).account_of(path) == account


def test_places_are_found_in_lists_and_only_where_they_are():
    payload = {"accounts": [{"balances": [{"amount": "1"}, {"amount": "2"}]}, {"name": "x"}, "odd"], "next": None}
    assert [place.value for place in places(payload, "accounts[].balances[].amount")] == ["1", "2"]
    assert [place.value for place in places(payload, "next")] == [None]
    assert places(payload, "next.href") == places(payload, "accounts.name") == places(["x"], "x") == []


def test_a_dialect_is_read_strictly(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text('calls = []\ntransactions = [{ at = "x", amuonts = [] }]\nnext = []\nbalances = {}')
    with pytest.raises(Misconfigured, match="look at transactions.0"):
        as_row(path, read_rows(path), Dialect)
