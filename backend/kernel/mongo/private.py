"""Files that only their owner may read: credentials, keys, connection strings."""

import os
import tempfile
from pathlib import Path
from typing import TextIO


def write_private(path: Path, text: str, *, mode: int = 0o600) -> None:
    """``path`` holds ``text`` and has ``mode``; a crash leaves the old content or the new, never a part."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as draft:
            draft.write(text)
            draft.flush()
            os.fsync(descriptor)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def open_private(path: Path) -> TextIO:
    """``path`` emptied and opened for writing and reading; it has mode 0600, also if it was there with another."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    path.chmod(0o600)
    return os.fdopen(descriptor, "w+", encoding="utf-8", errors="replace")
