"""Accounts and products in the form of the seed collections, and sums over them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from functools import reduce
from typing import Final, Literal, TypeAlias

from bson import ObjectId

from backend.api.data.opening import open_sealed
from backend.api.data.reads import READ_MS_MAX
from backend.api.deps import Services, Viewer
from backend.documents.account import ExternalAccount
from backend.documents.product import ExternalProduct
from backend.documents.store import Stored
from backend.documents.transaction import ExternalTransaction
from backend.kernel.errors import Conflict, NotFound

Banks: TypeAlias = Literal["house", "external"]
_EXACT: Final = Context(prec=60, traps=[Inexact])
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Form:
    """What older clients know of one kind of thing. ``noun`` opens its field names.

    ``renamed`` says which of our names stands behind one of theirs; ``counted`` are the types that count
    in a total, all when empty.
    """

    noun: str
    collection: str
    owner: str
    shown: tuple[str, ...]
    sealed: tuple[str, ...]
    amount: str
    renamed: Mapping[str, str]
    counted: frozenset[str] = frozenset()

    def of(self, word: str) -> str:
        """The stored name: ``of("Bank")`` is AccountBank or ProductBank."""
        return f"{self.noun}{word}"


ACCOUNTS: Final = Form(
    noun="Account",
    collection=ExternalAccount.Settings.name,
    owner="AccountUser",
    shown=(
        "AccountNumber", "AccountBank", "AccountStatus", "AccountIdentificationType", "AccountDate.OpeningDate",
        "AccountDate.ClosingDate", "AccountType", "AccountBalance", "AccountCurrency", "AccountDescription",
        "GreenAccountNarrative", "MDBAccountNarrative", "AccountUser",
    ),
    sealed=("AccountNumber",),
    amount="AccountBalance",
    renamed={},
)  # fmt: skip
PRODUCTS: Final = Form(
    noun="Product",
    collection=ExternalProduct.Settings.name,
    owner="ProductCustomer",
    shown=(
        "ContractNumber", "ProductBank", "ProductStatus", "ProductType", "ProductAmount", "ProductCurrency",
        "ProductInterestRate", "ProductDate", "ProductDescription", "GreenProductNarrative",
        "MDBProductNarrative", "ProductCustomer", "RepaymentPeriod", "LoanCollateral", "AmortizationPeriod",
        "PropertyDetails",
    ),
    sealed=("PropertyDetails.Address",),
    amount="ProductAmount",
    renamed={"ProductId": "ContractNumber"},
    counted=frozenset({"Loan", "Mortgage"}),
)  # fmt: skip

_MOVEMENT: Final = (
    "AccountId", "Amount", "CreditDebit", "Status", "TransactionAtUtc", "BookingAtUtc", "OrderDate",
    "Counterparty", "Remittance", "References.TransactionId", "BankTransactionCode.Proprietary", "TransactionId",
)  # fmt: skip


class Seed:
    """The viewer's things at the house bank or at external ones, as older clients know them."""

    def __init__(self, services: Services, viewer: Viewer) -> None:
        self._services = services
        self._viewer = viewer

    async def things(self, form: Form, *, banks: Banks, institution: str | None = None) -> list[Stored]:
        """The documents with the seed's fields, numbers opened; null where a seal is broken."""
        things = await self._find(form, self._at(form, banks, institution), form.shown)
        for thing in things:
            await self._open(thing, form.sealed)
            for theirs, ours in form.renamed.items():
                thing[theirs] = thing.pop(ours)
        return things

    async def total(self, form: Form, *, listed: Collection[str], banks: Banks | None) -> Decimal:
        """The sum over all at ``banks`` (None: nothing) and those ``listed`` by id, each once.

        Closed ones and missing amounts add nothing. NotFound when a listed one is not the viewer's,
        Conflict when there are several currencies, as one number cannot say that.
        """
        ids = {ObjectId(each) for each in listed}
        ways = [{"_id": {"$in": list(ids)}}, *([self._at(form, banks)] if banks else [])]
        names = (form.amount, form.of("Currency"), form.of("Status"), form.of("Type"))
        found = await self._find(form, {"$or": ways}, names)
        if ids - {each["_id"] for each in found}:
            raise NotFound("One of the ids is not among yours")
        counting = [each for each in found if _counts(form, each)]
        if len({each[form.of("Currency")] for each in counting}) > 1:
            raise Conflict("There are several currencies, and one number cannot say that; ask /api/v1/insights")
        return _sum(each[form.amount].to_decimal() for each in counting)

    async def oldest(self, form: Form, institution: str) -> ObjectId:
        """The id of the one opened first at that external bank; NotFound when there is none."""
        day = form.of("Date")
        found = await self._find(form, self._at(form, "external", institution), (day,))
        if not found:
            raise NotFound("The store holds nothing of yours at this bank")
        opened: dict[ObjectId, datetime] = {each["_id"]: each.get(day, {}).get("OpeningDate", _LAST) for each in found}
        return min(opened, key=lambda key: (opened[key], key))

    def _at(self, form: Form, banks: Banks, institution: str | None = None) -> Stored:
        house = list(self._services.banks.own_names)
        where = {"house": {"$in": house}, "external": {"$nin": house}}[banks]
        return {form.of("Bank"): where | ({} if institution is None else {"$eq": institution})}

    async def _find(self, form: Form, where: Stored, names: Sequence[str]) -> list[Stored]:
        cursor = self._services.store.collection(form.collection).find(
            {f"{form.owner}.UserId": self._viewer.user_id, **where},
            dict.fromkeys(names, 1),
            sort=[("_id", 1)],
            hint="owner",
            max_time_ms=READ_MS_MAX,
        )
        return await cursor.to_list()

    async def newest_transactions(self, most: int) -> list[Stored]:
        """The newest movements on the viewer's accounts at the house bank, counterparties opened."""
        cursor = self._services.store.collection(ExternalTransaction.Settings.name).find(
            {"AccountUser.UserId": self._viewer.user_id, **self._at(ACCOUNTS, "house")},
            dict.fromkeys(_MOVEMENT, 1),
            sort=[("OrderDate", -1), ("_id", -1)],
            limit=most,
            hint="owner_newest",
            max_time_ms=READ_MS_MAX,
        )
        rows = await cursor.to_list()
        for row in rows:
            await self._open(row, ("Counterparty.Name", "Counterparty.Identifier"))
        return rows

    async def _open(self, thing: Stored, paths: Sequence[str]) -> None:
        sealer = self._services.store.sealer
        await open_sealed(thing, paths, owner=self._viewer.user_id, sealer=sealer)


def _counts(form: Form, thing: Stored) -> bool:
    is_counted = not form.counted or thing[form.of("Type")] in form.counted
    return is_counted and thing[form.of("Status")] != "Closed" and thing.get(form.amount) is not None


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(_EXACT.add, amounts, Decimal(0))
