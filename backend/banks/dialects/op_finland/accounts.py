"""OP's accounts, whose balances are members of the account, and its cards."""

from decimal import Decimal
from typing import Final

from backend.banks.contract import AccountKey, Bank, MappedAccount, Place, Record, Understood
from backend.banks.dialects.op_finland.ways import OpWays
from backend.banks.fields import Fields
from backend.banks.rules.balances import StatedBalance, settled
from backend.banks.rules.numbers import Number, identifiers, key_of, known_by
from backend.documents.account import Account, AccountType, Balance, Scheme

# Gross is what is booked, net is gross without what is reserved; the corporate API has one balance, booked.
_BALANCES: Final = {"grossBalance": "ITBD", "netBalance": "ITAV", "counterBalance": "INFO", "balance": "ITBD"}
_SCHEMES: Final[dict[str, Scheme]] = {"IBAN": "IBAN", "BBAN": "BBAN"}


def account(record: Record, bank: Bank, place: Place) -> Understood:
    """An account with its balances. A card is one only where the bank's row says so."""
    read = Fields(record, strict=False)
    if place.is_card and bank.ways_of(OpWays).cards == "MIRRORS":
        raise read.bad("cardId", "MIRROR", "is a card whose transactions its account shows too; not counted twice")
    currency = read.currency("currency")
    numbers, provider_id = _numbers(read), read.text("accountId") or read.text("cardId") or read.text("surrogateId")
    key = key_of(numbers, provider_id, currency)
    if key is None:
        raise read.bad("accountId", "MISSING", "is missing, and so is every number")
    stated = _balances(read, currency)
    model = _model(read, bank, key, is_card=place.is_card).model_copy(
        update={"identifiers": identifiers(numbers), "extra": read.rest()}
    )
    model, notes = settled(model, stated)
    return Understood((MappedAccount(model, key, provider_id=provider_id),), (*read.notes, *notes))


def _model(read: Fields, bank: Bank, key: AccountKey, *, is_card: bool) -> Account:
    product = read.text("productName")
    return Account(
        account_bank=bank.name,
        account_status="Active",
        account_type="CreditCard" if is_card else _type(read, bank, product),
        account_currency=key.currency,
        **known_by(key),
        account_name=read.text("name"),
        account_owner_name=read.text("owner"),
        account_product_name=product,
    )


def _type(read: Fields, bank: Bank, product: str | None) -> AccountType:
    known = bank.ways_of(OpWays).account_types.get(product or "")
    if known is None:
        read.note("TYPE_MISSING", "productName", "The bank does not say what kind of account it is", "INFO")
    return known or "Other"


def _numbers(read: Fields) -> list[Number]:
    identifier, iban, card = read.text("identifier"), read.text("iban"), read.text("cardNumber")
    scheme = _SCHEMES.get((read.text("identifierSchema") or "").upper(), "Other")
    found: list[tuple[Scheme, str | None]] = [(scheme, identifier), ("IBAN", iban), ("MaskedPan", card)]
    return [Number.of(kind, written) for kind, written in found if written]


def _balances(read: Fields, currency: str) -> list[StatedBalance]:
    """The balances that are there; none of them has a date."""
    found: list[tuple[str, str, Decimal | None]] = [(name, kind, read.amount(name)) for name, kind in _BALANCES.items()]
    return [
        StatedBalance(Balance(type=kind, type_raw=name, amount=amount, currency=currency))
        for name, kind, amount in found
        if amount is not None
    ]
