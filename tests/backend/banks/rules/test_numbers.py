import pytest

from backend.banks.contract import AccountKey, AccountReference, Asked, BadRecord, Place
from backend.banks.rules.numbers import Number, account_at, is_iban, key_of, known_by, masked

pytestmark = pytest.mark.unit

OURS, OTHER = AccountKey("IBAN", "FI7859999000112235", "EUR"), AccountKey("IBAN", "FI3859999000445568", "EUR")


def place(account=None, accounts=(), **envelope):
    return Place(account=AccountReference(**envelope), asked=Asked(account=account, accounts=dict(accounts)))


def test_a_number_is_preferred_to_the_banks_own_id_and_an_iban_to_all():
    numbers = [Number.of("MaskedPan", "4929****3317"), Number.of("IBAN", "fi78 5999 9000 1122 35")]
    assert key_of(numbers, "id-1", "EUR") == OURS
    assert key_of([], "id-1", "EUR") == AccountKey("ProviderId", "id-1", "EUR")
    assert key_of([], None, "EUR") is None


def test_one_number_in_two_currencies_is_two_accounts():
    numbers = [Number.of("IBAN", OURS.identifier)]
    assert key_of(numbers, None, "EUR") != key_of(numbers, None, "USD")


def test_a_record_belongs_to_the_account_asked_for():
    assert account_at(place(OURS), "USD") == OURS
    assert account_at(place(OURS, scheme="IBAN", identifier=OURS.identifier), "EUR") == OURS


@pytest.mark.parametrize(
    "said", [{"scheme": "IBAN", "identifier": OTHER.identifier}, {"provider_id": "b"}, {"provider_id": "nobody"}]
)
def test_a_bank_that_speaks_of_another_account_than_asked_is_not_believed(said):
    with pytest.raises(BadRecord, match="another account"):
        account_at(place(OURS, {"a": OURS, "b": OTHER}.items(), **said), "EUR")


def test_without_a_question_the_record_or_its_surroundings_tell_the_account():
    assert account_at(place(accounts={"a": OURS}.items(), provider_id="a"), "EUR") == OURS
    assert account_at(place(scheme="IBAN", identifier=OTHER.identifier), "EUR") == OTHER
    assert account_at(place(), "EUR", AccountReference(provider_id="x")) == AccountKey("ProviderId", "x", "EUR")
    with pytest.raises(BadRecord, match="names an account"):
        account_at(place(), "EUR")


@pytest.mark.parametrize(
    ("number", "holds"),
    [("FI7859999000112235", True), ("FI7859999000112236", False), ("FI78", False), ("78FI59999000112235", False)],
)
def test_check_digits_are_checked_and_nothing_more(number, holds):
    assert is_iban(number) is holds


def test_a_short_number_is_hidden_wholly():
    assert (masked("12345678"), masked("1234")) == ("••••5678", "••••")


def test_the_banks_own_id_is_not_shown_as_a_number():
    assert known_by(AccountKey("ProviderId", "id-1", "EUR")) == {}
