"""What the rows of the world may say, and what is said about those that may not."""

import pytest

from backend.emulator.world.numbers import iban, invented_account
from backend.emulator.world.reading import read_world
from backend.kernel.errors import Misconfigured

pytestmark = pytest.mark.unit


def changed(rows, before: str, after: str, file: str = "jonas.brandt.toml"):
    place = rows("jonas.brandt")
    text = (place / file).read_text()
    assert before in text
    (place / file).write_text(text.replace(before, after, 1))
    return place


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('balance = "-84.17"', "balance = -84.17", r"jonas\.brandt\.toml.*accounts\.0\.balance.*never a float"),
        ('balance = "-84.17"', 'balanse = "-84.17"', r"jonas\.brandt\.toml.*accounts\.0\.balanse"),
        ('kind = "checking"', 'kind = "current"', r"accounts\.0\.kind.*'checking', 'savings' or 'card'"),
        ('account = "giro"', 'account = "gyro"', r"no account gyro among the accounts"),
        ('id = "room"', 'id = "job"', r"two streams or transfers are called job"),
        ('bank = "donautal-bank"', 'bank = "donau-bank"', r"a bank that world\.toml does not have: donau-bank"),
        ("bakery = 16", "baker = 16", r"kinds that merchants\.toml does not have: baker"),
        ('shops_in = "DE"', 'shops_in = "NL"', r"no shops: NL"),
        ('user_name = "jonas.brandt"', "user_name = ", r"jonas\.brandt\.toml is not TOML: .*line 1"),
        ('amount = "520.00"', 'amount = "0.00"', r"streams\.0\.amount.*greater than 0"),
    ],
)
def test_a_wrong_row_is_told_with_its_file_and_place(rows, before, after, sentence):
    with pytest.raises(Misconfigured, match=sentence):
        read_world(changed(rows, before, after))


@pytest.mark.parametrize(
    ("file", "before", "after", "sentence"),
    [
        ("world.toml", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00", r"world\.toml.*starts.*timezone"),
        ("world.toml", 'zone = "Europe/Berlin"', 'zone = "Europe/Bärlin"', r"banks\.3\.zone.*Europe/Helsinki"),
        ("world.toml", 'currency = "GBP"', 'currency = "GBX"', r"banks\.5\.currency.*ISO 4217"),
        ("merchants.toml", 'kind = "bakery"', 'kind = "bakry"', r"merchants\.toml.*no kind bakry"),
    ],
)
def test_a_wrong_bank_or_shop_is_told_too(rows, file, before, after, sentence):
    with pytest.raises(Misconfigured, match=sentence):
        read_world(changed(rows, before, after, file))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Misconfigured, match=r"world\.toml is missing"):
        read_world(tmp_path)


def test_two_personas_cannot_share_an_account_number(rows):
    place = rows("jonas.brandt")
    twin = (place / "jonas.brandt.toml").read_text().replace('user_name = "jonas.brandt"', 'user_name = "jona.brandt"')
    (place / "jona.brandt.toml").write_text(twin)
    with pytest.raises(Misconfigured, match="same account number"):
        read_world(place)


def test_there_are_banks_of_every_dialect_and_people_with_several_banks(world):
    dialects = [bank.dialect for bank in world.banks.values()]
    assert len(world.banks) >= 6
    assert dialects.count("berlin_group") >= 2
    assert {"leafy", "uk_open_banking", "op_finland"} <= set(dialects)
    assert [bank.id for bank in world.banks.values() if bank.own] == ["leafybank"]
    several = [p for p in world.personas.values() if len({account.bank for account in p.accounts}) > 1]
    assert len(several) >= 10
    assert all(bank.host == f"{bank.id}.localhost" for bank in world.banks.values())


def test_every_iban_has_right_check_digits(world):
    found = [world.iban_of(account) for person in world.personas.values() for account in person.accounts]
    ibans = [each for each in found if each]
    assert len(ibans) > 15
    assert all(is_iban(each) for each in ibans)
    assert all(is_iban(invented_account(country, "Somebody")) for country in ("DE", "AT", "FI", "GB", "ES"))
    # The example of the registry (ISO 13616) for Germany.
    assert iban("DE", "370400440532013000") == "DE89370400440532013000"


def is_iban(text: str) -> bool:
    turned = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1
