"""Signed request objects (RFC 9101): always signed, for this bank, for now, with text in them."""

import json
import secrets
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from backend.kernel import clock
from tests.backend.emulator.oauth.world import OLD, ask


@pytest.fixture
async def consent(services, old_tpp):
    return await ask(services, OLD, old_tpp.client_id)


def signed(party, consent_id, *, key=None, **changed):
    claims = party.request(consent_id) | party.claims(sub=None, jti=secrets.token_hex(8)) | changed
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": "k1"}, claims, key or party.key, algorithms=["ES256"])


def link(party, request):
    return "/oauth/authorize?" + urlencode({"client_id": party.client_id, "request": request})


async def test_a_signed_request_is_carried_out(old_tpp, old_anna, consent):
    assert "code" in await old_anna.approves(link(old_tpp, signed(old_tpp, consent.id)))


async def test_the_consent_may_be_named_in_the_claims_as_in_the_uk_or_in_finland(old_tpp, old_anna, consent):
    for name in ("openbanking_intent_id", "authorizationId"):
        wish = {"userinfo": {name: {"value": consent.id, "essential": True}}}
        page = await old_anna.opens(link(old_tpp, signed(old_tpp, consent.id, scope="accounts", claims=wish)))
        assert "Log in" in page.text
        plain = old_tpp.request(consent.id, scope="accounts", claims=json.dumps(wish))
        assert "Log in" in (await old_anna.opens("/oauth/authorize?" + urlencode(plain))).text


async def test_what_is_beside_a_signed_request_is_ignored(old_tpp, old_anna, consent):
    beside = urlencode({"redirect_uri": "https://evil.example", "state": "evil"})
    answer = await old_anna.approves(link(old_tpp, signed(old_tpp, consent.id)) + "&" + beside)
    assert answer["state"] == "state-1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": None}, {"aud": ["http://old-bank.localhost"]}, {"aud": "https://elsewhere.example"}, {"exp": None},
        {"exp": 4_000_000_000}, {"iss": "other"}, {"iss": None}, {"client_id": "other"}, {"client_id": None},
        {"redirect_uri": ["https://leafy.example/callback"]}, {"scope": ["AIS"]}, {"state": 5},
        {"request_uri": "urn:x"}, {"request": "x"},
    ],
)  # fmt: skip
async def test_a_request_object_that_is_not_as_it_must_be_ends_on_a_page(old_tpp, old_anna, consent, wrong):
    page = await old_anna.http.get(link(old_tpp, signed(old_tpp, consent.id, **wrong)))
    assert (page.status_code, "invalid_request_object" in page.text) == (400, True)


async def test_an_unsigned_forged_or_old_request_object_ends_on_a_page(old_tpp, old_anna, consent):
    _, payload, _ = signed(old_tpp, consent.id).split(".")
    none = "eyJhbGciOiJub25lIn0." + payload + "."
    forged = signed(old_tpp, consent.id, key=ECKey.generate_key("P-256", {"kid": "k1"}))
    for bad in (none, forged, "x.y.z", "{}"):
        assert (await old_anna.http.get(link(old_tpp, bad))).status_code == 400
    good = signed(old_tpp, consent.id)
    with clock.stopped_at(clock.now() + timedelta(minutes=2)):
        assert (await old_anna.http.get(link(old_tpp, good))).status_code == 400


async def test_a_request_object_can_be_pushed(tpp, anna, services):
    waiting = await ask(services, tpp.bank, tpp.client_id)
    pushed = await tpp.post("/oauth/par", {"request": signed(tpp, waiting.id)})
    assert pushed.status_code == 201, pushed.text
    uri = urlencode({"client_id": tpp.client_id, "request_uri": pushed.json()["request_uri"]})
    assert "code" in await anna.approves("/oauth/authorize?" + uri)
    nested = await tpp.post("/oauth/par", {"request_uri": "urn:x"} | tpp.request(waiting.id))
    assert nested.json()["error"] == "invalid_request"
