"""Pushed authorization requests (RFC 9126) and the authorization endpoint."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from backend.kernel import clock
from tests.backend.emulator.oauth.world import CALLBACK, GREEN, OLD, Person, ask, s256


async def test_par_ensure_pkce_required(tpp):
    refused = await tpp.push(code_challenge=None, code_challenge_method=None)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


async def test_par_plain_pkce_rejected(tpp):
    for method in ("plain", None, "s256", "S512"):
        refused = await tpp.push(code_challenge="x" * 43, code_challenge_method=method)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request"), method


@pytest.mark.parametrize("challenge", ["x" * 42, "x" * 44, "=" * 43, "é" * 43, "x" * 43 + "\n"])
async def test_a_challenge_that_is_no_digest_is_rejected(tpp, challenge):
    assert (await tpp.push(code_challenge=challenge)).json()["error"] == "invalid_request"


async def test_ensure_registered_redirect_uri(tpp):
    for wrong in (
        "https://evil.example/callback", CALLBACK + "/", CALLBACK + "?x=1", CALLBACK.upper(),
        "https://leafy.example/callback/../callback", 'https://leafy.example/"<\\>', "javascript:alert(1)",
    ):  # fmt: skip
        refused = await tpp.push(redirect_uri=wrong)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request"), wrong
        assert "evil" not in refused.text


async def test_ensure_redirect_uri_in_authorization_request(tpp):
    assert (await tpp.push(redirect_uri=None)).json()["error"] == "invalid_request"


async def test_par_attempt_invalid_http_method(tpp):
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert (await tpp.http.request(method, "/oauth/par")).status_code == 405


async def test_par_without_client_authentication_is_refused(tpp, old_tpp):
    assert (await tpp.push(proof={})).json()["error"] == "invalid_client"
    wrong = await old_tpp.http.post("/oauth/par", data=old_tpp.request("x"), auth=(old_tpp.client_id, "wrong"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic")


async def test_par_without_duplicate_parameters(tpp, services, anna):
    """What is beside the request_uri is ignored, whatever it says."""
    consent = await ask(services, GREEN, tpp.client_id)
    link = await tpp.link(consent.id)
    beside = urlencode({"redirect_uri": "https://evil.example", "state": "evil", "scope": "all"})
    assert (await anna.approves(f"{link}&{beside}"))["state"] == "state-1"


async def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(tpp, services, http_of):
    consent = await ask(services, GREEN, tpp.client_id)
    link = await tpp.link(consent.id)
    first, second = Person(await http_of(GREEN)), Person(await http_of(GREEN))
    assert (await first.opens(link)).status_code == 200
    assert "code" in await second.approves(link)


async def test_a_request_uri_that_was_answered_is_used_up(tpp, services, anna):
    consent = await ask(services, GREEN, tpp.client_id)
    link = await tpp.link(consent.id)
    await anna.approves(link)
    again = await anna.http.get(link)
    assert again.status_code == 400
    assert "invalid_request_uri" in again.text


async def test_an_unknown_expired_or_foreign_request_uri_ends_on_a_page_and_never_redirects(tpp, other, anna):
    link = await tpp.link("none")
    pushed = parse_qs(urlsplit(link).query)["request_uri"][0]
    foreign = urlencode({"client_id": other.client_id, "request_uri": pushed})
    unknown = urlencode({"client_id": tpp.client_id, "request_uri": pushed[:-1] + "x"})
    fetched = urlencode({"client_id": tpp.client_id, "request_uri": "https://leafy.example/request.jwt"})
    for query in (foreign, unknown, fetched):
        page = await anna.http.get("/oauth/authorize?" + query)
        assert (page.status_code, "invalid_request_uri" in page.text) == (400, True)
    with clock.stopped_at(clock.now() + timedelta(seconds=GREEN.policy.pushed_seconds)):
        assert (await anna.http.get(link)).status_code == 400
    assert GREEN.policy.pushed_seconds < 600


async def test_ensure_unsigned_authorization_request_without_using_par_fails(tpp, anna, services):
    consent = await ask(services, GREEN, tpp.client_id)
    response = await anna.http.get("/oauth/authorize?" + urlencode(tpp.request(consent.id)))
    assert response.status_code == 303
    told = parse_qs(urlsplit(response.headers["location"]).query)
    assert (told["error"], told["state"], told["iss"]) == (["invalid_request"], ["state-1"], [GREEN.issuer])


async def test_errors_go_to_the_redirect_uri_only_when_it_is_registered(old_tpp, old_anna):
    for wrong in ({"redirect_uri": "https://evil.example/"}, {"redirect_uri": None}, {"client_id": "nobody"}):
        page = await old_anna.http.get("/oauth/authorize?" + urlencode(old_tpp.request("x", **wrong)))
        assert (page.status_code, "location" in page.headers) == (400, False), wrong


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": 'co"de\n'}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_the_issuer_is_named_in_error_answers_too(old_tpp, old_anna, wrong, error):
    response = await old_anna.http.get("/oauth/authorize?" + urlencode(old_tpp.request("x", **wrong)))
    assert response.status_code == 303
    told = parse_qs(urlsplit(response.headers["location"]).query)
    assert (told["error"], told["iss"], told["state"]) == ([error], [OLD.issuer], ["state-1"])


async def test_a_request_with_a_parameter_twice_ends_on_a_page(old_tpp, old_anna):
    query = urlencode(old_tpp.request("x")) + "&state=other"
    assert (await old_anna.http.get("/oauth/authorize?" + query)).status_code == 400


async def test_user_rejects_authentication(tpp, anna, services):
    consent = await ask(services, GREEN, tpp.client_id)
    page = await anna.logs_in(await anna.opens(await tpp.link(consent.id)))
    page = await anna.presses(page, "Refuse")
    answer = await anna.goes_back(page)
    assert answer == {"error": "access_denied", "state": "state-1", "iss": GREEN.issuer}
    refused = await services.consents.find(GREEN.slug, consent.id)
    assert (refused.state, refused.customer_id) == ("Rejected", "c-anna")


@pytest.mark.parametrize("state", ["s" * 1024, "blank and ümlaut & = # %", "<script>"])
async def test_ensure_authorization_request_with_long_state(tpp, anna, services, state):
    consent = await ask(services, GREEN, tpp.client_id)
    assert (await anna.approves(await tpp.link(consent.id, state=state)))["state"] == state


async def test_ensure_authorization_request_with_long_nonce(tpp, anna, services):
    consent = await ask(services, GREEN, tpp.client_id)
    assert "code" in await anna.approves(await tpp.link(consent.id, nonce="n" * 1024))


async def test_a_redirect_uri_keeps_its_own_query_untouched(services, tpp, anna):
    own = "https://leafy.example/cb?tenant=a%20b"
    await tpp.registered(services, redirect_uris=frozenset({own}))
    consent = await ask(services, GREEN, tpp.client_id)
    page = await anna.to_code(await tpp.link(consent.id, redirect_uri=own))
    page = await anna.presses(page, "Approve", code=await anna.code_in_app())
    back = await anna.http.get(page.url.path + "/return")
    assert back.headers["location"].startswith(own + "&code=")


async def test_no_redirect_of_the_server_repeats_a_post(tpp, anna, services):
    consent = await ask(services, GREEN, tpp.client_id)
    page = await anna.to_code(await tpp.link(consent.id))
    page = await anna.presses(page, "Approve", code=await anna.code_in_app())
    assert {response.status_code for response in page.history} == {303}


async def test_a_code_of_a_request_that_was_not_pushed_works_where_the_bank_allows_it(old_tpp, old_anna, services):
    consent = await ask(services, OLD, old_tpp.client_id)
    answer = await old_anna.approves("/oauth/authorize?" + urlencode(old_tpp.request(consent.id)))
    assert answer["iss"] == OLD.issuer
    assert (await old_tpp.redeem(answer["code"])).status_code == 200
    assert s256(old_tpp.verifier)
