"""Life as it is written down and drawn: believable, and the same whenever and however it is asked for."""

import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from backend.emulator.world.life import life
from backend.emulator.world.loans import Repayment
from backend.emulator.world.making import Maker
from backend.emulator.world.months import month_of
from backend.emulator.world.reading import read_world
from tests.backend.emulator.world.digests import digest, world_digest

SINCE, NOW, UNTIL = (
    datetime(2024, 11, 1, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2027, 5, 1, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def everything(pasts):
    return [entry for past in pasts.values() for entry in past.booked]


def banks_of(world):
    return {account.id: account.bank for person in world.personas.values() for account in person.accounts}


def test_two_processes_live_the_same_lives(pasts):
    other = subprocess.run(
        [sys.executable, "-m", "tests.backend.emulator.world.digests"],
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == world_digest(pasts.values())


def test_another_seed_is_another_life(rows, world):
    place = rows("jonas.brandt", months=24)
    file = place / "world.toml"
    file.write_text(file.read_text().replace("leafy-harbour", "leafy-mountain"))
    jonas = read_world(place).personas["jonas.brandt"]
    assert digest(life(jonas, read_world(place), SINCE, NOW)) != digest(life(jonas, world, SINCE, NOW))


def test_a_new_persona_changes_nobody_elses_life(rows, world):
    alone = read_world(rows("jonas.brandt", months=24))
    jonas = world.personas["jonas.brandt"]
    assert digest(life(jonas, alone, SINCE, UNTIL)) == digest(life(jonas, world, SINCE, UNTIL))


def test_life_asked_for_in_pieces_is_the_same_life(world):
    for name in ("emma.hughes", "gracehop"):
        persona = world.personas[name]
        whole = {entry.id: entry for entry in life(persona, world, NOW, UNTIL) if entry.settled_at <= UNTIL}
        pieces = {}
        at = NOW
        while at < UNTIL:
            following = min(at + timedelta(days=11, hours=5), UNTIL)
            found = [entry for entry in life(persona, world, at, following) if entry.settled_at <= following]
            assert pieces.keys().isdisjoint(entry.id for entry in found)
            pieces |= {entry.id: entry for entry in found}
            at = following
        assert pieces == whole


def test_every_persona_has_two_years_of_life(world, pasts):
    for name, past in pasts.items():
        months = {entry.details["booking_date"][:7] for entry in past.booked}
        assert len(months) == 24, name
        assert len(past.booked) > 600, name


def test_entries_have_ids_of_their_own_and_cents(everything):
    assert len({entry.id for entry in everything}) == len(everything)
    assert len({entry.details["entry_reference"] for entry in everything}) == len(everything)
    assert all(entry.amount == round(entry.amount, 2) and entry.amount for entry in everything)


def test_every_entry_tells_what_the_dialects_need(world, everything):
    zones = {account.id: world.bank_of(account).tz for p in world.personas.values() for account in p.accounts}
    for entry in everything:
        assert {"means", "code", "booking_date", "value_date", "entry_reference"} <= entry.details.keys()
        assert entry.details["means"] == "opening" or entry.details["counterparty"]
        assert entry.details["booking_date"] == entry.booked_at.astimezone(zones[entry.account]).date().isoformat()
        assert entry.description
        domain, family, sub_family = entry.details["code"].split("-")
        assert len(domain) == len(family) == len(sub_family) == 4
        if entry.details["means"] == "card":
            assert {"mcc", "merchant_country", "transaction_date", "card"} <= entry.details.keys()


def test_the_truth_is_in_no_details(everything):
    told = {name for entry in everything for name in entry.details}
    assert told.isdisjoint({"category", "stream", "transfer", "refund_of", "twin", "label"})


def test_own_transfers_have_both_legs(world, everything):
    bank_of = banks_of(world)
    pairs = defaultdict(list)
    for entry in everything:
        if entry.label.transfer:
            pairs[entry.label.transfer].append(entry)
    assert len(pairs) > 400
    inside = [legs[0] for legs in pairs.values() if len(legs) == 1]
    between = [legs for legs in pairs.values() if len(legs) > 1]
    assert all(entry.counter and bank_of[entry.counter] == bank_of[entry.account] for entry in inside)
    apart = Counter()
    for left, arrived in between:
        assert left.amount < 0 < arrived.amount
        assert bank_of[left.account] != bank_of[arrived.account]
        assert left.booked_at < arrived.booked_at
        assert arrived.follows == left.id
        apart[(arrived.booked_at - left.booked_at).days] += 1
        if left.currency == arrived.currency:
            assert left.amount == -arrived.amount
        else:
            rate = Decimal(arrived.details["exchange_rate"])
            assert abs(-left.amount * rate - arrived.amount) <= Decimal("0.005")
    assert {0, 1, 2} <= apart.keys()
    assert any(left.currency != arrived.currency for left, arrived in between)


def test_a_pending_leg_is_the_only_one_that_stands_alone(world):
    persona = world.personas["fridaklo"]
    entries = [entry for entry in life(persona, world, NOW, UNTIL) if entry.label.transfer and not entry.counter]
    legs = Counter(entry.label.transfer for entry in entries if entry.settled_at < UNTIL - timedelta(days=6))
    assert set(legs.values()) == {2}


def test_salaries_rents_and_subscriptions_recur_and_change(world, pasts):
    streams = defaultdict(list)
    for entry in pasts["anna.weber"].booked:
        streams[entry.label.stream].append(entry)
    assert len(streams["anna.weber/salary"]) == 24
    assert {entry.amount for entry in streams["anna.weber/salary"]} == {Decimal("3184.20"), Decimal("3298.75")}
    music = [-entry.amount for entry in streams["anna.weber/music"]]
    assert music == sorted(music)
    assert set(music) == {Decimal("10.99"), Decimal("12.99")}
    magazine = streams["anna.weber/magazine"]
    assert max(entry.initiated_at.date() for entry in magazine) < date(2026, 1, 1)
    assert len(magazine) == 14
    assert all(entry.booked_at.isoweekday() < 6 for entry in streams["anna.weber/salary"])
    fortnights = [e.initiated_at.date() for e in pasts["gracehop"].booked if e.label.stream == "gracehop/salary"]
    assert {(later - earlier).days for earlier, later in pairwise(fortnights)} == {14}


def test_refunds_pay_back_no_more_than_was_paid(everything):
    by_id = {entry.id: entry for entry in everything}
    refunds = [entry for entry in everything if entry.label.refund_of]
    assert len(refunds) > 50
    for refund in refunds:
        bought = by_id[refund.label.refund_of]
        assert 0 < refund.amount <= -bought.amount
        assert refund.booked_at > bought.booked_at
        assert refund.details["counterparty"] == bought.details["counterparty"]
        assert refund.account == bought.account


def test_genuine_twins_are_all_that_look_the_same_on_one_day(everything):
    def looks(entry):
        seen = {name: value for name, value in entry.details.items() if name != "entry_reference"}
        return entry.account, entry.amount, entry.description, tuple(sorted(seen.items()))

    alike = defaultdict(list)
    for entry in everything:
        alike[looks(entry)].append(entry)
    groups = [group for group in alike.values() if len(group) > 1]
    assert len(groups) > 100
    assert all(len({entry.label.twin for entry in group}) == 1 and group[0].label.twin for group in groups)
    alone = [group[0] for group in alike.values() if len(group) == 1]
    assert not any(entry.label.twin for entry in alone)


def test_purchases_abroad_tell_amount_and_rate(everything):
    abroad = [entry for entry in everything if "original_currency" in entry.details and entry.amount < 0]
    assert len(abroad) > 100
    assert {"USD", "GBP", "SEK", "CHF", "EUR"} <= {entry.details["original_currency"] for entry in abroad}
    for entry in abroad:
        paid = Decimal(entry.details["original_amount"]) * Decimal(entry.details["exchange_rate"])
        assert abs(paid + entry.amount) <= Decimal("0.005")
        assert entry.details["original_currency"] != entry.currency


def test_what_is_held_and_what_is_booked_may_differ(everything):
    cards = [entry for entry in everything if entry.held]
    more = [entry for entry in cards if -entry.amount > entry.held]
    less = [entry for entry in cards if -entry.amount < entry.held]
    same = [entry for entry in cards if -entry.amount == entry.held]
    assert len(same) > len(more) + len(less)
    assert any(entry.details["mcc"] == "5812" for entry in more)
    assert any(entry.details["mcc"] == "5542" for entry in less)
    assert all(timedelta(0) < entry.booked_at - entry.initiated_at < timedelta(days=7) for entry in cards)


def test_some_authorisations_come_to_nothing(world):
    found = [entry for p in world.personas.values() for entry in life(p, world, NOW, UNTIL) if not entry.booked_at]
    assert len(found) > 10
    assert all(entry.lapses_at == entry.initiated_at + timedelta(days=7) for entry in found)


def test_every_persona_has_something_pending_when_the_clock_starts(pasts):
    for name, past in pasts.items():
        assert past.pending, name
        assert all(entry.initiated_at <= NOW < entry.settled_at for entry in past.pending)


def test_what_people_spend_is_plausible(world, pasts):
    """Shares of income, per persona and currency, averaged over two years."""
    for name, past in pasts.items():
        sums = defaultdict(Decimal)
        for entry in past.booked:
            sums[entry.label.category, entry.currency] += entry.amount
        currency = max((money for category, money in sums if category == "income"), key=lambda m: sums["income", m])
        income = sums["income", currency]
        share = {category: -amount / income for (category, money), amount in sums.items() if money == currency}
        assert 900 < income / 24 < 7500, name
        assert Decimal("0.10") < share["food_dining"] < Decimal("0.60"), (name, share)
        assert Decimal("0.005") < share["shopping"] < Decimal("0.40"), (name, share)
        assert Decimal("0.01") < share["transportation"] < Decimal("0.30"), (name, share)
        assert share["utilities"] > Decimal("0.003"), (name, share)
        spent = sum(amount for category, amount in share.items() if category not in ("income", "transfer", "other"))
        assert Decimal("0.5") < spent < Decimal("1.1"), (name, spent)


def test_every_kind_of_label_is_there(everything):
    categories = {entry.label.category for entry in everything}
    assert categories >= {
        *("income", "housing", "food_dining", "transportation", "utilities", "healthcare", "insurance"),
        *("entertainment", "shopping", "debt", "cash", "transfer", "interest", "other"),
    }
    assert all(
        any(getattr(entry.label, name) for entry in everything) for name in ("stream", "transfer", "refund_of", "twin")
    )


def test_instalments_are_interest_on_what_is_left_and_principal(world):
    for persona in world.personas.values():
        for product in persona.products:
            repayment = Repayment(Maker(world, persona), product)
            start = month_of(world.starts.date())
            outstanding = product.amount
            for month in range(start, start + 600):
                if repayment.due_at(month) <= world.starts:
                    continue
                paid = repayment.instalment(month)
                if not paid:
                    break
                expected = outstanding * product.rate / 1200
                assert abs(paid.interest - expected) <= Decimal("0.005")
                assert paid.amount == product.instalment or paid.principal == outstanding
                outstanding -= paid.principal
            assert outstanding == 0, product.product_id


def test_past_instalments_lead_to_what_is_outstanding(world):
    lukas = world.personas["lukas.gruber"]
    loan = next(product for product in lukas.products if product.product_id == "7731")
    repayment = Repayment(Maker(world, lukas), loan)
    months = range(month_of(loan.opened) + 1, month_of(world.starts.date()))
    paid = [repayment.instalment(month) for month in months]
    outstanding = loan.amount + sum(each.principal for each in paid)
    assert Decimal(10_000) < outstanding < Decimal(13_000)
    for each in paid:
        assert abs(each.interest - outstanding * loan.rate / 1200) <= Decimal("0.01")
        assert each.amount == loan.instalment
        outstanding -= each.principal
    assert outstanding == loan.amount
    assert repayment.instalment(month_of(loan.opened)) is None
