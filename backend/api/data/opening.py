"""One document alone: its sealed values opened for its owner, or null with a note when a seal is broken."""

from collections.abc import Iterator, Sequence
from typing import Any

from bson import ObjectId

from backend.documents.store import Stored
from backend.kernel.errors import SealBroken
from backend.kernel.sealing import Sealer

Place = tuple[dict[str, Any], str, str]


async def open_sealed(document: Stored, paths: Sequence[str], *, owner: ObjectId, sealer: Sealer) -> list[str]:
    """Put the clear values at ``paths`` (as in a document's SEALED) into ``document``.

    Answers the JSON pointers of those that could not be opened; these are null now.
    """
    broken = []
    places = [place for path in paths for place in _places(document, path.split("."), "")]
    for holder, name, pointer in places:
        try:
            holder[name] = await sealer.open(owner, holder[name])
        except SealBroken:
            holder[name] = None
            broken.append(pointer)
    return broken


def seal_note(pointer: str) -> Stored:
    """The quality note for a value that could not be opened."""
    detail = "The value was erased, or its seal is broken; it cannot be shown"
    return {"Code": "SEAL_BROKEN", "Path": pointer, "Detail": detail, "Severity": "WARNING"}


def _places(holder: Any, steps: list[str], pointer: str) -> Iterator[Place]:
    name, *rest = steps
    field = name.removesuffix("[]")
    inner = holder.get(field)
    at = f"{pointer}/{field}"
    if inner is None:
        return
    if not rest:
        yield holder, field, at
    elif name != field:
        for index, each in enumerate(inner):
            yield from _places(each, rest, f"{at}/{index}")
    else:
        yield from _places(inner, rest, at)
