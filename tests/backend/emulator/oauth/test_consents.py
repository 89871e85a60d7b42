"""Consents: states and history, what is covered, and how often it may be read without the customer."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from backend.emulator.oauth.banks import consent_named
from backend.emulator.oauth.consents import TRANSITIONS, Consents, State, Verdict
from backend.kernel.errors import Conflict, NotFound
from tests.backend.emulator.oauth.world import GREEN, ask

NOW = datetime(2028, 2, 20, 12, tzinfo=UTC)  # a leap day and two changes of the clock lie in the 180 days after


@pytest.fixture
def consents(services):
    return services.consents


@pytest.fixture
async def waiting(services):
    return await ask(services, GREEN, "leafy", now=NOW, valid_until=None)


@pytest.fixture
async def valid(consents, waiting):
    return await consents.authorise(
        waiting, customer_id="c-anna", accounts=["acc-1"], now=NOW, ends_at=NOW + GREEN.authentication_lasts
    )


async def send(consents, signal, consent, now=NOW):
    match signal:
        case "authorise":
            ends_at = NOW + GREEN.authentication_lasts
            return await consents.authorise(consent, customer_id="c-anna", accounts=["acc-1"], now=now, ends_at=ends_at)
        case "reject":
            return await consents.reject(consent, reason="No", now=now)
        case _:
            return await consents.revoke(consent, reason="Enough", now=now)


@pytest.mark.parametrize("first", ["authorise", "reject", "revoke"])
@pytest.mark.parametrize("second", ["authorise", "reject", "revoke"])
async def test_every_pair_of_signals_does_what_the_table_says(consents, waiting, first, second):
    between = await send(consents, first, waiting)
    assert between.state is TRANSITIONS[first][1]
    sources, target = TRANSITIONS[second]
    if between.state in sources:
        assert (await send(consents, second, between)).state is target
    else:
        with pytest.raises(Conflict):
            await send(consents, second, between)


async def test_of_an_approval_and_a_refusal_at_the_same_time_one_wins(consents, waiting):
    outcomes = await asyncio.gather(
        *(send(consents, signal, waiting) for signal in ("authorise", "reject") * 5), return_exceptions=True
    )
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, Exception)} == {Conflict}
    assert len((await consents.find(GREEN.slug, waiting.id)).history) == 2


async def test_the_history_tells_what_happened_when_and_why(consents, valid):
    ended = await consents.revoke(valid, reason="Enough", now=NOW + timedelta(days=1))
    assert [(event.state, event.at, event.reason) for event in ended.history] == [
        (State.RECEIVED, NOW, "Asked for by the third party"),
        (State.VALID, NOW, "Allowed by the customer"),
        (State.REVOKED, NOW + timedelta(days=1), "Enough"),
    ]


async def test_only_what_was_allowed_is_covered(consents, valid, waiting):
    async def allows(account="acc-1", permission="balances", consent_id=valid.id, bank=GREEN.slug):
        return await consents.allows(bank, consent_id, account=account, permission=permission, now=NOW)

    assert await allows() is Verdict.ALLOWED
    assert await allows(account=None) is Verdict.ALLOWED
    assert await allows(account="acc-2") is Verdict.ACCOUNT_MISSING
    assert await allows(permission="loans") is Verdict.PERMISSION_MISSING
    assert await allows(consent_id="unknown") is Verdict.UNKNOWN
    assert await allows(bank="old-bank") is Verdict.UNKNOWN


async def test_what_waits_was_refused_or_taken_back_covers_nothing(consents, waiting, services):
    async def verdict(consent):
        return await consents.allows(GREEN.slug, consent.id, account=None, permission="balances", now=NOW)

    assert await verdict(waiting) is Verdict.NOT_VALID
    assert await verdict(await consents.reject(waiting, reason="No", now=NOW)) is Verdict.NOT_VALID


async def test_authentication_carries_a_consent_for_180_days_to_the_minute(consents, valid):
    async def verdict(**after):
        now = NOW + timedelta(**after)
        return await consents.allows(GREEN.slug, valid.id, account="acc-1", permission="balances", now=now)

    assert await verdict(days=179, hours=23, minutes=59) is Verdict.ALLOWED
    assert await verdict(days=180) is Verdict.EXPIRED
    assert await verdict(days=180, minutes=1) is Verdict.EXPIRED


async def test_a_consent_ends_with_its_own_time_if_that_is_sooner(consents, services):
    short = await ask(services, GREEN, "leafy", now=NOW, valid_until=NOW + timedelta(days=30))
    short = await send(consents, "authorise", short)
    assert short.ends_at == NOW + timedelta(days=30)
    late = NOW + timedelta(days=31)
    assert short.state_at(late) is State.EXPIRED
    with pytest.raises(Conflict):
        await send(consents, "revoke", short, late)


async def test_expiry_is_written_down_once_and_only_for_what_is_over(consents, valid, services):
    fresh = await ask(services, GREEN, "leafy", now=NOW, valid_until=None)
    late = NOW + timedelta(days=181)
    assert await consents.expire_due(late - timedelta(days=2)) == 0
    assert await consents.expire_due(late) == 1
    assert await consents.expire_due(late) == 0
    ended = await consents.find(GREEN.slug, valid.id)
    assert (ended.state, ended.history[-1].state) == (State.EXPIRED, State.EXPIRED)
    assert (await consents.find(GREEN.slug, fresh.id)).state is State.RECEIVED


async def test_an_id_is_taken_once_and_a_strangers_is_not_found(consents, waiting):
    with pytest.raises(Conflict):
        await consents.receive(waiting)
    assert await consents.find("old-bank", waiting.id) is None
    assert await consents.find(GREEN.slug, {"$ne": ""}) is None


async def test_a_signal_to_a_consent_that_is_not_there_is_told_as_such(consents, waiting, oauth_database):
    await oauth_database["consents"].delete_many({})
    with pytest.raises(NotFound):
        await send(consents, "revoke", waiting)


async def read(consents, consent, *, resource="transactions acc-1", now=NOW, read_id=None):
    return await consents.read_unattended(consent.id, resource, now=now, limit=4, read_id=read_id)


async def test_the_fifth_unattended_read_within_24_hours_is_refused_and_told_when_to_come_back(consents, valid):
    for hour in range(4):
        assert (await read(consents, valid, now=NOW + timedelta(hours=hour))).read_id
    refused = await read(consents, valid, now=NOW + timedelta(hours=4))
    assert refused.read_id is None
    assert 20 * 3600 <= refused.retry_after_seconds <= 20 * 3600 + 1
    # A rolling day: what was read first falls out first.
    again = NOW + timedelta(hours=4, seconds=refused.retry_after_seconds)
    assert (await read(consents, valid, now=again)).read_id
    assert (await read(consents, valid, now=again)).read_id is None


async def test_the_pages_of_one_read_count_once(consents, valid):
    first = await read(consents, valid)
    for _ in range(20):
        assert (await read(consents, valid, read_id=first.read_id)).read_id == first.read_id
    assert all([(await read(consents, valid)).read_id for _ in range(3)])
    assert (await read(consents, valid)).read_id is None
    assert (await read(consents, valid, read_id=first.read_id)).read_id == first.read_id
    assert (await read(consents, valid, read_id="made up")).read_id is None


async def test_reads_are_counted_per_consent_and_resource(consents, valid, services):
    other = await ask(services, GREEN, "leafy", now=NOW)
    for _ in range(4):
        await read(consents, valid)
    assert (await read(consents, valid, resource="balances acc-1")).read_id
    assert (await read(consents, other)).read_id
    assert (await read(consents, valid)).read_id is None


async def test_of_ten_reads_at_the_same_time_exactly_four_are_let_in(consents, valid):
    answers = await asyncio.gather(*(read(consents, valid) for _ in range(10)))
    assert sum(answer.read_id is not None for answer in answers) == 4


async def test_a_restart_does_not_reset_the_count(consents, valid, oauth_database):
    for _ in range(4):
        await read(consents, valid)
    assert (await read(Consents(oauth_database), valid)).read_id is None


async def test_counts_older_than_a_day_are_swept(consents, valid, oauth_database):
    await read(consents, valid)
    assert await consents.sweep(NOW + timedelta(hours=23)) == 0
    assert await consents.sweep(NOW + timedelta(hours=24)) == 1


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"consent_id": "c1", "scope": "AIS:c2"}, "c1"),
        ({"scope": "offline AIS:c2"}, "c2"),
        ({"scope": "accounts", "claims": '{"id_token":{"openbanking_intent_id":{"value":"c3"}}}'}, "c3"),
        ({"scope": "accounts", "claims": '{"userinfo":{"authorizationId":{"value":"c4","essential":true}}}'}, "c4"),
        ({"scope": "accounts"}, None),
        ({"scope": "AIS:"}, None),
        ({"claims": "not json"}, None),
        ({"claims": "[1]"}, None),
        ({"claims": '{"userinfo":{"authorizationId":{"value":5}}}'}, None),
        ({"claims": '{"userinfo":null}'}, None),
    ],
)
def test_the_consent_is_found_wherever_the_dialect_names_it(parameters, named):
    assert consent_named(parameters) == named
