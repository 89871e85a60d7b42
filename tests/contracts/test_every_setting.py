"""`.env.example` and the settings class say the same."""

from pathlib import Path

import pytest

from backend.kernel.settings import Settings

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def listed() -> dict[str, str]:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("# ")]
    return dict(line.removeprefix("#").split("=", 1) for line in lines)


def test_the_example_lists_every_setting_and_no_other():
    assert set(listed()) == {name.upper() for name in Settings.model_fields}


def test_the_example_shows_the_defaults():
    defaults = {
        name.upper(): "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert listed() == defaults


def test_every_setting_is_explained_in_its_own_words():
    text = EXAMPLE.read_text()
    for field in Settings.model_fields.values():
        assert field.description in text


def test_the_example_can_be_used_as_it_is(tmp_path):
    used = tmp_path / ".env"
    used.write_text(EXAMPLE.read_text())
    assert Settings(_env_file=used).model_dump() == Settings(_env_file=None).model_dump()
