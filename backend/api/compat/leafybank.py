"""The older API of the house bank: its accounts, the user's profile and recent transactions."""

from typing import Any, Final

from fastapi import APIRouter, Response
from pydantic import BaseModel

from backend.api.compat.callers import Body, Identifier, SeedDep, require_self
from backend.api.compat.numbers import reply
from backend.api.compat.secure import Accounts
from backend.api.compat.seed import ACCOUNTS
from backend.api.compat.transfers import transfers
from backend.api.deps import ReaderDep, ServicesDep
from backend.api.strict import StrictRoute

RECENT_MAX: Final = 20
router = APIRouter(prefix="/api/v1/leafybank", route_class=StrictRoute, tags=["older front ends"])


class FoundUser(BaseModel):
    """A profile."""

    user: dict[str, Any]


class RecentTransactions(BaseModel):
    """Transfers, newest first."""

    transactions: list[dict[str, Any]]


class Who(Body):
    """The user asked for: yourself."""

    user_identifier: Identifier


@router.post("/accounts/secure/fetch-accounts-for-user", responses={200: {"model": Accounts}})
async def house_accounts(seed: SeedDep, viewer: ReaderDep, body: Who) -> Response:
    """Your accounts at the house bank."""
    require_self(viewer, body.user_identifier)
    return reply({"accounts": await seed.things(ACCOUNTS, banks="house")})


@router.post("/users/secure/find-user", responses={200: {"model": FoundUser}})
async def find_user(services: ServicesDep, seed: SeedDep, viewer: ReaderDep, body: Who) -> Response:
    """Your profile, with the ids of your accounts at the house bank."""
    require_self(viewer, body.user_identifier)
    found = await services.people.profile(viewer.user_id)
    accounts = await seed.things(ACCOUNTS, banks="house")
    user = {
        **(found["profile"] or {}),
        "_id": viewer.user_id,
        "UserName": viewer.user_name,
        "UserEmail": found["email"],
        "LinkedAccounts": [account["_id"] for account in accounts],
    }
    return reply({"user": user})


@router.post("/transactions/secure/fetch-recent-transactions-for-user", responses={200: {"model": RecentTransactions}})
async def recent_transactions(seed: SeedDep, viewer: ReaderDep, body: Who) -> Response:
    """Your 20 newest transfers at the house bank, each with both sides."""
    require_self(viewer, body.user_identifier)
    accounts = await seed.things(ACCOUNTS, banks="house")
    # A transfer between own accounts has two rows.
    rows = await seed.newest_transactions(2 * RECENT_MAX)
    return reply({"transactions": transfers(rows, accounts)[:RECENT_MAX]})
