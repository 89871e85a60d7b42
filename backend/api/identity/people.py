"""People: signing up, logging in with a lock-out, and what a person may see of themselves."""

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from backend.api.identity.audit import Audit, Event
from backend.api.identity.credentials import Credentials, Issued
from backend.api.identity.passwords import Passwords
from backend.documents.store import Store, Stored
from backend.documents.token import Scope
from backend.kernel import clock
from backend.kernel.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, SealBroken

FREE_FAILURES: Final = 5
LOCK_SECONDS: Final = 30
# Longer than any refusal takes, so that its time tells nothing about the person.
REFUSAL_SECONDS: Final = 0.4
_DOUBLINGS_MAX: Final = 7
_LOOKS_LIKE_AN_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
_SESSION_SCOPES: Final[tuple[Scope, ...]] = ("read", "write", "manage")
_REFUSED: Final = "The name or the password is wrong, or log-in is paused after too many failures"


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in that succeeded."""

    issued: Issued
    user: Stored
    expires_at: datetime


class People:
    """The persons of the store."""

    def __init__(self, store: Store, passwords: Passwords, credentials: Credentials, audit: Audit) -> None:
        self._store = store
        self._users = store.collection("users")
        self._passwords = passwords
        self._credentials = credentials
        self._audit = audit

    async def sign_up(self, user_name: str, password: str | None, email: str | None = None) -> Stored:
        """The new person as stored; Conflict when the name or the e-mail is another's already.

        Without a password the person can never log in, only use tokens.
        """
        if _LOOKS_LIKE_AN_ID.fullmatch(user_name):
            raise InvalidInput("A name that looks like an id would be taken for one; choose another")
        found_by: list[Stored] = [{"UserName": {"$eq": user_name}}]
        if email is not None:
            found_by.append({"UserEmailHash": {"$eq": self._store.keyed_hash.email(email)}})
        if await self._users.find_one({"$or": found_by}, {"_id": 1}):
            raise Conflict(_TAKEN)
        user: Stored = {
            "_id": ObjectId(),
            "UserName": user_name,
            "Roles": [],
            "LogIn": {"Failures": 0},
            "CreatedAt": clock.now(),
            "SchemaVersion": 1,
        }
        if password is not None:
            user["PasswordHash"] = await self._passwords.hash(password)
        await self._insert(user, email)
        await self._audit.append(Event(user["_id"], f"user:{user['_id']}", "person.signed-up"))
        return user

    async def log_in(self, name_or_email: str, password: str, *, hours: int) -> Session:
        """A new session; NotAuthenticated when refused, always in the same words and after the same time."""
        refused_at = time.monotonic() + REFUSAL_SECONDS
        user = await self._find(name_or_email)
        # The attempt is counted before the password is looked at, so that many at once get no extra tries.
        claimed = await self._claim_attempt(user["_id"]) if user else None
        hashed = claimed.get("PasswordHash") if claimed else None
        if not await self._passwords.matches(hashed, password) or claimed is None or hashed is None:
            await self._note_refusal(claimed)
            await asyncio.sleep(refused_at - time.monotonic())
            raise NotAuthenticated(_REFUSED)
        changes: Stored = {"LogIn": {"Failures": 0}}
        if self._passwords.is_dated(hashed):
            changes["PasswordHash"] = await self._passwords.hash(password)
        await self._users.update_one({"_id": claimed["_id"], "PasswordHash": hashed}, {"$set": changes})
        return await self._open_session(claimed, hours)

    async def profile(self, user_id: ObjectId) -> dict[str, Any]:
        """The person in clear: user_id, user_name, email, profile, roles, created_at. NotFound when erased."""
        user = await self._users.find_one({"_id": user_id}, {"PasswordHash": 0, "LogIn": 0})
        if user is None:
            raise NotFound("The person is not here any more")
        return {
            "user_id": user["_id"],
            "user_name": user["UserName"],
            "email": await self._opened(user, "UserEmail"),
            "profile": await self._opened(user, "Profile"),
            "roles": user.get("Roles", []),
            "created_at": user["CreatedAt"],
        }

    async def _insert(self, user: Stored, email: str | None) -> None:
        # The name and the e-mail are taken first: a data key is made only for who really comes in.
        if email is not None:
            user["UserEmailHash"] = self._store.keyed_hash.email(email)
        try:
            await self._users.insert_one(user)
        except DuplicateKeyError as error:
            raise Conflict(_TAKEN) from error
        if email is not None:
            sealed = {"UserEmail": await self._store.sealer.seal(user["_id"], email)}
            await self._users.update_one({"_id": user["_id"]}, {"$set": sealed})

    async def _find(self, name_or_email: str) -> Stored | None:
        if "@" in name_or_email:
            return await self._users.find_one(
                {"UserEmailHash": {"$eq": self._store.keyed_hash.email(name_or_email)}}, {"_id": 1}
            )
        return await self._users.find_one({"UserName": {"$eq": name_or_email}}, {"_id": 1})

    async def _claim_attempt(self, user_id: ObjectId) -> Stored | None:
        now = clock.now()
        unlocked = {"$or": [{"LogIn.LockedUntil": None}, {"LogIn.LockedUntil": {"$lte": now}}]}
        return await self._users.find_one_and_update({"_id": user_id} | unlocked, _one_more_failure(now))

    async def _note_refusal(self, claimed: Stored | None) -> None:
        # Not during a lock-out: nobody may fill another's record.
        if claimed:
            await self._audit.append(Event(claimed["_id"], "system", "log-in.refused"))

    async def _open_session(self, user: Stored, hours: int) -> Session:
        roles = user.get("Roles", ())
        scopes: tuple[Scope, ...] = (*_SESSION_SCOPES, "operate") if "operator" in roles else _SESSION_SCOPES
        expires_at = clock.now() + timedelta(hours=hours)
        issued = await self._credentials.issue(
            user_id=user["_id"], user_name=user["UserName"], kind="session", scopes=scopes, expires_at=expires_at
        )
        return Session(issued, user, expires_at)

    async def _opened(self, user: Stored, field: str) -> Any:
        if user.get(field) is None:
            return None
        try:
            return await self._store.sealer.open(user["_id"], user[field])
        except SealBroken:
            return None


_TAKEN = "The name or the e-mail is taken; choose another, or log in"


def _one_more_failure(now: datetime) -> list[Stored]:
    """An update that counts a failure, and from the fifth on locks for 30 seconds, doubling up to an hour."""
    doublings = {"$min": [{"$subtract": ["$LogIn.Failures", FREE_FAILURES]}, _DOUBLINGS_MAX]}
    pause_ms = {"$multiply": [LOCK_SECONDS * 1000, {"$pow": [2, doublings]}]}
    return [
        {"$set": {"LogIn.Failures": {"$add": [{"$ifNull": ["$LogIn.Failures", 0]}, 1]}}},
        {
            "$set": {
                "LogIn.LockedUntil": {
                    "$cond": [
                        {"$gte": ["$LogIn.Failures", FREE_FAILURES]},
                        {"$add": [now, pause_ms]},
                        None,
                    ]
                }
            }
        },
    ]
