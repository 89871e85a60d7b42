"""What the demo prints."""

from types import SimpleNamespace

import pytest
from rich.console import Console

from backend.cli.demo import _say_where

pytestmark = pytest.mark.unit


def test_the_command_to_copy_stays_on_one_line():
    world = SimpleNamespace(
        banks={"green-bank": SimpleNamespace(host="green-bank.localhost")},
        personas={"fridaklo": SimpleNamespace(user_name="frida", password="secret")},
    )
    console = Console(width=80, force_terminal=False)
    with console.capture() as captured:
        _say_where(console, "http://127.0.0.1:8003", world, 8004)
    assert 'curl -H "Authorization: Bearer $TOKEN"' in captured.get()
