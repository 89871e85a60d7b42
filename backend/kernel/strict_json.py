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
    return _parse(decoded, convert, check_surrogates=bool(_ESCAPED_SURROGATE.search(text)))


def _parse(text: str, convert: Callable[[JsonObject], Any] | None, *, check_surrogates: bool) -> Any:
    def on_object(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Malformed("A key occurs twice in one object")
        return convert(found) if convert else found

    try:
        value = json.loads(
            text, parse_float=_fraction, parse_int=_integer, parse_constant=_refuse, object_pairs_hook=on_object
        )
    except json.JSONDecodeError as error:
        raise Malformed(f"Not JSON at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise Malformed("Nested too deep") from error
    if check_surrogates:
        _refuse_lone_surrogates(value)
    return value


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
    except RecursionError as error:
        raise Malformed("Nested too deep") from error
