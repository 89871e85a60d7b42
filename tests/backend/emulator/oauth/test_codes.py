"""Authorization codes: one way through, once, for one client, for a minute."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from backend.kernel import clock
from backend.oauth.calls import Call
from backend.oauth.grants import Grants
from backend.oauth.service import AuthorizationService
from tests.backend.emulator.oauth.world import CALLBACK, GREEN, ask


async def test_happy_flow(tpp, granted):
    answer = await granted(tpp)
    assert (answer["state"], answer["iss"]) == ("state-1", GREEN.issuer)

    token = await tpp.redeem(answer["code"])

    assert token.status_code == 200, token.text
    assert token.headers["cache-control"] == "no-store"
    body = token.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == GREEN.policy.access_seconds
    assert body["scope"] == f"AIS:{answer['consent_id']} offline"
    told = (await tpp.post("/oauth/introspect", {"token": body["access_token"]})).json()
    assert told["active"] is True
    assert (told["sub"], told["client_id"], told["consent_id"]) == ("c-anna", "leafy", answer["consent_id"])
    assert told["iss"] == GREEN.issuer


async def test_fifty_parallel_redemptions_give_exactly_one_token_and_the_replays_revoke_it(tpp, granted):
    code = (await granted(tpp))["code"]

    answers = await asyncio.gather(*(tpp.redeem(code) for _ in range(50)))

    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.json()["error"] for answer in answers if answer is not won[0]} == {"invalid_grant"}
    assert not await tpp.is_active(won[0].json()["access_token"])
    assert (await tpp.refresh(won[0].json()["refresh_token"])).json()["error"] == "invalid_grant"


async def test_attempt_reuse_authorization_code_after_one_second(tpp, granted):
    code = (await granted(tpp))["code"]
    token = (await tpp.redeem(code)).json()["access_token"]
    assert await tpp.is_active(token)

    with clock.stopped_at(clock.now() + timedelta(seconds=1)):
        assert (await tpp.redeem(code)).json()["error"] == "invalid_grant"
        assert not await tpp.is_active(token)


@pytest.mark.parametrize(
    ("wrong", "seconds"), [({"code_verifier": "x" * 43}, 1), ({"redirect_uri": "x"}, 1), ({}, 3600)]
)
async def test_a_replay_revokes_also_when_it_is_late_or_wrong_in_other_ways(tpp, granted, wrong, seconds):
    code = (await granted(tpp))["code"]
    refresh = (await tpp.redeem(code)).json()["refresh_token"]
    with clock.stopped_at(clock.now() + timedelta(seconds=seconds)):
        assert (await tpp.redeem(code, **wrong)).json()["error"] == "invalid_grant"
    assert (await tpp.refresh(refresh)).json()["error"] == "invalid_grant"


async def test_a_stranger_with_the_code_can_neither_use_it_nor_end_what_came_of_it(tpp, other, granted):
    code = (await granted(tpp))["code"]
    token = (await tpp.redeem(code)).json()["access_token"]
    other.verifier = tpp.verifier
    assert (await other.redeem(code)).json()["error"] == "invalid_grant"
    assert await tpp.is_active(token)


class _Meeting(Grants):
    """Grants where two callers both have the code in hand before either goes on."""

    both = asyncio.Barrier(2)

    async def by_code(self, issuer, code):
        found = await super().by_code(issuer, code)
        await self.both.wait()
        return found


async def test_a_replay_that_saw_the_code_unused_too_still_revokes_the_family(tpp, granted, services, oauth_database):
    code = (await granted(tpp))["code"]
    slow = dataclasses.replace(services.shelves, grants=_Meeting(oauth_database, services.keyed_hash))
    service = AuthorizationService(GREEN.policy, slow)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": tpp.verifier}

    answers = await asyncio.gather(*(service.token(Call(None, form | tpp.assertion())) for _ in range(2)))

    assert sorted(answer.status for answer in answers) == [200, 400]
    won = next(answer.body for answer in answers if answer.status == 200)
    assert not await tpp.is_active(won["access_token"])


async def test_incorrect_pkce_code_verifier_rejected(tpp, granted):
    code = (await granted(tpp))["code"]
    refused = await tpp.redeem(code, code_verifier="x" * 43)
    assert refused.json()["error"] == "invalid_grant"
    assert (await tpp.redeem(code)).status_code == 200  # guessing does not use the code up


async def test_ensure_pkce_code_verifier_required(tpp, granted):
    code = (await granted(tpp))["code"]
    for wrong in (None, "x" * 42, "x" * 129, "é" * 43, "x" * 43 + "\n"):
        refused = await tpp.redeem(code, code_verifier=wrong)
        assert refused.status_code == 400, wrong
        assert refused.json()["error"] in {"invalid_request", "invalid_grant"}


async def test_ensure_authorization_code_is_bound_to_client(tpp, other, granted):
    code = (await granted(tpp))["code"]
    other.verifier = tpp.verifier
    assert (await other.redeem(code)).json()["error"] == "invalid_grant"
    assert (await tpp.redeem(code)).status_code == 200


async def test_ensure_token_endpoint_fails_with_expired_auth_code(tpp, granted):
    code = (await granted(tpp))["code"]
    with clock.stopped_at(clock.now() + timedelta(seconds=61)):
        assert (await tpp.redeem(code)).json()["error"] == "invalid_grant"


async def test_the_redirect_uri_of_the_redemption_is_that_of_the_request(tpp, granted):
    code = (await granted(tpp))["code"]
    for wrong in (None, CALLBACK + "/", CALLBACK + "?a=b"):
        assert (await tpp.redeem(code, redirect_uri=wrong)).json()["error"] == "invalid_grant"


async def test_a_code_without_a_proven_client_is_worth_nothing(tpp, granted):
    code = (await granted(tpp))["code"]
    refused = await tpp.redeem(code, proof={"client_id": tpp.client_id})
    assert refused.json()["error"] == "invalid_client"


async def test_codes_and_tokens_are_stored_only_as_keyed_hashes(tpp, granted, oauth_database):
    code = (await granted(tpp))["code"]
    token = (await tpp.redeem(code)).json()
    everything = [
        str(document)
        for name in await oauth_database.list_collection_names()
        for document in await oauth_database[name].find().to_list()
    ]
    for secret in (code, token["access_token"], token["refresh_token"]):
        assert not any(secret in document for document in everything)


async def test_a_code_of_one_bank_is_unknown_at_another(tpp, old_tpp, granted):
    code = (await granted(tpp))["code"]
    old_tpp.verifier = tpp.verifier
    assert (await old_tpp.redeem(code)).json()["error"] == "invalid_grant"


async def test_a_consent_withdrawn_before_the_redemption_leaves_nothing_to_redeem(tpp, granted, services):
    answer = await granted(tpp)
    consent = await services.consents.find(GREEN.slug, answer["consent_id"])
    await services.consents.revoke(consent, reason="By the third party", now=clock.now())
    assert (await tpp.redeem(answer["code"])).json()["error"] == "invalid_grant"


async def test_a_consent_of_another_client_cannot_be_asked_about(tpp, other, anna, services):
    consent = await ask(services, GREEN, other.client_id)
    response = await anna.http.get(await tpp.link(consent.id))
    assert response.status_code == 303
    assert "error=invalid_request" in response.headers["location"]
