"""The page of a replay: it plays a document from any point to its end, and is readable without playing."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_reader_plays_a_document_from_a_place_of_their_choice_to_its_end(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    for number in range(4):
        await desk.write(text=f"Paragraph {number} about *oil* and 重要 😀.\n\n")
    await desk.cancel()
    page = await visit.open(desk.address)
    whole = await page.locator("[data-document]").inner_text()
    await page.locator("summary[aria-label=More]").click()
    await page.get_by_role("link", name="Replay how it was written").click()
    document, place = page.locator("[data-document]"), page.get_by_label("Place in the text")
    assert (await document.inner_text()).split() == whole.split()
    await expect(page.locator("[data-told]")).to_contain_text("characters")  # the page listens from now on

    await place.press("Home")
    await expect(page.locator("[data-told]")).to_contain_text("Paused")
    await expect(document).not_to_contain_text("Paragraph")
    await page.get_by_label("Speed").select_option("50")
    await page.get_by_role("button", name="Play").click()
    await expect(page.locator("[data-told]")).to_contain_text("The end")
    await expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert (await document.inner_text()).split() == whole.split()


async def test_address_that_says_how_fast_plays_by_itself_from_there(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text="".join(f"Paragraph {number}.\n\n" for number in range(60)))
    await desk.cancel()
    asked: list[str] = []
    page = await visit.open(desk.address)
    page.on("websocket", lambda socket: asked.append(socket.url))
    await page.goto(f"{page.url}replay/?replay=25&from=13")
    await expect(page.locator("[data-told]")).to_contain_text("The end")
    await expect(page.get_by_text("Paragraph 59.", exact=True)).to_be_in_viewport()
    await expect(page.get_by_label("Speed")).to_have_value("25")
    assert [one.partition("?")[2] for one in asked if "replay" in one] == ["format=html&replay=25&from=13"]
    asked.clear()
    await page.goto(f"{page.url.partition('?')[0]}?replay=fast")
    await expect(page.locator("[data-told]")).to_contain_text("characters")
    assert asked == []
