"""Files that only their owner may read: credentials, keys, connection strings."""

import os
import tempfile
from pathlib import Path


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
