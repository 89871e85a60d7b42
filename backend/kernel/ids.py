"""Identity: keyed, deterministic ids, so the same thing always lands on the same document.

Account numbers are enumerable, so a plain hash of one is as good as the number; every id derived
from personal data is a keyed BLAKE2b digest instead.
"""

import base64
import hashlib
import hmac
import secrets
from typing import NewType

from bson import ObjectId

UserId = NewType("UserId", ObjectId)

_DIGEST_BYTES = 16
TOKEN_BYTES = 32


class KeyedHash:
    """Digests nobody can compute without the installation's hash key (32 bytes)."""

    def __init__(self, key: bytes) -> None:
        if len(key) != TOKEN_BYTES:
            raise ValueError("The hash key has 32 bytes")
        self._key = key

    def digest(self, purpose: str, *parts: str | bytes) -> bytes:
        """16 bytes for ``parts`` in that order; ``purpose`` (at most 16 characters) keeps uses apart."""
        state = hashlib.blake2b(digest_size=_DIGEST_BYTES, key=self._key, person=purpose.encode())
        for part in parts:
            encoded = part.encode() if isinstance(part, str) else part
            state.update(len(encoded).to_bytes(4, "big"))
            state.update(encoded)
        return state.digest()

    def email(self, email: str) -> bytes:
        """The 16 bytes under which an e-mail is found, capitals aside."""
        return self.digest("e-mail", email.strip().casefold())

    def mac(self, purpose: str, message: bytes) -> bytes:
        """32 bytes that prove ``message`` was written with the hash key; each purpose has a key of its own."""
        key = hmac.digest(self._key, b"mac:" + purpose.encode(), "sha256")
        return hmac.digest(key, message, "sha256")

    def token(self, token: str) -> bytes:
        """The 32 bytes under which an API token is stored and found again."""
        return hmac.new(self._key, b"token:" + token.encode(errors="replace"), hashlib.sha256).digest()


def public_id(prefix: str, digest: bytes) -> str:
    """A stable id to show, such as ``acc_`` and 26 letters and digits for 16 bytes."""
    return f"{prefix}_{base64.b32encode(digest).decode().rstrip('=').lower()}"


def object_id(digest: bytes) -> ObjectId:
    """The ``_id`` of the document whose public id shows the same digest."""
    return ObjectId(digest[:12])


def object_id_of(public: str, prefix: str) -> ObjectId | None:
    """The ``_id`` behind a public id, or None when ``public`` is no id of that prefix."""
    head, _, tail = public.partition("_")
    if head != prefix or len(tail) != 26 or not tail.isascii():  # noqa: PLR2004 - 16 bytes in base32
        return None
    try:
        return object_id(base64.b32decode(tail.upper() + "======"))
    except ValueError:
        return None


def new_token() -> str:
    """A fresh bearer token: 64 hexadecimal digits, as older front ends expect them."""
    return secrets.token_hex(TOKEN_BYTES)
