"""What must be equal when two lives, or two worlds, are the same."""

import hashlib
from collections.abc import Iterable

from backend.emulator.world.entry import Entry
from backend.emulator.world.history import History, history
from backend.emulator.world.life import Life
from backend.emulator.world.reading import read_world


def digest(entries: Iterable[Entry]) -> str:
    """Stands for all there is to know about ``entries``, in their order."""
    state = hashlib.sha256()
    for entry in entries:
        details = sorted(entry.details.items())
        state.update(repr((entry.replaced(details={}), details)).encode())
    return state.hexdigest()


def world_digest(pasts: Iterable[History]) -> str:
    """Stands for the whole past of everybody."""
    return digest([entry for past in pasts for entry in (*past.booked, *past.pending)])


if __name__ == "__main__":
    world = read_world()
    print(world_digest(history(Life(world, person)) for person in world.personas.values()))  # noqa: T201 - it is read
