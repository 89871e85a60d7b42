"""JSON out: amounts that are numbers are written digit by digit from their Decimal, never through a float."""

from decimal import Decimal
from typing import Any

import orjson
from starlette.responses import Response

from backend.kernel.money import render_amount


class ExactJson(Response):
    """A JSON answer. A float in it is a mistake and raises TypeError."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """``content`` as JSON; None is no body at all."""
        return b"" if content is None else dumps(content)


def dumps(content: Any) -> bytes:
    """``content`` as JSON bytes."""
    _refuse_floats(content)
    return orjson.dumps(content, default=_number)


def _number(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(render_amount(value).encode())
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def _refuse_floats(content: Any) -> None:
    # orjson would write a float without asking, and a cent could get lost in one unseen.
    waiting = [content]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind is dict:
            waiting += [value for value in each.values() if type(value) is not str]
        elif kind is list or kind is tuple:
            waiting += each
        elif kind is float:
            raise TypeError("float has no place in an answer")
