"""The whole way at every bank: consent, log-in, choice, second factor, token, and what is then read."""

from decimal import Decimal

import pytest

from tests.backend.emulator.openbanking.conftest import PEOPLE
from tests.backend.emulator.openbanking.parties import BerlinGroupCards


@pytest.mark.parametrize("bank", PEOPLE)
async def test_what_the_api_reports_is_what_the_ledger_holds(street, bank):
    api = await street.connected(bank)
    truth = await street.truth(bank)
    assert await api.balances() == truth
    for account, booked in truth.items():
        if is_card_at_berlin_group(street, bank, account):
            api = BerlinGroupCards(api.http, api.consent_id, api.token)
        assert sum(await api.moves(account), Decimal(0)) == booked


def is_card_at_berlin_group(street, bank, account):
    cards = {each.id for persona in street.world.personas.values() for each in persona.accounts if each.kind == "card"}
    return street.world.banks[bank].dialect == "berlin_group" and account in cards
