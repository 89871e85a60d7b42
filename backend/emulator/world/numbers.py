"""Account numbers as banks write them: IBANs with their check digits, and numbers for those whom we only invent."""

from typing import Final

from backend.emulator.world.dice import digits

# Digits of a national account number behind its country and check digits.
_LENGTHS: Final = {"DE": 18, "AT": 16, "FI": 14, "ES": 20, "SE": 20, "FR": 23}
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def iban(country: str, national: str) -> str:
    """The IBAN of a national account number (ISO 13616, check digits by ISO 7064)."""
    turned = "".join(str(_ALPHABET.index(character)) for character in f"{national}{country}00")
    return f"{country}{98 - int(turned) % 97:02d}{national}"


def invented_account(country: str, holder: str) -> str:
    """An account number for a counterparty of which we know only the name; always the same one."""
    if country == "GB":
        return iban("GB", "TEST" + digits(14, "account", holder))
    if country in _LENGTHS:
        return iban(country, digits(_LENGTHS[country], "account", holder))
    return digits(10, "account", holder)
