"""The customers' pages without a browser: headers, forged forms, lock-out, the five minutes, decoupled approval."""

import asyncio
import dataclasses
import re
import time
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from backend.emulator.oauth.consents import State
from backend.emulator.oauth.customers import Customer, Passwords
from backend.emulator.oauth.lockouts import FAILURES_MAX
from backend.kernel import clock
from backend.kernel.errors import Misconfigured
from tests.backend.emulator.oauth.world import GREEN, PASSWORD, Person, ask, form_with


@pytest.fixture
async def consent(services, tpp):
    return await ask(services, GREEN, tpp.client_id)


@pytest.fixture
async def link(tpp, consent):
    return await tpp.link(consent.id)


def later(**duration):
    return clock.stopped_at(clock.now() + timedelta(**duration))


async def test_every_page_has_the_headers_that_keep_it_safe(anna, link):
    log_in = await anna.opens(link)
    review = await anna.logs_in(log_in)
    code = await anna.presses(review, "Continue", account="acc-1")
    pages = [log_in, review, code]
    pages += [await anna.opens(path) for path in ("/", "/app", "/permissions", "/nothing", "/oauth/authorize")]
    for page in (*pages, *review.history, *log_in.history):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script|style=|onclick|javascript:", page.text)


async def test_pages_tell_who_asks_for_what_for_which_purpose_and_until_when(anna, link, consent):
    page = await anna.logs_in(await anna.opens(link))
    for shown in (
        "Leafy Insights", consent.purpose, consent.valid_until.strftime("%-d %B %Y"), "Your balances",
        "Your transactions", "Everyday account", "•••• 5807", "Anna Virtanen",
    ):  # fmt: skip
        assert shown in page.text, shown
    assert "checked" not in page.text


async def test_what_third_parties_and_customers_write_is_shown_as_text(anna, tpp, services):
    await tpp.registered(services, name="<script>alert(1)</script>")
    hostile = await ask(services, GREEN, tpp.client_id, purpose='"><img src=x onerror=alert(1)>', permissions=["<b>"])
    page = await anna.logs_in(await anna.opens(await tpp.link(hostile.id)))
    assert "&lt;script&gt;" in page.text
    assert not re.search(r"<script|<img|<b>", page.text)


async def test_a_form_without_the_token_of_this_browser_and_journey_is_refused(anna, link, tpp, services, http_of):
    page = await anna.opens(link)
    action, hidden = form_with(page.text, "Log in")
    fields = {"user": "anna", "password": PASSWORD}
    someone = Person(await http_of(GREEN))
    await someone.opens(await tpp.link((await ask(services, GREEN, tpp.client_id)).id))
    _, foreign = form_with((await someone.opens("/app/log-in")).text, "Log in")
    for bad in ({}, {"csrf": ""}, {"csrf": "x"}, foreign):
        assert (await anna.http.post(action, data=fields | bad)).status_code == 403
    assert (await someone.http.post(action, data=fields | hidden)).status_code == 403
    cross = await anna.http.post(action, data=fields | hidden, headers={"Sec-Fetch-Site": "cross-site"})
    assert cross.status_code == 403
    assert (await anna.http.post(action, data=fields | hidden)).status_code == 303


async def test_a_journey_opens_only_in_the_browser_it_began_in(anna, link, http_of):
    page = await anna.opens(link)
    someone = Person(await http_of(GREEN))
    await someone.opens("/app/log-in")
    assert (await someone.http.get(page.url.path)).status_code == 410
    assert (await (await http_of(GREEN)).get(page.url.path)).status_code == 410
    assert (await anna.http.get("/approve/unknown")).status_code == 410


async def test_cookies_are_of_this_host_alone_and_out_of_reach_of_scripts(anna, link):
    response = await anna.http.get(link)
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain" not in cookie


async def test_a_host_without_a_bank_gets_nothing(tpp):
    for path in ("/", "/oauth/authorize", "/app", "/.well-known/oauth-authorization-server"):
        assert (await tpp.http.get(path, headers={"Host": "evil.example"})).status_code == 421
    assert (await tpp.http.post("/oauth/token", headers={"Host": "evil.example"})).json()["error"] == "invalid_request"


async def test_a_step_cannot_be_skipped_or_done_twice(anna, link):
    page = await anna.opens(link)
    path = page.url.path
    _, hidden = form_with(page.text, "Log in")
    for step, fields in (("accounts", {"account": "acc-1"}), ("code", {"code": "000000"}), ("accounts/again", {})):
        assert (await anna.http.post(f"{path}/{step}", data=hidden | fields)).status_code == 410, step
    assert (await anna.http.get(f"{path}/return")).status_code == 409
    page = await anna.logs_in(page)
    assert (await anna.http.post(f"{path}/log-in", data=hidden | {"user": "anna"})).status_code == 410
    assert (await anna.http.post(f"{path}/code", data=hidden | {"code": "000000"})).status_code == 410
    page = await anna.presses(page, "Continue", account="acc-1")
    page = await anna.presses(page, "Approve", code=await anna.code_in_app())
    await anna.goes_back(page)
    assert (await anna.http.get(f"{path}/return")).status_code == 410
    assert (await anna.http.get(path)).status_code == 410


async def test_only_the_customers_own_and_requested_accounts_can_be_chosen(anna, tpp, services):
    narrow = await ask(services, GREEN, tpp.client_id, requested_accounts=["acc-2", "acc-9"])
    page = await anna.logs_in(await anna.opens(await tpp.link(narrow.id)))
    assert "Rainy days" in page.text
    assert "Everyday" not in page.text
    for wrong in ([], ["acc-1"], ["acc-9"], ["acc-2", "acc-1"]):
        page = await anna.presses(page, "Continue", account=wrong)
        assert "Choose at least one account" in page.text
    page = await anna.presses(page, "Continue", account="acc-2")
    page = await anna.presses(page, "Approve", code=await anna.code_in_app())
    allowed = await services.consents.find(GREEN.slug, narrow.id)
    assert (allowed.state, allowed.accounts, allowed.customer_id) == (State.VALID, ("acc-2",), "c-anna")


async def test_a_code_is_good_for_the_accounts_it_was_made_for(anna, link):
    page = await anna.to_code(link, ["acc-1"])
    old = await anna.code_in_app()
    page = await anna.presses(page, "Choose other accounts")
    page = await anna.presses(page, "Continue", account=["acc-1", "acc-3"])
    assert await anna.code_in_app() != old
    page = await anna.presses(page, "Approve", code=old)
    assert "That is not the code. You have 4 tries left." in page.text


async def test_a_code_depends_on_the_accounts_and_the_consent_it_confirms(anna, link, services):
    page = await anna.to_code(link, ["acc-1"])
    journey = (await services.journeys.waiting(GREEN.slug, "c-anna", clock.now()))[0]
    assert services.journeys.is_code(journey, await anna.code_in_app())
    for changed in ({"accounts": ("acc-1", "acc-2")}, {"consent_id": "other"}, {"nonce": "other"}, {"id": "other"}):
        assert services.journeys.code(dataclasses.replace(journey, **changed)) != services.journeys.code(journey)
    assert page.status_code == 200


async def test_after_five_wrong_codes_the_right_one_fails_too(anna, link, consent, services, tpp):
    page = await anna.to_code(link)
    right = await anna.code_in_app()
    wrong = str((int(right) + 1) % 10**6).zfill(6)
    _, hidden = form_with(page.text, "Approve")
    for left in range(FAILURES_MAX - 1, 0, -1):
        page = await anna.presses(page, "Approve", code=wrong)
        assert ("one try" if left == 1 else f"{left} tries") in page.text
    page = await anna.presses(page, "Approve", code=wrong)
    assert "Nothing was shared" in page.text
    sixth = await anna.http.post(f"{page.url.path}/code", data=hidden | {"code": right})
    assert sixth.status_code == 410
    assert (await anna.goes_back(page))["error"] == "access_denied"
    assert (await services.consents.find(GREEN.slug, consent.id)).state is State.REJECTED
    # A new journey does not open the door …
    again = await anna.to_code(await tpp.link((await ask(services, GREEN, tpp.client_id)).id))
    page = await anna.presses(again, "Approve", code=await anna.code_in_app())
    assert "Nothing was shared" in page.text


async def test_many_codes_at_once_get_no_more_than_five_tries(anna, link, services):
    page = await anna.to_code(link)
    right = int(await anna.code_in_app())
    action, hidden = form_with(page.text, "Approve")
    guesses = [str((right + 1 + guess) % 10**6).zfill(6) for guess in range(19)] + [str(right).zfill(6)]
    await asyncio.gather(*(anna.http.post(action, data=hidden | {"code": guess}) for guess in guesses[:-1]))
    last = await anna.http.post(action, data=hidden | {"code": guesses[-1]})
    assert last.status_code == 410
    assert "Nothing was shared" in (await anna.http.get(page.url.path)).text


async def test_after_five_wrong_passwords_the_right_one_fails_for_a_while_that_doubles(anna, http_of):
    approvals = anna.http._transport.app.state.oauth.approvals[GREEN.slug]

    async def try_once(password, minutes):
        with later(minutes=minutes):
            return await approvals.log_in("anna", password)

    for _ in range(FAILURES_MAX):
        assert await try_once("wrong", 0) is None
    assert await try_once(PASSWORD, 0) is None
    assert await try_once(PASSWORD, 4) is None
    for _ in range(FAILURES_MAX):
        assert await try_once("wrong", 6) is None
    assert await try_once(PASSWORD, 6 + 9) is None
    assert (await try_once(PASSWORD, 6 + 11)).id == "c-anna"
    assert (await try_once(PASSWORD, 6 + 11)).id == "c-anna"


async def test_an_unknown_user_sees_what_a_known_one_with_a_wrong_password_sees(tpp, services, http_of):
    async def failures(user):
        person = Person(await http_of(GREEN), user=user, password="wrong")
        page = await person.opens(await tpp.link((await ask(services, GREEN, tpp.client_id)).id))
        texts = []
        for _ in range(FAILURES_MAX + 2):
            page = await person.logs_in(page)
            texts.append(re.sub(r'csrf" value="\w+"|/approve/\w+', "", page.text))
        return texts

    assert await failures("anna") == await failures("nobody")


async def test_an_unknown_user_takes_as_long_as_a_wrong_password():
    passwords = Passwords(PasswordHasher(time_cost=4, memory_cost=8192, parallelism=1))
    anna = Customer("c-anna", "Anna", passwords.hash(PASSWORD))

    async def fastest(customer):
        taken = []
        for _ in range(5):
            begun = time.perf_counter()
            assert not await passwords.matches(customer, "wrong")
            taken.append(time.perf_counter() - begun)
        return min(taken)

    known, unknown = await fastest(anna), await fastest(None)
    assert known / 3 < unknown < known * 3
    assert not await passwords.matches(None, "nobody has this password")


async def test_a_journey_dies_after_five_minutes_without_a_sign(anna, link):
    page = await anna.logs_in(await anna.opens(link))
    with later(minutes=4, seconds=59):
        assert (await anna.http.get(page.url.path)).status_code == 200
    with later(minutes=9, seconds=58):  # kept awake by the look before
        assert (await anna.http.get(page.url.path)).status_code == 200
    with later(minutes=14, seconds=58):
        gone = await anna.http.get(page.url.path)
        assert gone.status_code == 410
        assert "five minutes" in gone.text
        action, hidden = form_with(page.text, "Continue")
        assert (await anna.http.post(action, data=hidden | {"account": "acc-1"})).status_code == 410


async def test_a_log_in_of_the_app_dies_after_five_minutes_without_a_sign(anna):
    await anna.logs_in(await anna.opens("/app"))
    with later(minutes=4, seconds=59):
        assert "Hello, Anna" in (await anna.opens("/app")).text
    with later(minutes=9, seconds=59):
        assert "Log in" in (await anna.opens("/app")).text


async def test_the_app_the_permissions_and_a_journey_each_need_a_log_in_of_their_own(anna, link):
    await anna.logs_in(await anna.opens("/app"))
    for place in ("/permissions", link):
        assert "Log in" in (await anna.opens(place)).text
    app_cookie = anna.http.cookies["app"]
    anna.http.cookies.set("permissions", app_cookie, domain=GREEN.host)
    assert "Log in" in (await anna.opens("/permissions")).text


async def test_logging_out_ends_the_session(anna):
    page = await anna.logs_in(await anna.opens("/app"))
    cookie = anna.http.cookies["app"]
    await anna.presses(page, "Log out")
    anna.http.cookies.set("app", cookie, domain=GREEN.host)
    assert "Log in" in (await anna.opens("/app")).text


async def test_the_app_shows_a_customer_only_what_is_hers(anna, link, http_of):
    await anna.to_code(link)
    bert = Person(await http_of(GREEN), user="bert")
    assert "Nothing waits for you" in (await bert.logs_in(await bert.opens("/app"))).text


async def test_revoking_on_the_permissions_page_ends_every_token(tpp, granted, http_of, services):
    answer = await granted(tpp)
    tokens = (await tpp.redeem(answer["code"])).json()
    anna = Person(await http_of(GREEN))
    page = await anna.logs_in(await anna.opens("/permissions"))
    assert "Leafy Insights" in page.text
    assert "Never" not in page.text

    page = await anna.presses(page, "Take it back")

    assert "Nobody may read your data" in page.text
    assert "Taken back by the customer" in page.text
    assert not await tpp.is_active(tokens["access_token"])
    assert (await tpp.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await services.consents.find(GREEN.slug, answer["consent_id"])).state is State.REVOKED


async def test_nobody_takes_back_what_is_another_customers(tpp, granted, http_of):
    answer = await granted(tpp)
    tokens = (await tpp.redeem(answer["code"])).json()
    bert = Person(await http_of(GREEN), user="bert")
    page = await bert.logs_in(await bert.opens("/permissions"))
    _, hidden = form_with(page.text, "Log out")
    await bert.http.post(f"/permissions/{answer['consent_id']}/revoke", data=hidden)
    assert await tpp.is_active(tokens["access_token"])


@pytest.mark.parametrize(("button", "state"), [("Approve", State.VALID), ("Refuse", State.REJECTED)])
async def test_a_request_can_be_decided_in_the_bank_app_alone(anna, tpp, services, button, state):
    waiting = await ask(services, GREEN, tpp.client_id)
    approvals = services.approvals[GREEN.slug]
    assert await approvals.ask_in_app(waiting.id, "anna")
    page = await anna.logs_in(await anna.opens("/app"))
    if button == "Approve":
        assert "Choose at least one account" in (await anna.presses(page, "Approve")).text
    page = await anna.presses(page, button, account=["acc-1", "acc-2"] if button == "Approve" else [])
    assert "Nothing waits for you" in page.text
    decided = await services.consents.find(GREEN.slug, waiting.id)
    assert (decided.state, decided.customer_id) == (state, "c-anna")


async def test_a_request_in_the_app_is_gone_after_five_minutes_and_for_others(anna, tpp, services, http_of):
    waiting = await ask(services, GREEN, tpp.client_id)
    journey = await services.approvals[GREEN.slug].ask_in_app(waiting.id, "anna")
    bert = Person(await http_of(GREEN), user="bert")
    _, hidden = form_with((await bert.logs_in(await bert.opens("/app"))).text, "Log out")
    stolen = await bert.http.post(f"/app/requests/{journey}", data=hidden | {"decision": "allow", "account": "acc-1"})
    assert stolen.status_code == 410
    with later(minutes=5):
        assert "Nothing waits for you" in (await anna.logs_in(await anna.opens("/app"))).text
    assert await services.approvals[GREEN.slug].ask_in_app(waiting.id, "nobody") is None
    assert await services.approvals[GREEN.slug].ask_in_app("unknown", "anna") is None


async def test_a_consent_that_was_decided_elsewhere_meanwhile_cannot_be_approved(anna, link, consent, services):
    page = await anna.to_code(link)
    code = await anna.code_in_app()
    await services.consents.revoke(consent, reason="By the third party", now=clock.now())
    page = await anna.presses(page, "Approve", code=code)
    assert page.status_code == 409
    assert (await services.consents.find(GREEN.slug, consent.id)).state is State.REVOKED


def test_a_colour_that_is_none_never_reaches_the_style_sheet():
    with pytest.raises(Misconfigured):
        dataclasses.replace(GREEN, colour="red; } body { display: none")


async def test_every_bank_wears_its_own_colour(tpp):
    style = await tpp.http.get("/style.css")
    assert style.headers["content-type"].startswith("text/css")
    assert f"--brand: {GREEN.colour};" in style.text
