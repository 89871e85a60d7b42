"""The rows of data/personas: banks, shops and people as they are written down, and what each may say."""

from collections import Counter
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from backend.emulator.world.dice import mark
from backend.kernel.errors import InvalidMoney
from backend.kernel.money import Amount, parse_currency


def _currency(code: str) -> str:
    try:
        return parse_currency(code)
    except InvalidMoney as error:
        raise ValueError(str(error)) from error


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError("a time zone is one such as Europe/Helsinki") from error
    return name


Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), AfterValidator(_currency)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
UserName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.]*$")]
Positive = Annotated[Amount, Field(gt=0)]
DayOfMonth = Annotated[int, Field(ge=1, le=31)]
Category = Literal[
    "income", "housing", "food_dining", "transportation", "utilities", "healthcare", "insurance", "savings",
    "entertainment", "shopping", "debt", "cash", "transfer", "interest", "other",
]  # fmt: skip
Means = Literal["salary", "credit", "direct_debit", "standing_order", "card"]


class Row(BaseModel):
    """A row of a file: nothing unknown in it, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bank(Row):
    """A bank of the world. ``id`` is its name in addresses, ``zone`` where its days begin and end."""

    id: Key
    name: str
    host: str
    dialect: Literal["leafy", "berlin_group", "uk_open_banking", "op_finland"]
    country: Country
    currency: Currency
    zone: Annotated[str, AfterValidator(_zone)]
    bic: Annotated[str, Field(pattern=r"^[A-Z]{6}[A-Z0-9]{5}$")]
    bank_code: Annotated[str, Field(pattern=r"^[A-Z0-9]{0,10}$")]
    number_digits: int
    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    savings_rate: Amount
    transfer_limit: Positive
    own: bool = False

    @cached_property
    def tz(self) -> ZoneInfo:
        """Its time zone."""
        return ZoneInfo(self.zone)

    @property
    def has_iban(self) -> bool:
        """Whether its accounts have one."""
        return self.country != "US"


class Account(Row):
    """A persona's account. Without a ``balance`` it begins empty and has what life leaves on it.

    What a card account owes is paid every month ``paid_from`` another account at the bank.
    """

    key: Key
    bank: Key
    kind: Literal["checking", "savings", "card"]
    number: Annotated[str, Field(pattern=r"^[0-9]+$")]
    opened: date
    name: str
    balance: Amount | None = None
    overdraft: Amount = Decimal(0)
    currency: Currency | None = None
    interest: Amount | None = None
    card: Annotated[str, Field(pattern=r"^[0-9]{6}\*{6}[0-9]{4}$")] | None = None
    paid_from: Key | None = None
    narrative: str | None = None
    object_id: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")] | None = None

    @cached_property
    def id(self) -> str:
        """Its id in the ledger."""
        return "acc_" + mark(32, "account", self.bank, self.number)


class Property(Row):
    """What a mortgage was taken out for."""

    address: str
    value: Positive


class Product(Row):
    """A loan or mortgage, repaid from ``account``; ``amount`` is outstanding when the clock starts.

    ``term`` is as agreed: months for a loan, years for a mortgage; ``rate`` in percent a year.
    """

    product_id: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    bank: Key
    kind: Literal["Loan", "Mortgage"]
    amount: Positive
    rate: Amount
    opened: date
    term: Annotated[int, Field(gt=0)]
    instalment: Positive
    account: Key
    day: DayOfMonth
    narrative: str | None = None
    collateral: str | None = None
    property: Property | None = None
    object_id: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")] | None = None


class Change(Row):
    """A new amount from that day on."""

    since: date
    amount: Positive


class Stream(Row):
    """Something that comes again and again: on ``day`` of ``months`` (all by default), or every ``days`` days.

    ``vary`` is how far single amounts stray, as a part of one; ``currency`` what it is billed in, if another.
    """

    id: Key
    account: Key
    counterparty: str
    means: Means
    category: Category
    amount: Positive
    day: DayOfMonth = 1
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = tuple(range(1, 13))
    days: Annotated[int, Field(ge=5, le=31)] | None = None
    first: date | None = None
    until: date | None = None
    vary: Amount = Decimal(0)
    changes: tuple[Change, ...] = ()
    currency: Currency | None = None
    mcc: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = None
    city: str | None = None
    country: Country | None = None
    text: str | None = None

    @property
    def is_income(self) -> bool:
        """Whether it brings money."""
        return self.means in ("salary", "credit")


class Transfer(Row):
    """Money moved every month from one own account to another."""

    id: Key
    source: Key
    target: Key
    amount: Positive
    day: DayOfMonth
    vary: Amount = Decimal(0)
    text: str | None = None


class Everyday(Row):
    """Purchases by card until the month's ``budget`` is spent; "rest" is all that otherwise stays on the account.

    ``drift`` is how far the balance at the turn of the month may stray, ``mix`` the weights of kinds of merchants,
    ``shops_in`` where they are if not where the persona usually shops.
    """

    account: Key
    budget: Positive | Literal["rest"]
    drift: Amount = Decimal(0)
    mix: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    cash: tuple[Positive, ...] = ()
    shops_in: Country | None = None


class Journey(Row):
    """Days away, every year: purchases on ``account`` are made in that country's shops and currency."""

    account: Key
    month: Annotated[int, Field(ge=1, le=12)]
    day: DayOfMonth
    days: Annotated[int, Field(ge=1, le=28)]
    country: Country


class Address(Row):
    """Where somebody lives."""

    street: str
    postal_code: str
    city: str
    country: Country


class Persona(Row):
    """A person with everything that keeps their accounts in motion. The passwords are published test data."""

    user_name: UserName
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
    prefix: str
    first_name: str
    last_name: str
    email: str
    birth_date: date
    shops_in: Country
    password: Annotated[str, Field(min_length=8)]
    app_secret: Annotated[str, Field(pattern=r"^[A-Z2-7]{16,}$")]
    address: Address
    accounts: tuple[Account, ...] = Field(min_length=1)
    products: tuple[Product, ...] = ()
    streams: tuple[Stream, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    everyday: tuple[Everyday, ...] = ()
    journeys: tuple[Journey, ...] = ()

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @cached_property
    def by_key(self) -> dict[str, Account]:
        """Their accounts by key."""
        return {account.key: account for account in self.accounts}

    @model_validator(mode="after")
    def _names_only_its_accounts(self) -> "Persona":
        rows: tuple[Product | Stream | Everyday | Journey, ...]
        rows = (*self.products, *self.streams, *self.everyday, *self.journeys)
        named = [row.account for row in rows]
        named += [key for row in self.transfers for key in (row.source, row.target)]
        named += [row.paid_from for row in self.accounts if row.paid_from]
        unknown = sorted(set(named) - set(self.by_key))
        if unknown:
            raise ValueError(f"there is no account {', '.join(unknown)} among the accounts")
        if len(self.by_key) != len(self.accounts):
            raise ValueError("two accounts have the same key")
        names = Counter(row.id for rows_of in (self.streams, self.transfers) for row in rows_of)
        if len(names) != names.total():
            raise ValueError(f"two streams or transfers are called {names.most_common(1)[0][0]}")
        return self


class Kind(Row):
    """A kind of merchant. ``weight`` is how usual it is; ``tip`` is added when it is booked, as a part of one;
    ``authorised`` is held whatever the price will be; ``refunded`` is how often things go back.
    """  # noqa: D205 - one list of facts

    category: Category
    mcc: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    weight: Annotated[int, Field(ge=0)]
    low: Positive
    high: Positive
    tip: Amount = Decimal(0)
    authorised: Amount | None = None
    refunded: Amount = Decimal(0)


class Merchant(Row):
    """A shop; with a ``price``, everything there costs the same, as tickets do."""

    name: str
    kind: str
    city: str
    country: Country
    price: Positive | None = None


class Merchants(Row):
    """The file of shops: their kinds, and what is paid with in which country."""

    kinds: dict[str, Kind]
    currencies: dict[Country, Currency]
    merchants: tuple[Merchant, ...]

    @model_validator(mode="after")
    def _has_known_kinds(self) -> "Merchants":
        unknown = sorted({merchant.kind for merchant in self.merchants} - set(self.kinds))
        if unknown:
            raise ValueError(f"there is no kind {', '.join(unknown)}")
        return self


class WorldRow(Row):
    """The file of the world: its clock's start, the seed of its chance, exchange rates and banks."""

    starts: AwareDatetime
    seed: str
    history_months: Annotated[int, Field(ge=1, le=60)]
    rates: dict[Currency, Positive]
    banks: tuple[Bank, ...]
