"""Transactions and balances: what happened on accounts, newest first."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from backend.api.data.holdings import ACCOUNTS, AccountIdPath
from backend.api.data.parameters import AmountBound, Currency, Day, Institution
from backend.api.data.reads import Listing, ListRoute, Reads, ReadsDep
from backend.api.data.shapes import list_of, projection_of, row_of
from backend.api.deps import ReaderDep, Viewer
from backend.api.paging import LIMIT_DEFAULT, CursorText, Limit
from backend.api.rendering import JsonBytes
from backend.documents.balance import ExternalBalance
from backend.documents.transaction import ExternalTransaction, TransactionStatus
from backend.kernel.errors import InvalidInput
from backend.kernel.money import to_bson

router = APIRouter(prefix="/api/v1", route_class=ListRoute, tags=["data"])

_TRANSACTION: Final = row_of(ExternalTransaction, "Transaction")
_BALANCE: Final = row_of(ExternalBalance, "StatedBalance")
_TRANSACTIONS: Final = {"model": list_of(_TRANSACTION, "TransactionList")}
_BALANCES: Final = {"model": list_of(_BALANCE, "BalanceList")}


def _newest_first(document: Any, *, index: str, day: str, projection: Mapping[str, int]) -> Listing:
    return Listing(document.Settings.name, "AccountUser", index, ((day, -1), ("_id", -1)), projection)


_SHOWN: Final = projection_of(_TRANSACTION)
OF_ALL_ACCOUNTS: Final = _newest_first(ExternalTransaction, index="owner_newest", day="OrderDate", projection=_SHOWN)
OF_ONE_ACCOUNT: Final = _newest_first(ExternalTransaction, index="account_newest", day="OrderDate", projection=_SHOWN)
STATED_BALANCES: Final = _newest_first(
    ExternalBalance, index="account_newest", day="StatedAt", projection=projection_of(_BALANCE)
)

StatusQuery = Annotated[TransactionStatus | None, Query(description="ISO 20022: BOOK is booked, PDNG pending")]


@router.get("/transactions", responses={200: _TRANSACTIONS})
async def transactions(
    *,
    reads: ReadsDep,
    viewer: ReaderDep,
    account_id: Annotated[str | None, Query(max_length=64, description="Only of this account")] = None,
    institution: Institution = None,
    status: StatusQuery = None,
    currency: Currency = None,
    date_from: Day = None,
    date_to: Day = None,
    amount_min: AmountBound = None,
    amount_max: AmountBound = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Your transactions on all accounts, newest first. Counterparties are masked in lists."""
    where = _given(AccountBank=institution, Status=status, Currency=currency)
    where |= _between("OrderDate", date_from, date_to) | _amounts(amount_min, amount_max)
    if account_id is not None:
        return await _of_account(reads, viewer, OF_ONE_ACCOUNT, account_id, where, limit=limit, cursor=cursor)
    page = await reads.page(OF_ALL_ACCOUNTS, viewer.user_id, where, limit=limit, cursor=cursor)
    return JsonBytes(page.render())


@router.get("/accounts/{account_id}/transactions", responses={200: _TRANSACTIONS})
async def account_transactions(
    *,
    reads: ReadsDep,
    viewer: ReaderDep,
    account_id: AccountIdPath,
    status: StatusQuery = None,
    date_from: Day = None,
    date_to: Day = None,
    amount_min: AmountBound = None,
    amount_max: AmountBound = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """The transactions of one account of yours, newest first."""
    where = _given(Status=status)
    where |= _between("OrderDate", date_from, date_to) | _amounts(amount_min, amount_max)
    return await _of_account(reads, viewer, OF_ONE_ACCOUNT, account_id, where, limit=limit, cursor=cursor)


@router.get("/accounts/{account_id}/balances", responses={200: _BALANCES})
async def account_balances(
    reads: ReadsDep,
    viewer: ReaderDep,
    account_id: AccountIdPath,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """The balances the bank has stated for one account of yours, newest first."""
    return await _of_account(reads, viewer, STATED_BALANCES, account_id, {}, limit=limit, cursor=cursor)


async def _of_account(
    reads: Reads,
    viewer: Viewer,
    listing: Listing,
    account_id: str,
    where: Mapping[str, Any],
    *,
    limit: int,
    cursor: str | None,
) -> Response:
    """A page of one account's rows; NotFound when the account is not the viewer's."""
    where = {"AccountId": account_id, **where}
    page = await reads.page(listing, viewer.user_id, where, limit=limit, cursor=cursor)
    if not page.data:
        # Rows are found by owner, so only nothing found leaves open whose account it is.
        await ACCOUNTS.find(reads, viewer, account_id, {"_id": 1})
    return JsonBytes(page.render())


def _given(**filters: str | None) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value is not None}


def _between(name: str, low: Any, high: Any) -> dict[str, Any]:
    if low is not None and high is not None and low > high:
        raise InvalidInput("The lower bound is above the upper one")
    bounds = {way: value for way, value in (("$gte", low), ("$lte", high)) if value is not None}
    return {name: bounds} if bounds else {}


def _amounts(low: Decimal | None, high: Decimal | None) -> dict[str, Any]:
    found = _between("Amount", low, high)
    return {name: {way: to_bson(value) for way, value in bounds.items()} for name, bounds in found.items()}
