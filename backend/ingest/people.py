"""People and tokens that come in with files: users with sealed profiles, tokens as keyed hashes only."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from backend.banks.contract import BadRecord, Record, Rejected
from backend.banks.fields import Fields
from backend.documents.parts import bson_ready
from backend.documents.store import Store, Stored
from backend.documents.token import Token
from backend.documents.user import ANY_CASE, User, is_user_name
from backend.ingest.raw import insert_new
from backend.ingest.upsert import Outcome
from backend.kernel.ids import object_id

_UTC: Final = ZoneInfo("UTC")
# 16 characters of 4 bits are the least that cannot be guessed; ours have 64.
_TOKEN_LENGTHS: Final = range(16, 513)
_NOT_PROFILE: Final = frozenset({"_id", "UserName", "UserEmail"})


@dataclass(frozen=True, slots=True)
class Moment:
    """When an import happens, and whether it only pretends to."""

    at: datetime
    dry_run: bool = False


Person = tuple[ObjectId, str]
Taker = Callable[[Store, Record, Moment], Awaitable[Outcome]]


async def ensure_users(store: Store, owners: Iterable[Person], moment: Moment) -> dict[Person, Rejected]:
    """Make every owner a known user; for those who cannot be, why. Such a user has no password yet.

    An id belongs to one name and a name to one id, whoever comes first; an owner that says otherwise is refused.
    """
    people = dict.fromkeys(owners)
    names, ids = await _known(store, people)
    refused: dict[Person, Rejected] = {}
    fresh: list[Stored] = []
    for user_id, name in people:
        if not is_user_name(name):
            reason = "The owner's name cannot be a user name"
            refused[user_id, name] = Rejected("BAD_USER_NAME", reason, "", user_id)
        elif names.get(user_id, name) != name or ids.get(name.casefold(), user_id) != user_id:
            reason = "The owner's name and id belong to different users"
            refused[user_id, name] = Rejected("OWNER_CONFLICT", reason, "", user_id)
        elif user_id not in names:
            names[user_id], ids[name.casefold()] = name, user_id
            fresh.append(_without_password(user_id, name, moment.at))
    if fresh and not moment.dry_run:
        await insert_new(store, User.Settings.name, fresh)
    return refused


async def take_user(store: Store, record: Record, moment: Moment) -> Outcome:
    """One user with a profile, as older systems export them; everything personal is sealed."""
    read = Fields(record)
    name, email = read.required_text("UserName"), read.text("UserEmail")
    said_id = read.object_id("_id")
    user_id = await _ensure_user(store, said_id or object_id(store.keyed_hash.digest("user", name)), name, moment)
    if said_id not in (None, user_id):
        raise read.bad("_id", "OWNER_CONFLICT", "belongs to another user than the name")
    users = store.collection(User.Settings.name)
    profile = {key: value for key, value in record.items() if key not in _NOT_PROFILE}
    content = store.keyed_hash.digest("content", str(email), repr(sorted(profile.items())))
    before = (await users.find_one({"_id": user_id}, {"ImportedContent": 1})) or {}
    if before.get("ImportedContent") == content:
        return "same"
    if not moment.dry_run:
        sealed = {"Profile": await store.sealer.seal(user_id, bson_ready(profile)), "ImportedContent": content}
        emails = await email_fields(store, user_id, email) if email else {}
        try:
            await users.update_one({"_id": user_id}, {"$set": sealed | emails})
        except DuplicateKeyError:
            raise read.bad("UserEmail", "EMAIL_TAKEN", "is another user's") from None
    return "changed" if "ImportedContent" in before else "new"


async def email_fields(store: Store, user_id: ObjectId, email: str) -> Stored:
    """How an e-mail is stored: sealed to be shown, and as a keyed hash to be found."""
    return {"UserEmail": await store.sealer.seal(user_id, email), "UserEmailHash": store.keyed_hash.email(email)}


async def take_token(store: Store, record: Record, moment: Moment) -> Outcome:
    """One bearer token, of which only the keyed hash is stored."""
    read = Fields(record)
    token, name = read.required_text("BearerToken"), read.required_text("UserName")
    if len(token) not in _TOKEN_LENGTHS or not token.isascii():
        raise read.bad("BearerToken", "WEAK_TOKEN", "has not 16 to 512 ASCII characters")
    hashed = store.keyed_hash.token(token)
    token_id = read.object_id("_id") or object_id(hashed)
    dates = read.object("TokenDates")
    created = dates.instant("CreationDate", _UTC) if dates else None
    used = dates.instant("LastUseDate", _UTC) if dates else None
    owner = await _ensure_user(store, token_id, name, moment)
    tokens = store.collection(Token.Settings.name)
    before = await tokens.find_one({"$or": [{"_id": token_id}, {"BearerToken": hashed}]})
    if before and before["BearerToken"] == hashed and before["UserId"] == owner:
        return "same"
    if before and (before["_id"] != token_id or before["UserId"] != owner):
        raise read.bad("BearerToken", "TOKEN_TAKEN", "is in use by another user")
    document = _token(token_id, owner, name, hashed, {"CreationDate": created or moment.at, "LastUseDate": used})
    if not moment.dry_run:
        try:
            await tokens.replace_one({"_id": token_id}, document, upsert=True)
        except DuplicateKeyError:
            raise read.bad("BearerToken", "TOKEN_TAKEN", "is in use already") from None
    return "changed" if before else "new"


async def _known(store: Store, people: Iterable[Person]) -> tuple[dict[ObjectId, str], dict[str, ObjectId]]:
    """Names by id, and ids by name in small letters, of all users who share one or the other with these people."""
    ids, names = [user_id for user_id, _ in people], [name for _, name in people]
    either = {"$or": [{"_id": {"$in": ids}}, {"UserName": {"$in": names}}]}
    cursor = store.collection(User.Settings.name).find(either, {"UserName": 1}, collation=ANY_CASE)
    users = {user["_id"]: user["UserName"] async for user in cursor}
    return users, {name.casefold(): user_id for user_id, name in users.items()}


async def _ensure_user(store: Store, user_id: ObjectId, name: str, moment: Moment) -> ObjectId:
    """The id of the user of this name, made with ``user_id`` when there is none yet."""
    known = await store.collection(User.Settings.name).find_one({"UserName": {"$eq": name}}, {"_id": 1})
    if known:
        return ObjectId(known["_id"])
    if rejected := (await ensure_users(store, [(user_id, name)], moment)).get((user_id, name)):
        raise BadRecord(rejected.code, rejected.reason, "/UserName")
    return user_id


def _without_password(user_id: ObjectId, name: str, at: datetime) -> Stored:
    return {
        "_id": user_id,
        "UserName": name,
        "Roles": [],
        "LogIn": {"Failures": 0},
        "CreatedAt": at.astimezone(UTC),
        "SchemaVersion": 1,
    }


def _token(token_id: ObjectId, owner: ObjectId, name: str, hashed: bytes, dates: dict[str, Any]) -> Stored:
    return {
        "_id": token_id,
        "UserName": name,
        "UserId": owner,
        "BearerToken": hashed,
        "Kind": "imported",
        "Scopes": ["read", "write"],
        "TokenDates": dates,
    }


TAKERS: Final[Mapping[str, Taker]] = {"users": take_user, "tokens": take_token}
SECRETIVE: Final[Sequence[str]] = ("tokens",)
