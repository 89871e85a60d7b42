"""Calls, named by method and path template: ``GET /v1/accounts/{account}/transactions``."""

import re
from functools import cache

from backend.kernel.errors import InvalidInput

_CALL = re.compile(r"(?:([A-Z]+|\*) )?(/\S*)")
_PART = re.compile(r"\{[^{}/]*\}|\*")


@cache
def path_pattern(template: str) -> re.Pattern[str]:
    """What matches a path: ``{name}`` is one segment of it and a group of the match, ``*`` any number of characters."""
    pattern, end = "", 0
    for part in _PART.finditer(template):
        pattern += re.escape(template[end : part.start()])
        pattern += ".*" if part[0] == "*" else "([^/]+)"
        end = part.end()
    return re.compile(pattern + re.escape(template[end:]))


def matches(call: str, method: str, path: str) -> bool:
    """Whether a request is such a ``call``; one without a method means all methods."""
    wanted, template = split(call)
    return wanted in ("*", method) and bool(path_pattern(template).fullmatch(path))


def split(call: str) -> tuple[str, str]:
    """Method (``*`` for all) and path template; InvalidInput when it is no call."""
    found = _CALL.fullmatch(call)
    if not found:
        raise InvalidInput("A call is a method and a path, such as `GET /v1/accounts/{account}/transactions`")
    return found[1] or "*", found[2]
