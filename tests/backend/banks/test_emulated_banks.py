"""Our reading of the emulated banks is their ledger: what they say over HTTP, asked for and mapped by the dialects."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest

from backend.banks.contract import Asked, MappedTransaction, Rejected
from backend.banks.paging import Stopped, address, next_page
from backend.banks.registry import Registry
from backend.banks.requests import Call, Window
from backend.banks.rules.balances import StatedBalance, owed, settled
from tests.backend.emulator.openbanking.conftest import PEOPLE, small, street_in

__all__ = ["small", "street_in"]  # fixtures

BANKS = Registry()
EMULATED = {bank.emulated: bank for bank in BANKS if bank.emulated}
SEEN_ON = date(2026, 11, 2)


@pytest.fixture(scope="module")
async def street(street_in, small):
    """Banks with a customer each, of a short past."""
    return await street_in(small(*sorted(set(PEOPLE.values())), months=3), "dialects")


class Reader:
    """A connected customer's bank, read with our routes and mappers."""

    def __init__(self, bank, api):
        self.bank, self.api = bank, api
        self.routes, self.dialect = BANKS.routes(bank), BANKS.dialect(bank)
        self.call = Call(api.consent_id, "5f0c2f5e-8b1a-4a1e-9f43-6f0a7d5c2b11", "192.0.2.7")

    async def all(self, request, asked):
        """Every record of a list, from all its pages; nothing may be refused."""
        host, seen, found = str(self.api.http.base_url).rstrip("/"), frozenset(), []
        while request:
            page = await self.api.read(request.path, params=dict(request.query), headers=dict(request.headers))
            found += self.dialect.read(request.resource, page, self.bank, asked)
            seen |= {address(request)}
            request = next_page(self.routes, request, page, host=host, seen=seen)
            assert not isinstance(request, Stopped), request
        refused = [read for read in found if isinstance(read.verdict, Rejected)]
        assert not refused, refused[0]
        return [part for read in found for part in read.verdict.mapped]

    async def accounts(self):
        listed = [await self.all(request, Asked()) for request in self.routes.accounts(self.call)]
        return [account for accounts in listed for account in accounts]

    async def settled(self, account, asked):
        """The account with its balances, wherever the bank tells them."""
        if self.routes.balances is None:
            return account.model
        found = await self.all(self.routes.balances(self.call, self.routes.target(account)), asked)
        model, notes = settled(account.model, [StatedBalance(each.model, each.limit) for each in found])
        assert not notes
        return model

    async def transactions(self, account, asked):
        window = Window(self.bank.zone)
        found = await self.all(self.routes.transactions(self.call, self.routes.target(account), window), asked)
        assert all(isinstance(each, MappedTransaction) for each in found if not hasattr(each, "limit"))
        return [each for each in found if isinstance(each, MappedTransaction)]


@pytest.mark.parametrize("name", PEOPLE)
async def test_balances_and_booked_transactions_as_we_read_them_are_the_ledgers(street, name):
    bank = EMULATED[name]
    reader = Reader(bank, await street.connected(name))
    truth, accounts = await street.truth(name), await reader.accounts()
    known = {account.provider_id: account.key for account in accounts if account.provider_id}
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    balances = {}
    for account in accounts:
        number = account.key.identifier if bank.dialect == "leafy" else account.provider_id
        if number not in truth:
            continue
        asked = Asked(account.key, known, SEEN_ON)
        balances[number] = (await reader.settled(account, asked)).account_balance
        for each in await reader.transactions(account, asked if bank.dialect != "leafy" else Asked(seen_on=SEEN_ON)):
            if each.model.status == "BOOK" and each.account.identifier == account.key.identifier:
                sums[number] += each.model.amount
    assert balances == truth
    assert {number: sums[number] for number in truth} == truth


async def test_a_loan_is_owed_as_its_balance_says_and_costs_what_its_terms_say(street):
    bank = EMULATED["severn-bank"]
    reader = Reader(bank, await street.connected("severn-bank"))
    accounts = await reader.accounts()
    known = {account.provider_id: account.key for account in accounts}
    products = await reader.all(reader.routes.products(reader.call), Asked(accounts=known))
    loans = [each for each in products if each.model.product_type in {"Loan", "Mortgage"}]
    assert loans
    for each in loans:
        account = next(account for account in accounts if account.provider_id == each.provider_id)
        request = reader.routes.balances(reader.call, reader.routes.target(account))
        found = await reader.all(request, Asked(account.key, known))
        assert owed([StatedBalance(part.model, part.limit) for part in found], each.model.product_currency) > 0
        assert each.model.contract_number == account.key.identifier
        assert each.model.product_interest_rate > 0
        assert each.model.repayment_period > 0
