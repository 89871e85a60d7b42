"""JSON read strictly: exact numbers, no duplicate keys, no NaN, no lone surrogates, no deep nests.

The standard library's reader lets all of these through or loses digits; money cannot afford it
(RFC 8259 sections 4, 6 and 8 leave each to the implementation).
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

from backend.kernel.errors import Malformed

JsonObject = dict[str, Any]
_INT64 = range(-(2**63), 2**63)
_MAX_DEPTH = 100
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(text: bytes, *, convert: Callable[[JsonObject], Any] | None = None) -> Any:
    """What ``text`` says, with fractions as Decimal and integers beyond 64 bits as text.

    ``convert`` is given every object, innermost first, and its answer takes the object's place.
    Raises Malformed with the reason.
    """
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"Byte {error.start} is not UTF-8") from error
    value = _parse(decoded, convert, has_nul=b"\\u0000" in text)
    if text.count(b"[") + text.count(b"{") > _MAX_DEPTH and _is_deeper(value, _MAX_DEPTH):
        raise Malformed(f"Nested deeper than {_MAX_DEPTH} levels")
    if _ESCAPED_SURROGATE.search(text):
        _refuse_lone_surrogates(value)
    return value


def _parse(text: str, convert: Callable[[JsonObject], Any] | None, *, has_nul: bool) -> Any:
    def on_object(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Malformed("A key occurs twice in one object")
        if has_nul and any("\0" in key for key in found):
            raise Malformed("A key holds a NUL character")
        return convert(found) if convert else found

    try:
        return json.loads(
            text, parse_float=_fraction, parse_int=_integer, parse_constant=_refuse, object_pairs_hook=on_object
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"Not JSON at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise Malformed("Nested too deep") from error


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether ``value`` nests deeper than that; MongoDB and every reader behind us have such limits."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _fraction(text: str) -> Decimal | str:
    # Decimal("1e999999999") is legal and useless; whoever needs a number sees text and refuses it.
    return text if "e" in text or "E" in text else Decimal(text)


def _integer(text: str) -> int | str:
    if len(text) > 20:  # noqa: PLR2004 - no 64-bit integer is longer
        return text
    number = int(text)
    return number if number in _INT64 else text


def _refuse(constant: str) -> NoReturn:
    raise Malformed(f"{constant} is not a JSON number")


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise Malformed("A lone surrogate is not a character") from error
