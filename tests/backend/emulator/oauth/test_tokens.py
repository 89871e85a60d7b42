"""Refresh, client credentials, revocation, introspection, metadata."""

import asyncio
import base64
import dataclasses
import logging
import os
import socket
from datetime import timedelta

import httpx2
import pytest
from pymongo import AsyncMongoClient

from backend.emulator.oauth.app import create_oauth_app
from backend.emulator.oauth.services import OAuthServices
from backend.kernel import clock
from backend.oauth.calls import Call, read_call
from backend.oauth.policy import Policy
from backend.oauth.service import AuthorizationService
from tests.backend.emulator.oauth.world import GREEN, OLD, PASSWORDS, Book, ThirdParty


@pytest.fixture
async def tokens(tpp, granted):
    return (await tpp.redeem((await granted(tpp))["code"])).json()


@pytest.fixture
async def old_tokens(old_tpp, granted):
    return (await old_tpp.redeem((await granted(old_tpp))["code"])).json()


def later(**duration):
    return clock.stopped_at(clock.now() + timedelta(**duration))


async def test_refresh_token(tpp, other, tokens):
    """Bound to its client, refused without client authentication, not rotated (FAPI 2.0)."""
    fresh = await tpp.refresh(tokens["refresh_token"])
    assert fresh.status_code == 200
    assert "refresh_token" not in fresh.json()
    assert fresh.json()["access_token"] != tokens["access_token"]
    assert await tpp.is_active(fresh.json()["access_token"])
    assert await tpp.is_active(tokens["access_token"])
    assert (await tpp.refresh(tokens["refresh_token"], proof={})).json()["error"] == "invalid_client"
    assert (await other.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await tpp.refresh(tokens["refresh_token"])).status_code == 200


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(tpp, tokens):
    assert (await tpp.refresh(tokens["access_token"])).json()["error"] == "invalid_grant"
    assert not await tpp.is_active(tokens["refresh_token"])


async def test_a_refresh_may_narrow_the_scope_and_not_widen_it(tpp, tokens):
    narrow = await tpp.refresh(tokens["refresh_token"], scope="offline")
    assert narrow.json()["scope"] == "offline"
    assert (await tpp.refresh(tokens["refresh_token"], scope="offline accounts")).json()["error"] == "invalid_scope"


async def test_an_access_token_ends_after_its_time(tpp, tokens):
    with later(seconds=GREEN.policy.access_seconds - 1):
        assert await tpp.is_active(tokens["access_token"])
    with later(seconds=GREEN.policy.access_seconds):
        assert not await tpp.is_active(tokens["access_token"])


async def test_a_rotated_refresh_token_works_on_in_its_grace_and_then_kills_the_family(old_tpp, old_tokens):
    first = (await old_tpp.refresh(old_tokens["refresh_token"])).json()
    assert first["refresh_token"] != old_tokens["refresh_token"]
    with later(seconds=OLD.policy.rotation_grace_seconds - 1):
        lost_and_asked_again = (await old_tpp.refresh(old_tokens["refresh_token"])).json()
        assert await old_tpp.is_active(lost_and_asked_again["access_token"])
    with later(seconds=OLD.policy.rotation_grace_seconds + 1):
        reused = await old_tpp.refresh(old_tokens["refresh_token"])
        assert reused.json()["error"] == "invalid_grant"
        assert not await old_tpp.is_active(lost_and_asked_again["access_token"])
        assert (await old_tpp.refresh(lost_and_asked_again["refresh_token"])).json()["error"] == "invalid_grant"


async def test_after_every_rotation_one_refresh_token_is_left_that_works_for_good(old_tpp, old_tokens, services):
    answers = await asyncio.gather(*(old_tpp.refresh(old_tokens["refresh_token"]) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    grant = await services.shelves.grants.by_token(OLD.issuer, old_tokens["refresh_token"])
    current = [token for token in grant.tokens if token.kind == "refresh" and token.superseded_at is None]
    assert len(current) == 1


async def test_without_grace_one_of_parallel_refreshes_wins_and_the_others_kill_the_family(
    services, http_of, old_tokens
):
    strict = dataclasses.replace(OLD.policy, rotation_grace_seconds=0)
    service = AuthorizationService(strict, services.shelves)
    form = {"grant_type": "refresh_token", "refresh_token": old_tokens["refresh_token"]}
    basic = base64.b64encode(b"leafy:s3cret%20with%20blank%20%26%20%3Acolon").decode()
    answers = await asyncio.gather(*(service.token(Call(f"Basic {basic}", form)) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7
    won = next(answer.body for answer in answers if answer.status == 200)
    assert await service.active(won["access_token"]) is None


async def test_a_rotation_chain_goes_on(old_tpp, old_tokens):
    token = old_tokens["refresh_token"]
    for minutes in range(1, 6):
        with later(minutes=minutes):
            answer = await old_tpp.refresh(token)
            assert answer.status_code == 200, answer.text
            token = answer.json()["refresh_token"]


async def test_client_credentials_give_a_token_of_the_clients_own(tpp):
    answer = await tpp.post("/oauth/token", {"grant_type": "client_credentials", "scope": "accounts"})
    assert "refresh_token" not in answer.json()
    told = (await tpp.post("/oauth/introspect", {"token": answer.json()["access_token"]})).json()
    assert (told["sub"], told["scope"]) == (tpp.client_id, "accounts")
    assert "consent_id" not in told


@pytest.mark.parametrize("scope", ["everything", "accounts everything", "accounts\x00", '"', ""])
async def test_a_scope_the_client_may_not_have_is_refused(tpp, scope):
    answer = await tpp.post("/oauth/token", {"grant_type": "client_credentials", "scope": scope})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    "grant_type", ["password", "implicit", 'x"\\', "urn:ietf:params:oauth:grant-type:jwt-bearer", ""]
)
async def test_other_grants_do_not_exist(tpp, grant_type):
    answer = await tpp.post("/oauth/token", {"grant_type": grant_type, "username": "anna", "password": "x"})
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


async def test_a_client_uses_only_the_grants_it_is_registered_for(tpp, services):
    await tpp.registered(services, grant_types=frozenset({"authorization_code"}))
    answer = await tpp.post("/oauth/token", {"grant_type": "client_credentials", "scope": "accounts"})
    assert answer.json()["error"] == "unauthorized_client"


async def test_revoking_a_refresh_token_ends_the_family_and_an_access_token_only_itself(tpp, tokens):
    second = (await tpp.refresh(tokens["refresh_token"])).json()["access_token"]
    assert (await tpp.post("/oauth/revoke", {"token": second})).status_code == 200
    assert not await tpp.is_active(second)
    assert await tpp.is_active(tokens["access_token"])
    assert (await tpp.post("/oauth/revoke", {"token": tokens["refresh_token"]})).status_code == 200
    assert not await tpp.is_active(tokens["access_token"])
    assert (await tpp.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_revoking_an_unknown_token_is_fine_and_a_foreign_one_stays(tpp, other, tokens):
    assert (await tpp.post("/oauth/revoke", {"token": "unknown"})).status_code == 200
    await other.post("/oauth/revoke", {"token": tokens["access_token"]})
    assert await tpp.is_active(tokens["access_token"])
    assert (await tpp.http.post("/oauth/revoke", data={"token": tokens["access_token"]})).status_code in {400, 401}
    assert await tpp.is_active(tokens["access_token"])
    assert (await tpp.post("/oauth/revoke", {})).json()["error"] == "invalid_request"


async def test_introspection_tells_others_than_resource_servers_nothing(tpp, other, tokens):
    told = await other.post("/oauth/introspect", {"token": tokens["access_token"]})
    assert told.json() == {"active": False}
    assert (await tpp.post("/oauth/introspect", {"token": "unknown"})).json() == {"active": False}
    nobody = await tpp.http.post("/oauth/introspect", data={"token": tokens["access_token"]})
    assert nobody.json()["error"] == "invalid_client"


async def test_after_180_days_the_refresh_token_is_unusable_and_nothing_is_active(
    tpp, tokens, services, oauth_database
):
    await oauth_database["consents"].update_many(
        {}, [{"$set": {"EndsAt": {"$add": ["$AuthenticatedAt", 180 * 86_400_000]}}}]
    )
    with later(days=179, hours=23, minutes=59):
        fresh = await tpp.refresh(tokens["refresh_token"])
        assert fresh.status_code == 200
        assert await tpp.is_active(fresh.json()["access_token"])
    with later(days=180, minutes=1):
        assert (await tpp.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
        assert not await tpp.is_active(fresh.json()["access_token"])


async def test_the_resource_server_in_the_same_process_sees_what_introspection_tells(tpp, tokens, services):
    issuer = services.issuers[GREEN.slug]
    grant, token = await issuer.active(tokens["access_token"])
    assert (grant.subject, grant.client_id, token.kind) == ("c-anna", tpp.client_id, "access")
    assert await issuer.active(tokens["refresh_token"]) is None
    assert await services.issuers[OLD.slug].active(tokens["access_token"]) is None
    await tpp.post("/oauth/revoke", {"token": tokens["refresh_token"]})
    assert await issuer.active(tokens["access_token"]) is None


async def test_what_is_over_is_swept_away_and_nothing_else(tpp, tokens, services, oauth_database):
    await services.sweep()
    assert await tpp.is_active(tokens["access_token"])
    with later(days=400):
        assert await services.sweep() > 0
    for name in ("grants", "marks", "journeys", "pushed_requests", "sessions", "lockouts"):
        assert await oauth_database[name].count_documents({}) == 0, name


async def test_discovery_end_point_verification(tpp, old_tpp):
    path = "/.well-known/oauth-authorization-server"
    told = (await tpp.http.get(path)).json()
    assert told["issuer"] == GREEN.issuer
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["response_types_supported"] == ["code"]
    assert told["require_pushed_authorization_requests"] is True
    assert told["authorization_response_iss_parameter_supported"] is True
    assert set(told["token_endpoint_auth_signing_alg_values_supported"]) == {"PS256", "ES256", "EdDSA", "Ed25519"}
    assert "registration_endpoint" not in told
    assert (await old_tpp.http.get(path)).json()["issuer"] == OLD.issuer
    for name in ("token", "revocation", "introspection", "pushed_authorization_request"):
        assert (await tpp.http.post(told[f"{name}_endpoint"], data={})).status_code in {400, 401}
    assert (await tpp.http.post("/oauth/register", json={})).status_code == 404


async def test_the_same_toolkit_serves_an_api_with_machine_clients_and_no_pages(services, http_of):
    """No bank, no consent, no customer: an issuer of its own with scopes and client credentials."""
    policy = Policy(
        issuer="https://api.example", scopes=frozenset({"read", "operate"}),
        grant_types=frozenset({"client_credentials"}), auth_methods=("client_secret_basic",),
    )  # fmt: skip
    service = AuthorizationService(policy, services.shelves)
    machine = ThirdParty(await http_of(GREEN), GREEN, "etl", secret="machine secret")
    known = {"scopes": frozenset({"read"}), "grant_types": policy.grant_types, "redirect_uris": frozenset()}
    await machine.registered(services, **known)
    client = await services.shelves.clients.find(GREEN.issuer, "etl")
    await services.shelves.clients.register(policy.issuer, client)

    async def asked(scope):
        return await service.token(
            read_call(
                content_type="application/x-www-form-urlencoded",
                body=f"grant_type=client_credentials&scope={scope}".encode(),
                query="",
                authorization="Basic ZXRsOm1hY2hpbmUgc2VjcmV0",
            )
        )

    answer = await asked("read")
    assert answer.status == 200
    grant, token = await service.active(answer.body["access_token"])
    assert (grant.client_id, token.scope) == ("etl", "read")
    assert (await asked("operate")).body["error"] == "invalid_scope"


async def test_no_log_holds_a_token_or_a_code(tpp, granted, caplog):
    caplog.set_level(logging.DEBUG)
    code = (await granted(tpp))["code"]
    tokens = (await tpp.redeem(code)).json()
    own = [record.getMessage() for record in caplog.records if record.name.split(".")[0] in {"authlib", "backend"}]
    assert not any(secret in line for line in own for secret in (code, tokens["access_token"], tokens["refresh_token"]))


async def test_plain_http_of_an_emulated_bank_needs_no_dangerous_switch(tpp):
    assert GREEN.issuer.startswith("http:")
    assert "AUTHLIB_INSECURE_TRANSPORT" not in os.environ
    assert (await tpp.push()).status_code == 201


async def test_a_database_that_is_away_is_told_as_such(tpp, services):
    # It listens and says nothing: PyMongo leaks a socket when it is closed while a port refuses it.
    silent = socket.create_server(("127.0.0.1", 0))
    away = AsyncMongoClient(f"mongodb://127.0.0.1:{silent.getsockname()[1]}/", serverSelectionTimeoutMS=50)
    lost = OAuthServices.over(away["nowhere"], services.keyed_hash, [GREEN], Book(), passwords=PASSWORDS)
    transport = httpx2.ASGITransport(app=create_oauth_app(lost))
    async with httpx2.AsyncClient(transport=transport, base_url=GREEN.issuer) as http:
        form = {"grant_type": "refresh_token", "refresh_token": "x"} | tpp.assertion()
        answer = await http.post("/oauth/token", data=form)
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        page = await http.get("/oauth/authorize", params={"client_id": "leafy"})
        assert (page.status_code, "The bank is resting" in page.text) == (503, True)
    await away.close()
    silent.close()
