"""`openfinance users …`: who is here, who operates, and a password for who came in with sample data."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from bson import ObjectId
from rich.console import Console
from rich.table import Table

from backend.api.identity.audit import Audit, Event
from backend.api.identity.passwords import Passwords
from backend.api.identity.shapes import PASSWORD_MAX, PASSWORD_MIN
from backend.bootstrap import open_store
from backend.cli.insights import find_user
from backend.documents.store import Store
from backend.kernel.errors import InvalidInput
from backend.kernel.settings import Settings

app = typer.Typer(help="Who is here, who operates, and their passwords.", no_args_is_help=True)
_console = Console(highlight=False, soft_wrap=True, markup=False)
_ACTOR = "command"


@app.command("list")
def list_users() -> None:
    """Everybody, by name."""
    asyncio.run(_list())


@app.command()
def operator(
    user: Annotated[str, typer.Argument(help="User name or id.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the role away instead.")] = False,
) -> None:
    """Let a person operate: their next log-in carries the scope `operate`, which /metrics needs."""

    async def change(store: Store, user_id: ObjectId) -> str:
        verb = "$pull" if revoke else "$addToSet"
        await store.collection("users").update_one({"_id": user_id}, {verb: {"Roles": "operator"}})
        return "operator.revoked" if revoke else "operator.granted"

    asyncio.run(_change(user, change))
    _console.print(f"{user} {'operates no longer' if revoke else 'operates from the next log-in on'}")


@app.command()
def password(
    user: Annotated[str, typer.Argument(help="User name or id.")],
    new: Annotated[str, typer.Option("--new", prompt="New password", hide_input=True, confirmation_prompt=True)],
) -> None:
    """Set a person's password; those who came in with sample data have none and cannot log in."""
    if not PASSWORD_MIN <= len(new) <= PASSWORD_MAX:
        raise InvalidInput(f"A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")

    async def change(store: Store, user_id: ObjectId) -> str:
        changes = {"PasswordHash": await Passwords().hash(new), "LogIn": {"Failures": 0}}
        await store.collection("users").update_one({"_id": user_id}, {"$set": changes})
        return "password.set"

    asyncio.run(_change(user, change))
    _console.print(f"The password of {user} is set")


async def _change(user: str, change: Callable[[Store, ObjectId], Awaitable[str]]) -> None:
    async with open_store(Settings()) as store:
        user_id = await find_user(store, user)
        action = await change(store, user_id)
        await Audit(store).append(Event(user_id, _ACTOR, action))


async def _list() -> None:
    table = Table()
    for heading in ("user", "roles", "since", "can log in", "id"):
        is_whole = heading in ("since", "id")
        table.add_column(heading, overflow="ellipsis" if is_whole else "fold", no_wrap=is_whole)
    shown = {"UserName": 1, "Roles": 1, "CreatedAt": 1, "PasswordHash": 1}
    async with open_store(Settings()) as store:
        async for user in store.collection("users").find({}, shown, sort=[("UserName", 1)]):
            since = user["CreatedAt"].date().isoformat()
            able = "yes" if user.get("PasswordHash") else "no"
            table.add_row(user["UserName"], ", ".join(user.get("Roles", [])), since, able, str(user["_id"]))
    _console.print(table)
