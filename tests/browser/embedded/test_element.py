"""`<streamgen-document>` in pages of other sites, by a read-only link: it grows, goes on, and trusts nobody."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Browser, BrowserContext, Page, WebSocketRoute, expect

from tests.browser.conftest import Desk, House

pytestmark = pytest.mark.asyncio(loop_scope="session")

FRAME = """<!doctype html><html lang="en"><title>Elsewhere</title>
<style>body {{ color: rgb(10, 60, 10); font: 17px serif }} article {{ display: none }} p {{ color: red }}</style>
<h1>Elsewhere</h1>
<script type="module" src="{origin}/element/js/streamgen-document.js"></script>
<streamgen-document src="{src}" {more}>Before anything came</streamgen-document>"""


async def elsewhere(context: BrowserContext, house: House, src: str, more: str = 'label="Our plans"') -> Page:
    """A page of another origin, which has no cookie of the server."""
    address = f"http://localhost:{house.port}/elsewhere"
    page = await context.new_page()
    html = FRAME.format(origin=house.origin, src=src, more=more)
    await page.route(address, lambda route: route.fulfill(body=html, content_type="text/html"))
    await page.goto(address)
    return page


async def link_to(desk: Desk, house: House) -> str:
    return f"{house.origin}{(await desk.share())['address']}{desk.artifact}/"


async def test_a_document_grows_in_a_page_of_another_site_that_has_a_link(
    desk: Desk, house: House, browser: Browser
) -> None:
    await desk.start_claimed(names=["Purpose", "Price"])
    opened: list[str] = []
    context = await browser.new_context(permissions=["local-network-access"])
    context.on("page", lambda page: page.on("websocket", lambda socket: opened.append(socket.url)))
    page = await elsewhere(context, house, await link_to(desk, house))
    shown = page.get_by_role("article", name="Our plans")
    await desk.write(text="## Purpose\n\nA **bright** lamp.\n\n")
    await expect(shown.get_by_role("heading", name="Purpose")).to_be_visible()
    await expect(shown).to_have_attribute("aria-busy", "true")
    await expect(shown.get_by_text("bright")).to_have_css("color", "rgb(10, 60, 10)")
    first = await shown.get_by_role("heading", name="Purpose").element_handle()
    await desk.end_section(position=0, text="It shines.")
    await desk.end_section(position=1, text="\n\n## Price\n\n```python\nprint(1)\n```\n")
    await desk.finish()
    await expect(page.locator("streamgen-document")).to_have_attribute("data-status", "complete")
    await expect(shown.get_by_role("heading")).to_have_text(["Purpose", "Price"])
    assert first is not None
    assert await first.evaluate("(node) => node.isConnected") is True
    assert "Before anything came" not in await shown.inner_text()
    assert len(opened) == 1
    await context.close()


async def test_the_text_goes_on_behind_its_end_after_the_server_was_away(
    desk: Desk, house: House, browser: Browser
) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text="## Purpose\n\nOne ")
    context = await browser.new_context(permissions=["local-network-access"])
    page = await elsewhere(context, house, await link_to(desk, house), 'format="text"')
    shown = page.get_by_role("article")
    await expect(shown).to_have_text("## Purpose\n\nOne ")
    asked: list[str] = []
    page.on("websocket", lambda socket: asked.append(socket.url))
    await asyncio.to_thread(house.close)
    await expect(page.get_by_role("status")).to_contain_text("Trying again")
    await desk.write(text="two 😀 ")
    await asyncio.to_thread(house.open)
    await expect(shown).to_have_text("## Purpose\n\nOne two 😀 ")
    assert any(re.search(r"epoch=1&offset=16$", address) for address in asked), asked
    await desk.end_section(position=0, text="three")
    await desk.finish()
    await expect(shown).to_have_text("## Purpose\n\nOne two 😀 three")
    await context.close()


async def test_where_no_websocket_opens_events_bring_the_same(desk: Desk, house: House, browser: Browser) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text="## Purpose\n\nOne.\n\n")
    context = await browser.new_context(permissions=["local-network-access"])

    async def refuse(socket: WebSocketRoute) -> None:
        await socket.close(code=1011)

    await context.route_web_socket(re.compile(r"/ws/"), refuse)
    page = await elsewhere(context, house, await link_to(desk, house))
    shown = page.get_by_role("article")
    await expect(shown).to_contain_text("One.")
    await desk.end_section(position=0, text="Two.")
    await desk.finish()
    await expect(shown).to_contain_text("Two.")
    await expect(page.locator("streamgen-document")).to_have_attribute("data-status", "complete")
    await context.close()


async def test_what_comes_is_cleaned_whatever_the_server_sends(house: House, browser: Browser) -> None:
    hostile = (
        '<p onclick="hit()">Kept <a href="javascript:hit()">one</a> <a href="https://example.org/">two</a></p>'
        "<img src=x onerror=hit()><script>hit()</script><iframe srcdoc='<script>parent.hit()</script>'></iframe>"
    )
    state = '{"status": "streaming", "sections": []}'
    context = await browser.new_context(permissions=["local-network-access"])

    async def answer(socket: WebSocketRoute) -> None:
        fragment = hostile.replace("\\", "\\\\").replace('"', '\\"')
        socket.send(
            f'{{"type": "snapshot", "v": 1, "artifact": 1, "epoch": 1, "seq": 1, "offset": 1, "state": {state}, '
            f'"fragments": ["{fragment}"], "tail": "{fragment}"}}'
        )

    await context.route_web_socket(re.compile(r"/ws/"), answer)
    page = await elsewhere(context, house, "https://docs.example.com/shared/secret/1/")
    await page.evaluate("window.hits = 0; window.hit = () => (window.hits += 1); null")
    shown = page.get_by_role("article")
    await expect(shown.get_by_text("Kept").first).to_be_visible()
    await shown.get_by_text("Kept").first.click()
    left = await page.locator("streamgen-document").evaluate(
        "(one) => one.shadowRoot.querySelector('article').innerHTML"
    )
    assert not re.search(r"onclick|onerror|javascript:|<script|<iframe", left)
    assert "https://example.org/" in left
    assert await page.evaluate("window.hits") == 0
    await context.close()


async def test_an_address_that_is_no_documents_is_said(house: House, browser: Browser) -> None:
    context = await browser.new_context(permissions=["local-network-access"])
    page = await elsewhere(context, house, f"{house.origin}/projects/1/")
    await expect(page.get_by_role("status")).to_contain_text("src must be the address of a document")
    await context.close()


async def test_it_shows_its_document_once_however_it_is_moved_and_another_one_in_its_place(
    desk: Desk, house: House, browser: Browser
) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text="## Purpose\n\nOne.\n\nTwo.\n\n")
    context = await browser.new_context(permissions=["local-network-access"])
    address = await link_to(desk, house)
    page = await elsewhere(context, house, address)
    shown = page.get_by_role("article")
    await expect(shown).to_contain_text("Two.")
    await page.evaluate("() => { window.one = document.querySelector('streamgen-document'); one.remove(); }")
    await page.evaluate("() => document.body.append(one)")
    await page.evaluate("() => document.querySelector('h1').after(one)")
    await desk.write(text="Three.\n\n")
    await expect(shown).to_contain_text("Three.")
    assert (await shown.inner_text()).count("One.") == 1
    await page.evaluate("(src) => one.setAttribute('src', src)", address.replace("/shared/", "/shared/not-"))
    await expect(page.get_by_role("status")).to_contain_text("There is no such document")
    assert "One." not in await shown.inner_text()
    assert await page.locator("streamgen-document").get_attribute("data-status") is None
    for nonsense in ("http://[", "", "nowhere"):
        await page.evaluate("(src) => one.setAttribute('src', src)", nonsense)
        await expect(page.get_by_role("status")).to_contain_text("src must be the address")
    await page.evaluate("(src) => one.setAttribute('src', src)", address)
    await expect(shown).to_contain_text("Three.")
    assert (await shown.inner_text()).count("Three.") == 1
    await page.evaluate("() => one.setAttribute('format', 'text')")
    await expect(shown).to_contain_text("## Purpose")
    await desk.end_section(position=0)
    await desk.finish()
    await expect(page.locator("streamgen-document")).to_have_attribute("data-status", "complete")
    assert (await shown.inner_text()).count("One.") == 1
    await context.close()


async def test_an_address_that_wants_a_session_is_said_to_need_a_link_elsewhere(
    desk: Desk, house: House, browser: Browser
) -> None:
    await desk.start_claimed(names=["Purpose"])
    context = await browser.new_context(permissions=["local-network-access"])
    page = await elsewhere(context, house, f"{house.origin}/artifacts/{desk.artifact}/")
    await expect(page.get_by_role("status")).to_contain_text("A read-only link to it would")
    await context.close()
