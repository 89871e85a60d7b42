"""Places in a payload, named by paths such as ``transactions.booked`` or ``accounts[].balances``."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where one value stands: in ``holder`` (an object or a list) under ``key``."""

    holder: Any
    key: str | int

    @property
    def value(self) -> Any:
        """What stands there."""
        return self.holder[self.key]

    def put(self, value: Any) -> None:
        """Let ``value`` stand there instead."""
        self.holder[self.key] = value

    def remove(self) -> None:
        """Take the member out of its object."""
        del self.holder[self.key]


def places(payload: Any, path: str) -> list[Place]:
    """Every place that ``path`` leads to and that exists; ``name[]`` stands for each element of a list."""
    name, _, rest = path.partition(".")
    here = list(_step(payload, name))
    return here if not rest else [place for each in here for place in places(each.value, rest)]


def all_places(payload: Any, *paths: str) -> list[Place]:
    """The places of several paths, in the order of the paths."""
    return [place for path in paths for place in places(payload, path)]


def every_text(payload: Any) -> Iterator[Place]:
    """Every place in ``payload``, however deep, where a text stands."""
    members: Any = ()
    if isinstance(payload, dict):
        members = payload.items()
    elif isinstance(payload, list):
        members = enumerate(payload)
    for key, value in members:
        if isinstance(value, str):
            yield Place(payload, key)
        else:
            yield from every_text(value)


def _step(node: Any, name: str) -> Iterator[Place]:
    key = name.removesuffix("[]")
    if not isinstance(node, dict) or key not in node:
        return
    if key == name:
        yield Place(node, key)
    elif isinstance(node[key], list):
        yield from (Place(node[key], position) for position in range(len(node[key])))
