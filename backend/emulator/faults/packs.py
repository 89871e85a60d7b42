"""Packs of misbehaviour: rows that name the steps by which a bank's payloads become strange."""

from functools import cache
from typing import Final

from pydantic import Field

from backend.emulator.faults.pages import Page
from backend.emulator.faults.reading import DATA, Row, as_row, read_rows
from backend.emulator.faults.steps import Step

_OTHER_FILES: Final = ("answers.toml",)


class Pack(Row):
    """What it ``says`` of itself in one sentence, and its ``steps`` in order."""

    says: str
    steps: tuple[Step, ...] = Field(min_length=1)

    def apply(self, page: Page) -> None:
        """Change ``page`` as such a bank would."""
        for step in self.steps:
            step.apply(page)


@cache
def packs() -> dict[str, Pack]:
    """All packs by name; Misconfigured names the file and the place that is wrong."""
    paths = sorted(path for path in DATA.glob("*.toml") if path.name not in _OTHER_FILES)
    return {path.stem: as_row(path, read_rows(path), Pack) for path in paths}
