"""Sealing: MongoDB client-side field level encryption with one data key per user.

Erasing a user's data key makes all that was sealed for that user unreadable, copies and backups
included. The owner's id is sealed together with the value, because a ciphertext alone can be moved
to another document and would open there.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self

from bson import CodecOptions, ObjectId
from bson.binary import Binary
from bson.codec_options import DEFAULT_CODEC_OPTIONS
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.encryption import AsyncClientEncryption
from pymongo.encryption_shared import Algorithm
from pymongo.errors import DuplicateKeyError, EncryptionError, PyMongoError
from pymongo.write_concern import WriteConcern

from backend.kernel.errors import SealBroken

KEY_VAULT = "encryption.__keyVault"
# After a key is deleted, other processes may still open with their copy for this long.
KEY_CACHE_MS = 5_000
_KNOWN_KEYS = 20_000


class _Opened:
    """A client with its cached keys. Closed only when nobody is inside: the library frees memory that is in use."""

    def __init__(self, encryption: AsyncClientEncryption[dict[str, Any]]) -> None:
        self._encryption = encryption
        self._inside = 0
        self._is_retired = False

    @asynccontextmanager
    async def used(self) -> AsyncIterator[AsyncClientEncryption[dict[str, Any]]]:
        self._inside += 1
        try:
            yield self._encryption
        finally:
            self._inside -= 1
            await self._close_if_done()

    async def retire(self) -> None:
        """Close now, or when the last one inside is done."""
        self._is_retired = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self._is_retired and not self._inside:
            await self._encryption.close()


class Sealer:
    """Seals and opens values for one user at a time."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], master_key: bytes) -> None:
        client = self._client = database.client
        # Installations may share a server and its key vault: the same person in two of them has two keys.
        self._realm = database.name
        self._master_key = master_key
        vault_database, vault_collection = KEY_VAULT.split(".")
        self._vault = client[vault_database].get_collection(vault_collection, write_concern=WriteConcern("majority"))
        self._key_ids: OrderedDict[ObjectId, Binary] = OrderedDict()
        self._opened = self._open()

    def _open(self) -> _Opened:
        options: CodecOptions[dict[str, Any]] = DEFAULT_CODEC_OPTIONS.with_options(tz_aware=True)
        return _Opened(
            AsyncClientEncryption(
                {"local": {"key": self._master_key}}, KEY_VAULT, self._client, options, key_expiration_ms=KEY_CACHE_MS
            )
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Forget the keys held in memory."""
        await self._opened.retire()

    async def seal(self, owner: ObjectId, value: str | bytes | dict[str, Any]) -> Binary:
        """``value`` as ciphertext that only ``owner``'s data key opens; the key is made at first use.

        Raises SealBroken when the owner is erased at this very moment.
        """
        key_id = await self._key_id(owner)
        try:
            async with self._opened.used() as encryption:
                return await encryption.encrypt(
                    {"owner": owner, "value": value},
                    Algorithm.AEAD_AES_256_CBC_HMAC_SHA_512_Random,
                    key_id=key_id,
                )
        except EncryptionError as error:
            raise _verdict(error, "The owner was erased while being written") from error

    async def open(self, owner: ObjectId, sealed: Binary) -> Any:
        """What was sealed for ``owner``; SealBroken when its key is gone, or it is another's or damaged."""
        try:
            async with self._opened.used() as encryption:
                opened = await encryption.decrypt(sealed)
        except EncryptionError as error:
            raise _verdict(error, "The value was erased, or damaged in the database") from error
        if not isinstance(opened, dict) or opened.get("owner") != owner:
            raise SealBroken("The value was sealed for another owner")
        return opened["value"]

    async def prepare(self, owners: Iterable[ObjectId]) -> None:
        """Make sure that all ``owners`` have data keys, asking the vault once for all of them."""
        missing = {owner for owner in owners if owner not in self._key_ids}
        names = {self._key_name(owner): owner for owner in missing}
        if not names:
            return
        async for key in self._vault.find({"keyAltNames": {"$in": list(names)}}, {"keyAltNames": 1}):
            owner = names[key["keyAltNames"][0]]
            self._remember(owner, key["_id"])
            missing.discard(owner)
        for owner in missing:
            self._remember(owner, await self._create_key(self._key_name(owner)))

    async def forget(self, owner: ObjectId) -> bool:
        """Delete ``owner``'s data key for good; False when there was none.

        This process cannot open the owner's values from now on, others within KEY_CACHE_MS.
        """
        self._key_ids.pop(owner, None)
        result = await self._vault.delete_one({"keyAltNames": self._key_name(owner)})
        old, self._opened = self._opened, self._open()
        await old.retire()
        return bool(result.deleted_count)

    async def _key_id(self, owner: ObjectId) -> Binary:
        if known := self._key_ids.get(owner):
            self._key_ids.move_to_end(owner)
            return known
        name = self._key_name(owner)
        key_id = await self._find_key(name) or await self._create_key(name)
        self._remember(owner, key_id)
        return key_id

    async def _find_key(self, name: str) -> Binary | None:
        found = await self._vault.find_one({"keyAltNames": name}, {"_id": 1})
        return found["_id"] if found else None

    async def _create_key(self, name: str) -> Binary:
        try:
            async with self._opened.used() as encryption:
                return await encryption.create_data_key("local", key_alt_names=[name])
        except EncryptionError as error:
            if not isinstance(error.cause, DuplicateKeyError):
                raise
        # Another process made the key between our look and our try; the unique index let only one in.
        if key_id := await self._find_key(name):
            return key_id
        raise SealBroken("The owner was erased while being written")

    def _key_name(self, owner: ObjectId) -> str:
        return f"{self._realm}/user/{owner}"

    def _remember(self, owner: ObjectId, key_id: Binary) -> None:
        self._key_ids[owner] = key_id
        if len(self._key_ids) > _KNOWN_KEYS:
            self._key_ids.popitem(last=False)


def _verdict(error: EncryptionError, sentence: str) -> Exception:
    """What went wrong: the key vault does not answer, and then nothing is known of the value, or the seal itself."""
    return error.cause if isinstance(error.cause, PyMongoError) else SealBroken(sentence)
