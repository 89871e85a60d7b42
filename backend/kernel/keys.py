"""The installation's two secrets: the master key that wraps data keys, and the key of keyed hashes."""

import base64
import binascii
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from backend.kernel.errors import Misconfigured
from backend.kernel.settings import Settings

MASTER_KEY_BYTES = 96
HASH_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """Raw key bytes; never printed."""

    master: bytes = field(repr=False)
    hash: bytes = field(repr=False)


def load_keys(settings: Settings) -> Keys:
    """The keys from the settings, or those generated once under ``openfinance_home`` (mode 0600).

    Raises Misconfigured when a key has the wrong length or is not base64.
    """
    home = settings.openfinance_home
    master = settings.master_key.get_secret_value() if settings.master_key else None
    hashing = settings.hash_key.get_secret_value() if settings.hash_key else None
    return Keys(
        master=_decoded(master or _kept(home / "master.key", MASTER_KEY_BYTES), "MASTER_KEY", MASTER_KEY_BYTES),
        hash=_decoded(hashing or _kept(home / "hash.key", HASH_KEY_BYTES), "HASH_KEY", HASH_KEY_BYTES),
    )


def _kept(path: Path, size: int) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Exclusive creation: of two processes that start at once, one writes and both read the same key.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(base64.b64encode(secrets.token_bytes(size)).decode())
    except FileExistsError:
        pass
    return path.read_text()


def _decoded(text: str, name: str, size: int) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Misconfigured(f"{name} is not base64; make one of {size} random bytes") from error
    if len(key) != size:
        raise Misconfigured(f"{name} has {len(key)} bytes instead of {size}; make one of {size} random bytes")
    return key
