"""A real browser without JavaScript: from a third party's link through the bank and back."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import uvicorn
from starlette.responses import HTMLResponse

from backend.emulator.oauth.app import create_oauth_app
from backend.emulator.oauth.services import OAuthServices
from tests.backend.emulator.oauth.world import PASSWORD, PASSWORDS, ThirdParty, ask, bank

playwright = pytest.importorskip("playwright.async_api")
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="There is no chromium here")


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[object]:
    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def serving(app, listening):
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listening]))  # who knocks too early waits in the queue
    yield
    server.should_exit = True
    await running


@pytest.fixture
async def town(oauth_database, services, book):
    """Green Bank and a third party's site on one port, told apart by host name, as in the emulated world."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    green = bank(port=port)
    over = OAuthServices.over(oauth_database, services.keyed_hash, [green], book, passwords=PASSWORDS)
    banks, site = create_oauth_app(over), f"http://leafy.localhost:{port}"
    links: list[str] = []

    async def streets(scope, receive, send):
        if scope["type"] == "http" and dict(scope["headers"])[b"host"].startswith(b"leafy."):
            body = "".join(f'<a href="{link}">Connect Green Bank</a>' for link in links) or "no link"
            await HTMLResponse(body)(scope, receive, send)
        else:
            await banks(scope, receive, send)

    async with (
        serving(streets, listening),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"Host": f"{green.host}:{port}"}) as http,
    ):
        tpp = ThirdParty(http, green, "leafy")
        await tpp.registered(over, redirect_uris=frozenset({f"{site}/callback"}), may_introspect=True)
        yield {"services": over, "bank": green, "tpp": tpp, "site": site, "links": links}


@pytest.fixture
async def page(chromium):
    context = await chromium.new_context(java_script_enabled=False, locale="en-GB")
    yield await context.new_page()
    await context.close()


async def connect(town, page):
    """The person follows the third party's link and logs in at the bank."""
    consent = await ask(town["services"], town["bank"], "leafy")
    link = await town["tpp"].link(consent.id, redirect_uri=f"{town['site']}/callback")
    town["links"][:] = [town["bank"].issuer + link]
    await page.goto(town["site"])
    await page.get_by_role("link", name="Connect Green Bank").click()
    await log_in(page)
    return consent


async def log_in(page, password=PASSWORD):
    await page.get_by_label("User name").fill("anna")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


async def code_in_app(page, issuer):
    app = await page.context.new_page()
    await app.goto(f"{issuer}/app")
    await log_in(app)
    code = await app.locator(".big-code").inner_text()
    await app.close()
    return code


def answer_of(page):
    return dict(parse_qsl(urlsplit(page.url).query))


async def test_from_the_third_partys_link_to_its_callback_with_a_code_and_later_taken_back(town, page):
    tpp, issuer = town["tpp"], town["bank"].issuer
    await connect(town, page)
    await page.get_by_label("Everyday account").check()
    await page.get_by_label("Rainy days").check()
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("Code from the bank app").fill("12")
    await page.get_by_role("button", name="Approve").click()  # the browser itself says that this is no code
    await page.get_by_label("Code from the bank app").fill(await code_in_app(page, issuer))
    await page.get_by_role("button", name="Approve").click()
    await page.get_by_role("link", name="Go back to Leafy Insights").click()

    assert page.url.startswith(f"{town['site']}/callback?")
    answer = answer_of(page)
    assert (answer["state"], answer["iss"]) == ("state-1", issuer)
    token = (await tpp.redeem(answer["code"], redirect_uri=f"{town['site']}/callback")).json()["access_token"]
    assert await tpp.is_active(token)

    await page.goto(f"{issuer}/permissions")
    await log_in(page)
    await page.get_by_role("button", name="Take it back").click()
    await playwright.expect(page.get_by_text("Nobody may read your data")).to_be_visible()
    assert not await tpp.is_active(token)


async def test_refusing_returns_access_denied(town, page):
    await connect(town, page)
    await page.get_by_role("button", name="Refuse").click()
    await page.get_by_role("link", name="Go back to Leafy Insights").click()
    assert answer_of(page) == {"error": "access_denied", "state": "state-1", "iss": town["bank"].issuer}


async def test_a_wrong_password_and_a_wrong_code_are_told_and_can_be_mended(town, page):
    consent = await ask(town["services"], town["bank"], "leafy")
    await page.goto(town["bank"].issuer + await town["tpp"].link(consent.id, redirect_uri=f"{town['site']}/callback"))
    await log_in(page, "wrong")
    await playwright.expect(page.get_by_role("alert")).to_contain_text("That did not work")
    await log_in(page)
    await page.get_by_label("Rainy days").check()
    await page.get_by_role("button", name="Continue").click()
    code = await code_in_app(page, town["bank"].issuer)
    wrong = str((int(code.replace(" ", "")) + 1) % 10**6).zfill(6)
    await page.get_by_label("Code from the bank app").fill(wrong)
    await page.get_by_role("button", name="Approve").click()
    await playwright.expect(page.get_by_role("alert")).to_contain_text("4 tries left")
    await page.get_by_label("Code from the bank app").fill(code)
    await page.get_by_role("button", name="Approve").click()
    await playwright.expect(page.get_by_role("heading", name="You allowed it")).to_be_visible()


async def test_approve_and_refuse_weigh_the_same_and_every_target_can_be_touched(town, page):
    await connect(town, page)
    await page.get_by_label("Rainy days").check()
    await page.get_by_role("button", name="Continue").click()
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 800})
        approve = await look_of(page.get_by_role("button", name="Approve"))
        assert approve == await look_of(page.get_by_role("button", name="Refuse"))
        assert approve["height"] >= 44


async def look_of(button):
    return await button.evaluate(
        """button => {
            const style = getComputedStyle(button), box = button.getBoundingClientRect()
            return {width: box.width, height: box.height, top: box.top, color: style.color, font: style.font,
                    background: style.backgroundColor, border: style.border}
        }"""
    )


@pytest.mark.parametrize("width", [320, 1280])
async def test_no_page_scrolls_sideways(town, page, width):
    await page.set_viewport_size({"width": width, "height": 700})
    await connect(town, page)
    await page.get_by_label("Rainy days").check()
    await page.get_by_role("button", name="Continue").click()
    for path in (urlsplit(page.url).path, "/", "/app", "/permissions", "/nothing"):
        await page.goto(town["bank"].issuer + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path


async def test_the_whole_way_can_be_gone_with_the_keyboard(town, page):
    consent = await ask(town["services"], town["bank"], "leafy")
    await page.goto(town["bank"].issuer + await town["tpp"].link(consent.id, redirect_uri=f"{town['site']}/callback"))
    await page.get_by_label("User name").focus()
    for keys in ("anna", "Tab", PASSWORD, "Enter"):
        await (page.keyboard.press(keys) if keys in {"Tab", "Enter"} else page.keyboard.type(keys))
    await page.get_by_role("heading", name=re.compile("asks to read")).wait_for()
    await page.get_by_label("Everyday account").focus()
    for key in ("Space", "Tab", "Tab", "Tab", "Enter"):
        await page.keyboard.press(key)
    await playwright.expect(page.get_by_role("heading", name="Confirm with your bank app")).to_be_visible()
    code = await code_in_app(page, town["bank"].issuer)
    await page.get_by_label("Code from the bank app").focus()
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")
    await playwright.expect(page.get_by_role("heading", name="You allowed it")).to_be_visible()
