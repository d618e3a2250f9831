"""A page behind a proxy that lets no websocket through: it is live all the same, and says what the proxy lacks."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from tests.browser.conftest import Author, Desk, Visit, signed_in
from tests.faults.system.proxy import Direction, Fate, Proxy

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCRIPTS = "ไม่มีวันดับ 永不熄灭 \U0001f6a8"
SERIOUS = {"runOnly": ["wcag2a", "wcag2aa"]}


def no_upgrade(direction: Direction, data: bytes) -> Fate:
    return "cut" if direction == "up" and b"\r\nupgrade: websocket\r\n" in data.lower() else "pass"


async def test_page_without_a_websocket_is_live_by_other_means_and_says_what_the_proxy_lacks(
    far: Visit, author: Author, proxy: Proxy
) -> None:
    proxy.rule = no_upgrade
    far.forgives += ["WebSocket", "ERR_", "EventSource"]
    desk = Desk(author, await author.new_project(owner=far.name))
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=f"A lamp. {SCRIPTS} ")
    page = await far.open(desk.address)
    live, text = page.locator("[data-live]"), page.locator("[data-document]")
    await expect(live).to_have_attribute("data-connection", "open")
    note = page.locator("[data-fallback]")
    await expect(note).to_contain_text("was never open")
    await expect(note).to_contain_text("proxy_set_header Upgrade $http_upgrade;")
    await expect(note).not_to_contain_text("PUBLIC_URL")
    assert (await Axe().run(page, options=SERIOUS)).violations_count == 0
    await desk.write(text="Written later. ")
    await expect(text).to_contain_text("Written later.")
    await expect(page.locator('[data-field="pill"]')).to_have_text("Writing")
    await note.get_by_role("button", name="Close").click()
    await expect(note).to_have_count(0)

    proxy.cut()
    await desk.write(text="And once more.")
    await expect(text).to_contain_text("And once more.")
    await desk.end_section(position=0)
    await desk.finish()
    await expect(page.locator('[data-field="pill"]')).to_have_text("Complete")
    assert (await text.inner_text()).count("A lamp.") == 1
    await expect(page.locator("[data-line]")).to_be_hidden()


async def test_reader_by_a_link_has_it_too(browser: Browser, author: Author, proxy: Proxy) -> None:
    proxy.rule = no_upgrade
    owner = await author.visitor(name="owner of a shared lamp")
    assert owner
    desk = Desk(author, await author.new_project(owner="owner of a shared lamp"))
    await desk.start_claimed(names=["Purpose"])
    shared = await author.share(artifact=desk.artifact)
    async with signed_in(browser, f"http://127.0.0.1:{proxy.port}", author, "reader of a lamp") as visit:
        visit.forgives += ["WebSocket", "ERR_"]
        await visit.context.clear_cookies()
        page = await visit.open(shared["address"])
        await expect(page.locator("[data-fallback]")).to_be_visible()
        await desk.write(text="Seen by who has the link.")
        await expect(page.locator("[data-document]")).to_contain_text("Seen by who has the link.")
