"""The live page in a real browser: what a reader sees while a document is written, interrupted, and taken up again."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Desk, House, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAMP = "A lamp that *never* goes out, and `oil` for a week.\n\n"
LISTS = "- oil\n- a wick\n  1. cotton\n  2. more cotton\n\n| What | How much |\n|---|---:|\n| oil | 3 l |\n\n"
CODE = "```python\ndef light(lamp):\n    return lamp.oil > 0\n```\n\nSee [the harbour][h].\n\n"
LATE = "[h]: https://example.org/harbour\n\nAnd so on."


def paragraphs(first: int, count: int) -> str:
    return "".join(
        f"Paragraph {number} says what it has to say about lamps and oil.\n\n" for number in range(first, first + count)
    )


def start_form(page: Page) -> Locator:
    return page.get_by_role("region", name="Nothing is written yet")


def pill(page: Page) -> Locator:
    return page.locator('[data-field="pill"]')


async def words(page: Page) -> str:
    """The text of the document as it is shown, white space aside."""
    return " ".join((await page.locator("[data-document]").inner_text()).split())


async def rendered_anew(visit: Visit, address: str) -> str:
    """What the server renders of the document now; the stricter twin of `words`, because no script touched it."""
    html = await (await visit.context.request.get(address)).text()
    page = await visit.context.new_page()
    await page.set_content(re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL))
    text = await words(page)
    await page.close()
    return text


# Watching


async def test_document_started_by_the_button_is_watched_to_its_end(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    await start_form(page).get_by_label("Instructions").fill("Short, please.")
    await start_form(page).get_by_text("Model and plan").click()
    await start_form(page).get_by_label("Your own plan").fill("Oil")
    await page.get_by_role("button", name="Start writing").click()
    await expect(pill(page)).to_have_text("Writing")
    await expect(page.locator('[data-field="speed"]')).to_have_text(re.compile(r"^[1-9]"))
    await expect(page.get_by_role("button", name="Start writing")).to_be_hidden()
    await expect(pill(page)).to_have_text("Complete", timeout=30_000)
    await expect(page.locator('[data-field="sections"]')).to_have_text("1 of 1")
    await expect(page.locator("[data-sections] a[href='#doc-oil']")).to_be_visible()
    assert await page.title() == "Done · Project brief · Lighthouse – streamgen"
    assert (await words(page)).startswith("Oil ")
    assert await words(page) == await rendered_anew(visit, desk.address)


async def test_page_that_watched_equals_the_page_rendered_anew(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    await desk.start(names=["Purpose", "Dangers"])
    text = "## Purpose\n\n" + LAMP + LISTS
    for cut in range(0, len(text), 40):
        await desk.write(text=text[cut : cut + 40])
    await expect(page.locator("[data-document] td").last).to_have_text("3 l")
    await desk.end_section(position=0, text="\n\n## Dangers\n\n")
    await desk.begin(position=1)
    await expect(page.locator('[data-field="now"]')).to_have_text("Dangers")
    await desk.write(text=CODE)
    await expect(page.locator("[data-document] pre")).to_contain_text("return lamp.oil")
    await desk.end_section(position=1, text=LATE)
    await desk.complete()
    await expect(pill(page)).to_have_text("Complete")
    await expect(page.get_by_role("link", name="the harbour")).to_have_attribute("href", "https://example.org/harbour")
    assert await words(page) == await rendered_anew(visit, desk.address)
    await expect(page.locator("[data-sections] > li[data-status=complete]")).to_have_count(2)


async def test_reload_midway_goes_on_where_it_was(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    await desk.write(text="## Purpose\n\n" + LAMP)
    page = await visit.open(desk.address)
    await page.reload()
    await expect(page.locator("[data-document] em")).to_have_text("never")
    await desk.write(text="Written after the reload.")
    await expect(page.locator("[data-document]")).to_contain_text("Written after the reload.")
    assert (await words(page)).count("A lamp") == 1


async def test_two_viewers_see_the_same_and_the_same_buttons(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    one, two = await visit.open(desk.address), await visit.open(desk.address)
    await desk.write(text="## Purpose\n\n" + LAMP + LISTS)
    for page in (one, two):
        await expect(page.locator("[data-document] td").last).to_have_text("3 l")
    await desk.stop(reason="user")
    for page in (one, two):
        await expect(pill(page)).to_have_text("Paused")
        await expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    assert await words(one) == await words(two) == await rendered_anew(visit, desk.address)


async def test_document_written_anew_replaces_the_old_one_and_keeps_it_as_a_version(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    await desk.write(text="The first text.")
    page = await visit.open(desk.address)
    await expect(page.locator("[data-document]")).to_contain_text("The first text.")
    await desk.stop(reason="user")
    await desk.regenerate(names=["Purpose", "Price"])
    await desk.write(text="The second text.")
    await expect(page.locator("[data-document]")).to_have_text("The second text.")
    await expect(page.locator("[data-sections] > li")).to_have_count(2)
    await page.get_by_role("link", name="Version 1").click()
    await expect(page.locator(".prose")).to_have_text("The first text.")


# The reader's place


@pytest.mark.parametrize("visit", [{"reduced_motion": "no-preference"}], indirect=True)
async def test_page_follows_the_end_until_the_reader_scrolls_up(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    await desk.write(text=paragraphs(1, 40))
    page = await visit.open(desk.address)
    await expect(page.get_by_text("Paragraph 40 ")).to_be_in_viewport()
    await desk.write(text=paragraphs(41, 10))
    await expect(page.get_by_text("Paragraph 50 ")).to_be_in_viewport()
    jump = page.get_by_role("button", name="Jump to live")
    await expect(jump).to_be_hidden()
    await page.mouse.move(600, 400)
    await page.mouse.wheel(0, -1500)
    await expect(jump).to_be_visible()
    await page.evaluate("scrollTo({top: 300, behavior: 'instant'})")
    await desk.write(text=paragraphs(51, 10))
    await expect(page.get_by_text("Paragraph 60 ")).to_have_count(1)
    assert await page.evaluate("scrollY") == 300
    await jump.click()
    await expect(page.get_by_text("Paragraph 60 ")).to_be_in_viewport()
    await desk.write(text=paragraphs(61, 10))
    await expect(page.get_by_text("Paragraph 70 ")).to_be_in_viewport()


SELECT = """(words) => {
    const walker = document.createTreeWalker(document.querySelector("[data-document]"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const at = node.data.indexOf(words);
        if (at >= 0) return getSelection().setBaseAndExtent(node, at, node, at + words.length);
    }
    throw new Error("not found");
}"""


async def test_selection_survives_while_its_own_paragraph_grows_and_settles(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    await desk.write(text="First one.\n\nA lamp that never")
    page = await visit.open(desk.address)
    await expect(page.locator("[data-tail]")).to_contain_text("that never")
    await page.evaluate(SELECT, "lamp that")
    for more in (" goes out", ", and **oil** for", " a week.\n\nNext", " one.\n\nAnd the last", " one.\n\n"):
        await desk.write(text=more)
        await expect(page.locator("[data-document]")).to_contain_text(
            more.split("\n\n")[-1].strip(" ,.").split("** ")[-1]
        )
        assert await page.evaluate("getSelection().toString()") == "lamp that"
    await expect(page.locator("[data-tail]")).not_to_contain_text("a week")  # it has settled meanwhile


async def test_selecting_text_stops_the_page_from_running_away(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    await desk.write(text=paragraphs(1, 40))
    page = await visit.open(desk.address)
    await expect(page.get_by_text("Paragraph 40 ")).to_be_in_viewport()
    await page.get_by_text("Paragraph 39 ").dblclick()
    top = await page.evaluate("scrollY")
    await desk.write(text=paragraphs(41, 20))
    await expect(page.get_by_role("button", name="Jump to live")).to_be_visible()
    assert await page.evaluate("scrollY") == top


async def test_outline_marks_where_the_reader_is(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose", "Dangers"])
    await desk.write(text="## Purpose\n\n" + paragraphs(1, 20) + "### Oil\n\n" + paragraphs(21, 20))
    page = await visit.open(desk.address)
    outline = page.locator("[data-sections]")
    await expect(outline.get_by_role("link", name="Oil")).to_have_attribute("aria-current", "location")
    await outline.get_by_role("link", name="Purpose").click()
    await expect(outline.get_by_role("link", name="Purpose")).to_have_attribute("aria-current", "location")
    await expect(page.get_by_role("heading", name="Purpose")).to_be_in_viewport()


# Commands


async def test_cancel_asks_first_and_keeps_every_word(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    await page.get_by_role("button", name="Start writing").click()
    await expect(page.locator("[data-document] p").first).to_be_visible()
    dialog = page.get_by_role("dialog", name="Cancel this document?")
    await page.get_by_role("button", name="Cancel").click()
    await expect(dialog.get_by_role("button", name="Keep writing")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    assert (await desk.look())["status"] == "streaming"
    await page.keyboard.press("c")
    await dialog.get_by_role("button", name="Cancel the document").click()
    await expect(pill(page)).to_have_text("Cancelled")
    row = await desk.look()
    assert row["status"] == "cancelled"
    assert row["text"].startswith("## Summary")
    assert await words(page) == await rendered_anew(visit, desk.address)


async def test_keyboard_pauses_and_resumes_but_not_while_somebody_types(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    await start_form(page).get_by_label("Instructions").press_sequentially("cp?")
    await expect(start_form(page).get_by_label("Instructions")).to_have_value("cp?")
    await page.get_by_role("button", name="Start writing").click()
    await expect(page.locator("[data-document] p").first).to_be_visible()
    await page.keyboard.press("p")
    await expect(pill(page)).to_have_text("Paused")
    await page.keyboard.press("p")
    await expect(pill(page)).to_have_text("Writing")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await page.get_by_label("Single-key shortcuts").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("p")
    await page.keyboard.press("c")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert (await desk.look())["asked"] == ""


async def test_refused_start_says_so_beside_the_field(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    await start_form(page).get_by_text("Model and plan").click()
    await start_form(page).get_by_label("Your own plan").fill("x" * 121)
    visit.forgives.append("422")
    await page.get_by_role("button", name="Start writing").click()
    await expect(start_form(page).get_by_label("Your own plan")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator('[data-error="plan"]').first).to_contain_text("120 characters")


async def test_regenerating_by_the_dialog_starts_a_new_epoch(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nThe first text.")
    await desk.complete()
    page = await visit.open(desk.address)
    await page.get_by_role("button", name="Regenerate").click()
    await page.get_by_role("dialog", name="Write it anew?").get_by_role("button", name="Write anew").click()
    await expect(pill(page)).to_have_text("Writing")
    await expect(page.locator("[data-document]")).not_to_contain_text("The first text.")
    assert (await desk.look())["epoch"] == 2


# Trouble


async def test_server_killed_and_back_is_healed_by_the_page_itself(visit: Visit, desk: Desk, house: House) -> None:
    visit.forgives.append("WebSocket connection to")
    await desk.start(names=["Purpose"])
    await desk.write(text=LAMP)
    page = await visit.open(desk.address)
    await expect(page.locator("[data-document] em")).to_have_text("never")
    house.close(signal.SIGKILL)
    await expect(page.get_by_text("Connection lost")).to_be_visible()
    await expect(page.locator("[data-document] em")).to_be_visible()
    await desk.write(text="Written while the server was away. ")
    house.open()
    await expect(page.locator("[data-document]")).to_contain_text("Written while the server was away.")
    await expect(page.get_by_text("Connection lost")).to_be_hidden()
    await desk.write(text="Written after it came back.")
    await expect(page.locator("[data-document]")).to_contain_text("Written after it came back.")
    assert (await words(page)).count("A lamp") == 1


async def test_page_says_why_a_document_waits_or_stopped(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    page = await visit.open(desk.address)
    await desk.wait(detail="Waiting 8 s: rate limited, attempt 2 of 6.")
    await expect(pill(page)).to_have_text("Waiting")
    detail = page.locator('[data-field="detail"]')
    await expect(detail).to_have_text("Waiting 8 s: rate limited, attempt 2 of 6.")
    await desk.write(text=LAMP)
    await expect(detail).to_be_hidden()
    await desk.stop(reason="auth", detail="401 from <b>the endpoint</b>.")
    await expect(detail).to_have_text("401 from <b>the endpoint</b>.")
    await expect(page.locator("[data-end]")).to_contain_text("refused the key")
    await expect(page.get_by_role("button", name="Resume here")).to_be_visible()


async def test_deleted_document_is_told_and_stays_readable(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    await desk.write(text=LAMP)
    page = await visit.open(desk.address)
    await expect(page.locator("[data-document] em")).to_have_text("never")
    await desk.delete()
    await expect(page.locator("[data-line]")).to_have_text(re.compile("was deleted"))
    await expect(page.locator("[data-document] em")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause")).to_be_hidden()


async def test_signed_out_reader_is_asked_to_sign_in_again(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose"])
    page = await visit.open(desk.address)
    other = await visit.open("/")
    await other.get_by_role("button", name="Sign out").click()
    sign_in = page.locator("[data-line]").get_by_role("link", name="Sign in")
    await expect(sign_in).to_be_visible()
    await sign_in.click()
    await expect(page).to_have_url(re.compile(rf"/sign-in/\?next={desk.address}"))


# Taking it away


async def test_document_is_copied_and_downloaded(visit: Visit, desk: Desk) -> None:
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await desk.start(names=["Purpose"])
    text = "## Purpose\n\n" + LAMP + LISTS
    await desk.end_section(position=0, text=text)
    await desk.complete()
    page = await visit.open(desk.address)
    await (
        page.locator("summary", has=page.locator("text=Copy")).or_(page.get_by_label("Copy and download")).first.click()
    )
    await page.get_by_role("button", name="Copy as Markdown").click()
    await expect(page.get_by_text("Copied.")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == text
    await page.get_by_label("Copy and download").click()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download HTML").click()
    file = await download.value
    assert file.suggested_filename == "lighthouse-project-brief.html"
    exported = await visit.context.new_page()
    html = await asyncio.to_thread(Path(await file.path()).read_text, encoding="utf-8")
    await exported.set_content(html)
    await expect(exported.locator("em")).to_have_text("never")


# Other pages


async def test_project_page_keeps_its_statuses_live(visit: Visit, desk: Desk) -> None:
    await desk.start(names=["Purpose", "Dangers"])
    page = await visit.open(f"/projects/{desk.project}/")
    row = page.locator(f'[data-artifact="{desk.artifact}"]')
    await expect(row).to_contain_text("0 of 2 sections")
    await desk.end_section(position=0, text="Text.")
    await expect(row).to_contain_text("1 of 2 sections")
    await desk.stop(reason="user")
    await expect(row.locator(".pill")).to_have_text("Paused")


async def test_screen_reader_hears_sections_and_statuses_not_words(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    await page.evaluate("""() => {
        window.heard = [];
        const place = document.querySelector("[data-announce]");
        new MutationObserver(() => window.heard.push(place.textContent)).observe(place, {childList: true});
    }""")
    await desk.start(names=["Purpose", "Dangers"])
    for word in LAMP.split():
        await desk.write(text=f"{word} ")
    await desk.end_section(position=0)
    await desk.begin(position=1)
    await expect(page.locator('[data-field="now"]')).to_have_text("Dangers")
    await desk.end_section(position=1, text="Fire.")
    await desk.complete()
    await expect(pill(page)).to_have_text("Complete")
    heard = await page.evaluate("window.heard")
    assert heard[-1] == "Complete."
    assert any("Section 2 of 2: Dangers" in said for said in heard)
    assert len(heard) <= 4
    assert await page.locator("[aria-live] [data-document], [role=status] [data-document]").count() == 0
