import pytest

from backend.banks.registry import Registry
from backend.kernel.errors import Misconfigured, NotFound

pytestmark = pytest.mark.unit

ROW = """
name = "Test Bank"
dialect = "leafy"
country = "US"
zone = "America/New_York"
kinds = ["accounts"]
"""

BERLIN = ROW.replace("leafy", "berlin_group")


@pytest.fixture
def rows(tmp_path):
    def written(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.toml").write_text(text)
        return tmp_path

    return written


def test_a_bank_is_a_row_and_nothing_else(rows):
    banks = Registry(rows(test_bank=ROW))
    assert banks.bank("test_bank").name == "Test Bank"
    assert banks.named("TEST bank") is banks.bank("test_bank")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ROW.replace("leafy", "klingon"), "backend/banks/dialects/klingon"),
        (ROW.replace("America/New_York", "Mars/Olympus"), "time zone"),
        (ROW.replace('"accounts"', '"stamps"'), "stamps"),
        (ROW + "colour = 'green'", "colour"),
        (ROW.replace('name = "Test Bank"', ""), "name"),
        ("name = ", "not TOML"),
        (ROW + "[ways]\ntemperature = 3", "ways.temperature"),
        (BERLIN + '[ways.direction]\nbooked = "INDICATOR"', "ways.direction.booked"),
        (BERLIN + '[ways.identity]\nbooked = ["amount"]', "ways.identity.booked.0.*transaction_id"),
        (BERLIN + '[ways.dates]\nformats = ["MM/DD/YYYY"]', "ways.dates.formats.0"),
    ],
)
def test_a_row_that_does_not_fit_stops_everything_and_names_file_and_reason(rows, row, said):
    with pytest.raises(Misconfigured, match=said):
        Registry(rows(fine=ROW, test_bank=row.replace("Test Bank", "Other Bank")))


def test_two_banks_of_one_name_are_refused(rows):
    with pytest.raises(Misconfigured, match="same name"):
        Registry(rows(one=ROW, two=ROW))


def test_no_bank_at_all_is_refused(tmp_path):
    with pytest.raises(Misconfigured, match="No bank"):
        Registry(tmp_path)


def test_an_unknown_id_is_not_found():
    with pytest.raises(NotFound):
        Registry().bank("nowhere")
