"""Rows of data/personas/faults, read strictly."""

import tomllib
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from backend.kernel.errors import Misconfigured

DATA: Final = Path(__file__).resolve().parents[3] / "data" / "personas" / "faults"


class Row(BaseModel):
    """A row of a file: nothing unknown in it, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


R = TypeVar("R", bound=Row)


def read_rows(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; Misconfigured names the file and the place that is wrong."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{path} is not TOML: {error}") from error


def as_row(path: Path, rows: Any, shape: type[R]) -> R:
    """``rows`` of ``path`` as a ``shape``; Misconfigured names the file and the place that is wrong."""
    try:
        return shape.model_validate(rows)
    except ValidationError as error:
        issue = error.errors()[0]
        place = ".".join(map(str, issue["loc"])) or "the whole"
        raise Misconfigured(f"{path} cannot be used; look at {place}: {issue['msg']}") from error
