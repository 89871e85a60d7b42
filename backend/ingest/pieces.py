"""The bytes of one record out of the payload in which it was received, also of one that is no JSON."""

import json
from typing import Final

# Only where a value ends is asked; numbers stay text, because the longest ones cannot even be read.
_READER: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_BLANK: Final = " \t\r\n"
# Between the records of a page that was packed into one array.
BETWEEN: Final = b",\n"


def piece(payload: bytes, pointer: str, *, is_of_lines: bool = False) -> bytes:
    """What ``pointer`` (RFC 6901) leads to, byte for byte; KeyError when it leads nowhere.

    A record without an end can only be the last of its payload: it reaches to the end of it. Records that
    were lines, as ``is_of_lines`` says, hold no line break, and so each ends before the next one.
    """
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    if not steps:
        return payload
    if is_of_lines and len(steps) == 1:
        return payload[1:-1].split(BETWEEN)[int(steps[0])]
    # Bytes that are not UTF-8 survive as lone surrogates.
    text = payload.decode(errors="surrogateescape")
    at = 0
    try:
        for step in steps:
            at = _inside(text, _skip(text, at), step)
    except (json.JSONDecodeError, RecursionError) as error:
        raise KeyError(pointer) from error
    return text[at : _end_or_last(text, at)].encode(errors="surrogateescape")


def _inside(text: str, at: int, step: str) -> int:
    """Where the value of that member, or the element of that number, begins."""
    opening = text[at : at + 1]
    is_object = opening == "{"
    number, at = 0, _skip(text, at + 1)
    while opening in ("[", "{") and text[at : at + 1] not in ("", "]", "}"):
        key = str(number)
        if is_object:
            key, at = _READER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if key == step:
            return at
        at = _skip(text, _end(text, at))
        at = _skip(text, at + 1) if text[at : at + 1] == "," else at
        number += 1
    raise KeyError(step)


def _end_or_last(text: str, at: int) -> int:
    try:
        return _end(text, at)
    except (json.JSONDecodeError, RecursionError):
        return len(text) - 1


def _end(text: str, at: int) -> int:
    _, end = _READER.raw_decode(text, at)
    return end


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at
