"""The banks we know: every row of data/banks, checked; a row that does not fit is an error, never dropped."""

import importlib
import importlib.util
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.banks.contract import Bank, Dialect, Kind
from backend.banks.requests import Routes
from backend.kernel.errors import Misconfigured, NotFound

DATA: Final = Path(__file__).resolve().parents[2] / "data"
_DIALECTS: Final = "backend.banks.dialects"


class _Row(BaseModel):
    """The shape of a bank's file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=80)
    dialect: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    country: str = Field(pattern=r"^[A-Z]{2}$")
    zone: str
    kinds: list[str] = Field(min_length=1)
    own: bool = False
    emulated: str | None = Field(default=None, min_length=1, description="Its id in the emulated world")
    ways: dict[str, Any] = Field(default_factory=dict)


class Registry:
    """Banks by id and by name, and the dialects they speak. Raises Misconfigured, naming file and reason."""

    def __init__(self, rows: Path = DATA / "banks") -> None:
        found = [_read(path) for path in sorted(rows.glob("*.toml"))]
        if not found:
            raise Misconfigured(f"No bank is described in {rows}; add a row such as green_bank.toml")
        names = {each.row.dialect for each in found}
        self._dialects = {name: _load(name) for name in names}
        self._routes = {name: _load_routes(name) for name in names}
        banks = [_bank(each, self._dialects[each.row.dialect]) for each in found]
        self._banks = {bank.id: bank for bank in banks}
        self._by_name = {bank.name.casefold(): bank for bank in banks}
        if len(self._by_name) != len(banks):
            raise Misconfigured(f"Two banks in {rows} have the same name")
        for bank in banks:
            _check_kinds(bank, self._dialects[bank.dialect])

    def __iter__(self) -> Iterator[Bank]:
        return iter(self._banks.values())

    def banks(self) -> list[Bank]:
        """All banks, by id."""
        return list(self)

    def bank(self, bank_id: str) -> Bank:
        """The bank with this id; NotFound when there is none."""
        if bank_id not in self._banks:
            raise NotFound("No bank has this id")
        return self._banks[bank_id]

    def named(self, name: str) -> Bank | None:
        """The bank of this display name, capitals aside."""
        return self._by_name.get(name.casefold())

    def dialect(self, bank: Bank) -> Dialect:
        """How this bank speaks."""
        return self._dialects[bank.dialect]

    def routes(self, bank: Bank) -> Routes:
        """Where this bank keeps its lists."""
        return self._routes[bank.dialect]

    @property
    def own_names(self) -> frozenset[str]:
        """Names of the institutions that run this store and whose accounts are not external."""
        return frozenset(bank.name for bank in self if bank.own)


@dataclass(frozen=True, slots=True)
class _Described:
    """A bank's file and what it says."""

    path: Path
    row: _Row


def _read(path: Path) -> _Described:
    try:
        return _Described(path, _Row.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        raise Misconfigured(f"{path} does not describe a bank; look at: {_places(error)}") from error


def _bank(described: _Described, dialect: Dialect) -> Bank:
    path, row = described.path, described.row
    try:
        zone, ways = ZoneInfo(row.zone), dialect.ways.model_validate(row.ways)
    except ValidationError as error:
        raise Misconfigured(f"{path} names ways that {dialect.name} does not know: {_reasons(error)}") from error
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Misconfigured(f"{path} names an unknown time zone; use one such as Europe/Helsinki") from error
    unknown = set(row.kinds) - set(get_args(Kind))
    if unknown:
        raise Misconfigured(f"{path} names unknown kinds of records: {', '.join(sorted(unknown))}")
    kinds = frozenset(cast("list[Kind]", row.kinds))
    return Bank(path.stem, row.name, row.dialect, row.country, zone, kinds, row.own, ways, row.emulated)


def _places(error: ValidationError) -> str:
    return ", ".join(".".join(map(str, issue["loc"])) for issue in error.errors())


def _reasons(error: ValidationError) -> str:
    return "; ".join(f"ways.{'.'.join(map(str, issue['loc']))}: {issue['msg']}" for issue in error.errors())


def _load(name: str) -> Dialect:
    module = f"{_DIALECTS}.{name}.mapper"
    if importlib.util.find_spec(f"{_DIALECTS}.{name}") is None:
        raise Misconfigured(f"No folder backend/banks/dialects/{name} exists, but a bank in data/banks speaks it")
    dialect = importlib.import_module(module).DIALECT
    if not isinstance(dialect, Dialect) or dialect.name != name:
        raise Misconfigured(f"{module} must define DIALECT, a Dialect named {name}")
    return dialect


def _load_routes(name: str) -> Routes:
    module = f"{_DIALECTS}.{name}.routes"
    routes = importlib.import_module(module).ROUTES
    if not isinstance(routes, Routes):
        raise Misconfigured(f"{module} must define ROUTES, the Routes of {name}")
    return routes


def _check_kinds(bank: Bank, dialect: Dialect) -> None:
    missing = bank.kinds - dialect.mappers.keys()
    if missing:
        raise Misconfigured(f"{bank.name} offers {', '.join(sorted(missing))}, which {dialect.name} cannot read")
