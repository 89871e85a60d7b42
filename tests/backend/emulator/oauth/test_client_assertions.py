"""Client authentication: signed assertions for this bank, now, once; secrets where the bank's row says so."""

import asyncio
import base64
import hmac
import json
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from backend.kernel import clock
from backend.kernel.errors import InvalidInput
from backend.oauth.clients import Client, is_safe_redirect
from tests.backend.emulator.oauth.world import GREEN, SCOPES


async def own_token(party, proof):
    return await party.post("/oauth/token", {"grant_type": "client_credentials", "scope": "accounts"}, proof=proof)


async def is_refused(party, proof):
    answer = await own_token(party, proof)
    assert answer.status_code in {400, 401}, answer.text
    return answer.json()["error"] == "invalid_client"


def base64url(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def shifted(seconds):
    return int(clock.now().timestamp()) + seconds


async def test_an_assertion_for_the_issuer_is_accepted(tpp):
    assert (await own_token(tpp, tpp.assertion())).status_code == 200


async def test_par_test_array_as_audience_fails(tpp):
    assert await is_refused(tpp, tpp.assertion(aud=[GREEN.issuer]))
    assert (await tpp.push(proof=tpp.assertion(aud=[GREEN.issuer]))).json()["error"] == "invalid_client"


async def test_par_test_token_endpoint_url_as_audience_fails(tpp):
    assert await is_refused(tpp, tpp.assertion(aud=GREEN.issuer + "/oauth/token"))


async def test_par_test_par_endpoint_url_as_audience_fails(tpp):
    proof = tpp.assertion(aud=GREEN.issuer + "/oauth/par")
    assert (await tpp.push(proof=proof)).json()["error"] == "invalid_client"


async def test_ensure_client_assertion_with_wrong_aud_fails(tpp):
    assert await is_refused(tpp, tpp.assertion(aud="http://old-bank.localhost"))
    assert await is_refused(tpp, tpp.assertion(aud=None))


async def test_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(tpp):
    assert await is_refused(tpp, tpp.assertion(iat=shifted(-360), exp=shifted(-300)))


async def test_ensure_client_assertion_with_no_sub_fails(tpp):
    assert await is_refused(tpp, tpp.assertion(sub=None))


async def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(tpp):
    assert (await own_token(tpp, tpp.assertion(nbf=shifted(8), iat=shifted(8)))).status_code == 200


async def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(tpp):
    assert await is_refused(tpp, tpp.assertion(nbf=shifted(61)))
    assert await is_refused(tpp, tpp.assertion(iat=shifted(61), exp=shifted(90)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": None}, {"exp": "soon"}, {"exp": True}, {"exp": float("nan")}, {"exp": float("inf")}, {"exp": 10**30},
        {"iat": "now"}, {"iss": "other"}, {"iss": None}, {"sub": ["leafy"]}, {"sub": 5},
        {"jti": None}, {"jti": 7}, {"jti": ""}, {"jti": "j" * 256},
    ],
)  # fmt: skip
async def test_claims_of_the_wrong_kind_are_refused(tpp, wrong):
    assert await is_refused(tpp, tpp.assertion(**wrong))


async def test_an_assertion_that_lives_ten_years_or_ten_minutes_is_refused(tpp):
    assert await is_refused(tpp, tpp.assertion(exp=shifted(10 * 365 * 86_400)))
    assert await is_refused(tpp, tpp.assertion(exp=shifted(600)))
    assert (await own_token(tpp, tpp.assertion(exp=shifted(300)))).status_code == 200


async def test_an_assertion_is_good_once_at_any_endpoint_and_also_after_a_failure(tpp):
    proof = tpp.assertion()
    assert (await own_token(tpp, proof)).status_code == 200
    assert await is_refused(tpp, proof)
    assert (await tpp.push(proof=proof)).json()["error"] == "invalid_client"
    failing = tpp.assertion()
    assert (await tpp.redeem("no such code", proof=failing)).json()["error"] == "invalid_grant"
    assert await is_refused(tpp, failing)


async def test_of_twenty_parallel_calls_with_one_assertion_one_is_let_in(tpp):
    proof = tpp.assertion()
    answers = await asyncio.gather(*(own_token(tpp, proof) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19


async def test_a_signature_by_another_key_or_of_another_algorithm_is_refused(tpp, services):
    foreign = ECKey.generate_key("P-256", {"kid": "k1"})
    assert await is_refused(tpp, tpp.assertion(key=foreign))
    assert await is_refused(tpp, tpp.assertion(header={"alg": "ES256", "kid": "unknown"}, key=foreign))
    claims = json.dumps(tpp.claims()).encode()
    none = ".".join((base64url(b'{"alg":"none"}'), base64url(claims), ""))
    said = ".".join((base64url(b'{"alg":"HS256","kid":"k1"}'), base64url(claims)))
    # The public key taken for a shared secret.
    hs256 = f"{said}.{base64url(hmac.digest(tpp.key.as_pem(private=False), said.encode(), 'sha256'))}"
    for forged in (hs256, none, "a.b.c", "", "x" * 60_000, "\u00e9.\u00e9.\u00e9"):
        proof = tpp.assertion() | {"client_assertion": forged}
        answer = await own_token(tpp, proof)
        assert answer.json()["error"] in {"invalid_client", "invalid_request"}, forged[:40]
    rsa = RSAKey.generate_key(2048, {"kid": "k1"})
    await tpp.registered(services, jwks={"keys": [rsa.as_dict(private=False)]})
    assert await is_refused(tpp, tpp.assertion(key=rsa, header={"alg": "RS256", "kid": "k1"}))
    assert (await own_token(tpp, tpp.assertion(key=rsa, header={"alg": "PS256", "kid": "k1"}))).status_code == 200


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
async def test_edwards_curves_are_accepted_under_both_names(tpp, services, algorithm):
    key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    await tpp.registered(services, jwks={"keys": [key.as_dict(private=False)]})
    assert (await own_token(tpp, tpp.assertion(key=key, header={"alg": algorithm, "kid": "k1"}))).status_code == 200


async def test_credentials_in_header_and_body_or_of_two_kinds_are_refused(old_tpp):
    form = {"grant_type": "client_credentials", "scope": "accounts"}
    secret = {"client_id": old_tpp.client_id, "client_secret": old_tpp.secret}
    both = await old_tpp.http.post("/oauth/token", data=form | secret, auth=(old_tpp.client_id, old_tpp.secret))
    two = await old_tpp.http.post("/oauth/token", data=form | secret | old_tpp.assertion())
    assert [both.json()["error"], two.json()["error"]] == ["invalid_request"] * 2


async def test_a_parameter_given_twice_is_refused(tpp):
    for repeated in ("scope=accounts&scope=accounts", "grant_type=client_credentials&grant_type=refresh_token"):
        answer = await tpp.http.post(
            "/oauth/token", content=repeated, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_parameters_in_the_url_or_a_body_that_is_no_form_are_refused(tpp):
    proof = tpp.assertion()
    in_url = await tpp.http.post("/oauth/token", params={"grant_type": "client_credentials", "scope": "x"}, data=proof)
    as_json = await tpp.http.post("/oauth/token", json=proof)
    garbage = await tpp.http.post(
        "/oauth/token", content=b"\xff=%zz", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    huge = await tpp.http.post("/oauth/token", data={"scope": "x" * 70_000})
    assert [answer.status_code for answer in (in_url, as_json, garbage, huge)] == [400, 400, 400, 413]


async def test_a_client_uses_the_one_method_it_is_registered_for(tpp, old_tpp, services):
    form = {"grant_type": "client_credentials", "scope": "accounts"}
    posted = {"client_id": old_tpp.client_id, "client_secret": old_tpp.secret}
    assert (await old_tpp.post("/oauth/token", form)).status_code == 200
    assert (await old_tpp.http.post("/oauth/token", data=form | posted)).json()["error"] == "invalid_client"
    assert (await old_tpp.http.post("/oauth/token", data=form | old_tpp.assertion())).json()[
        "error"
    ] == "invalid_client"
    await old_tpp.registered(services, auth_method="client_secret_post")
    assert (await old_tpp.http.post("/oauth/token", data=form | posted)).status_code == 200
    # Green Bank takes no secrets from anybody.
    await tpp.registered(services, auth_method="client_secret_basic", secret_hash=b"x" * 32)
    basic = await tpp.http.post("/oauth/token", data=form, auth=(tpp.client_id, "any"))
    assert basic.json()["error"] == "invalid_client"


@pytest.mark.parametrize("header", ["Basic", "Basic =", "Basic /w==", "Basic bm9ib2R5", "Bearer x", "Basic bGVhZnk6"])
async def test_a_broken_authorization_header_is_refused_like_a_wrong_secret(old_tpp, header):
    form = {"grant_type": "client_credentials", "scope": "accounts"}
    answer = await old_tpp.http.post("/oauth/token", data=form, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_client_cannot_speak_in_the_name_of_another(tpp, other):
    assert await is_refused(tpp, tpp.assertion() | {"client_id": other.client_id})


async def test_a_public_client_does_not_exist(tpp):
    assert await is_refused(tpp, {"client_id": tpp.client_id})
    assert await is_refused(tpp, {})


async def test_an_assertion_made_by_a_stopped_clock_is_judged_by_that_clock(tpp):
    with clock.stopped_at(clock.now() + timedelta(days=400)):
        assert (await own_token(tpp, tpp.assertion())).status_code == 200
    with clock.stopped_at(clock.now() - timedelta(days=400)):
        assert (await own_token(tpp, tpp.assertion())).status_code == 200


@pytest.mark.parametrize(
    "uri",
    [
        "http://leafy.example/cb", "ftp://leafy.example", "https://a@leafy.example/", "https://leafy.example/#x",
        "javascript:alert(1)", "https:///cb", "", "https://leafy.example/c b", "https://[::1", "http://localhost.evil/",
    ],
)  # fmt: skip
async def test_a_client_with_an_unsafe_redirect_is_not_registered(services, uri):
    assert not is_safe_redirect(uri)
    with pytest.raises(InvalidInput):
        await services.shelves.clients.register(GREEN.issuer, client(redirect_uris=frozenset({uri})))


@pytest.mark.parametrize("uri", ["https://leafy.example/cb", "http://localhost:3000/cb", "http://hub.localhost/cb"])
def test_https_and_this_machine_are_safe_redirects(uri):
    assert is_safe_redirect(uri)


async def test_a_client_without_public_keys_is_not_registered(services):
    private = ECKey.generate_key("P-256").as_dict(private=True)
    secret = OctKey.generate_key().as_dict(private=True)
    for keys in ([], [private], [secret], [{"kty": "?"}]):
        with pytest.raises(InvalidInput):
            await services.shelves.clients.register(GREEN.issuer, client(jwks={"keys": keys}))


def client(**changed):
    usual = {
        "client_id": "new",
        "name": "New",
        "auth_method": "private_key_jwt",
        "grant_types": frozenset({"authorization_code"}),
        "scopes": SCOPES,
        "redirect_uris": frozenset({"https://new.example/cb"}),
        "jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]},
    }
    return Client(**usual | changed)
