"""The live page in a real browser: what a reader sees while a document is written, interrupted, and taken up again."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest
from playwright.async_api import CDPSession, Locator, Page, WebSocketRoute, expect

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
    await desk.start_claimed(names=["Purpose", "Dangers"])
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
    await desk.finish()
    await expect(pill(page)).to_have_text("Complete")
    await expect(page.get_by_role("link", name="the harbour")).to_have_attribute("href", "https://example.org/harbour")
    assert await words(page) == await rendered_anew(visit, desk.address)
    await expect(page.locator("[data-sections] > li[data-status=complete]")).to_have_count(2)


async def test_reload_midway_goes_on_where_it_was(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text="## Purpose\n\n" + LAMP)
    page = await visit.open(desk.address)
    await page.reload()
    await expect(page.locator("[data-document] em")).to_have_text("never")
    await desk.write(text="Written after the reload.")
    await expect(page.locator("[data-document]")).to_contain_text("Written after the reload.")
    assert (await words(page)).count("A lamp") == 1


async def test_two_viewers_see_the_same_and_the_same_buttons(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
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
    await desk.start_claimed(names=["Purpose"])
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
    await desk.start_claimed(names=["Purpose"])
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
    await page.mouse.wheel(0, -1500)
    await expect(jump).to_be_visible()
    await page.keyboard.press("End")
    await expect(page.get_by_text("Paragraph 70 ")).to_be_in_viewport()
    await expect(jump).to_be_hidden()


@pytest.mark.parametrize("key", ["", "?"], ids=["reading", "behind a dialog"])
async def test_late_reference_moves_neither_the_reader_nor_any_other_fragment(
    visit: Visit, desk: Desk, key: str
) -> None:
    """What the browser does by itself is off: it does it most of the time only, and least on a busy machine."""
    await desk.start_claimed(names=["Purpose"])
    late = (
        "The way to " + "![a picture][h], " * 40 + "and on.\n\n"
    )  # a picture becomes longer when its address is known
    await desk.write(text="First of all.\n\n" + late + paragraphs(1, 40))
    page = await visit.open(desk.address)
    await expect(page.get_by_text("Paragraph 40 ")).to_be_in_viewport()
    await page.get_by_text("Paragraph 20 ").evaluate("(place) => place.scrollIntoView({block: 'center'})")
    await expect(page.get_by_role("button", name="Jump to live")).to_be_visible()
    await expect(page.locator(".fragment")).to_have_count(42)
    top = await page.get_by_text("Paragraph 20 ").evaluate(TOP)
    height = await page.get_by_text("The way to").evaluate("(element) => element.offsetHeight")
    await page.evaluate("document.querySelectorAll('.fragment').forEach((element) => { element.isOld = true; })")
    await page.evaluate(SELECT, "Paragraph 21")
    await page.evaluate("document.body.style.overflowAnchor = 'none'")
    if key:
        await page.keyboard.press(key)
        await expect(page.get_by_role("dialog")).to_be_visible()
    await desk.write(text="[h]: https://example.org/harbour\n\nThe last one.\n\n")
    await expect(page.get_by_text("The way to").get_by_role("link")).to_have_count(40)
    assert await page.get_by_text("The way to").evaluate("(element) => element.offsetHeight") != height
    assert abs(await page.get_by_text("Paragraph 20 ").evaluate(TOP) - top) < 2
    assert key or await page.evaluate("getSelection().toString()") == "Paragraph 21"
    assert await page.evaluate(NEW) == ["The last one."]


NEW = "[...document.querySelectorAll('.fragment')].flatMap((one) => one.isOld ? [] : [one.innerText])"
TOP = "(element) => element.getBoundingClientRect().top"
SELECT = """(words) => {
    const walker = document.createTreeWalker(document.querySelector("[data-document]"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const at = node.data.indexOf(words);
        if (at >= 0) return getSelection().setBaseAndExtent(node, at, node, at + words.length);
    }
    throw new Error("not found");
}"""


async def test_selection_survives_while_its_own_paragraph_grows_and_settles(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
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
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=paragraphs(1, 40))
    page = await visit.open(desk.address)
    await expect(page.get_by_text("Paragraph 40 ")).to_be_in_viewport()
    await page.get_by_text("Paragraph 39 ").dblclick()
    top = await page.evaluate("scrollY")
    await desk.write(text=paragraphs(41, 20))
    await expect(page.get_by_role("button", name="Jump to live")).to_be_visible()
    assert await page.evaluate("scrollY") == top


async def test_outline_marks_where_the_reader_is(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose", "Dangers"])
    await desk.write(text="## Purpose\n\n" + paragraphs(1, 20) + "### Oil\n\n" + paragraphs(21, 20))
    page = await visit.open(desk.address)
    outline = page.locator("[data-sections]")
    await expect(outline.get_by_role("link", name="Oil")).to_have_attribute("aria-current", "location")
    await desk.write(text="### Wicks\n\n" + paragraphs(41, 20))
    await expect(outline.get_by_role("link", name="Wicks")).to_have_attribute("aria-current", "location")
    await expect(outline.locator("[aria-current]")).to_have_count(1)
    await outline.get_by_role("link", name="Purpose").click()
    await expect(outline.get_by_role("link", name="Purpose")).to_have_attribute("aria-current", "location")
    await expect(page.get_by_role("heading", name="Purpose")).to_be_in_viewport()


# What an update costs


UPDATES = 12
FRAGMENT = "<p>A paragraph with <em>some</em> <code>marks</code> in it, long enough to be broken over lines.</p>"
WATCH = """() => {
    window.records = 0;
    const all = {childList: true, subtree: true, characterData: true, attributes: true};
    const count = new MutationObserver((seen) => { window.records += seen.length; });
    for (const part of document.querySelectorAll(".contents, [data-document]")) count.observe(part, all);
}"""
SIBLINGS = """() => Math.max(...[...document.querySelectorAll("[data-document], [data-document] *")]
    .map((element) => element.childElementCount))"""
PAINTED = "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


async def test_update_of_a_huge_document_costs_no_more_than_of_a_small_one(visit: Visit, desk: Desk) -> None:
    """Counted, not timed: changes of the DOM and layouts, for the same updates behind 20 and 2 000 fragments."""
    await desk.start_claimed(names=["Purpose"])
    costs = [await cost_of_updates(visit, desk, fragments) for fragments in (20, 2_000)]
    assert costs[0]["records"] == costs[1]["records"] > 0
    assert costs[1]["layouts"] <= costs[0]["layouts"] + 3
    assert costs[0]["layouts"] <= 2 * UPDATES
    assert costs[1]["siblings"] < 100  # a layout looks at each of them


async def cost_of_updates(visit: Visit, desk: Desk, fragments: int) -> dict[str, float]:
    lines: list[WebSocketRoute] = []
    page = await visit.context.new_page()
    await page.route_web_socket("**/ws/**", lambda line: lines.append(line))
    await page.goto(desk.address)
    await page.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
    (line,) = lines
    state = {"status": "streaming", "current_section": "Purpose", "sections_completed": 0, "sections_total": 1}
    state |= {
        "tokens_generated": 1,
        "cost": "0.0000",
        "cost_estimated": "0.0000",
        "last_error": "",
        "reason": "",
        "sections": [],
    }
    begun = {"epoch": 1, "seq": 1, "offset": 0, "state": state}
    line.send(json.dumps(begun | {"type": "snapshot", "fragments": [FRAGMENT] * fragments, "tail": "<p>And</p>"}))
    await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
    await page.evaluate(PAINTED)
    await page.evaluate(WATCH)
    counters = await visit.context.new_cdp_session(page)
    await counters.send("Performance.enable")
    before = await layouts(counters)
    for number in range(fragments, fragments + UPDATES):
        update = {"type": "preview", "epoch": 1, "seq": number, "offset": number, "from": number}
        line.send(json.dumps(update | {"fragments": [FRAGMENT], "tail": "<p>And</p>"}))
        await expect(page.locator(".fragment")).to_have_count(number + 1)
        await page.evaluate(PAINTED)
    cost = {"records": await page.evaluate("window.records"), "layouts": await layouts(counters) - before}
    cost["siblings"] = await page.evaluate(SIBLINGS)
    await page.close()
    return cost


async def layouts(counters: CDPSession) -> float:
    measured = (await counters.send("Performance.getMetrics"))["metrics"]
    return float(next(one["value"] for one in measured if one["name"] == "LayoutCount"))


@pytest.mark.parametrize("visit", [{"reduced_motion": "reduce"}], indirect=True)
async def test_nothing_moves_for_those_who_asked_for_calm(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=LAMP + "And")
    page = await visit.open(desk.address)
    await expect(page.locator("[data-tail]")).to_have_text("And")
    assert await page.evaluate("document.getAnimations().length") == 0
    await page.emulate_media(reduced_motion="no-preference")
    assert await page.evaluate("document.getAnimations().length") > 0  # the caret and the dots


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


async def test_command_that_nobody_answers_is_given_up_and_can_be_given_again(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await visit.open(desk.address)
    await page.route("**/pause/", lambda _: None)
    await page.evaluate("const patience = AbortSignal.timeout; AbortSignal.timeout = (ms) => patience(ms / 1000)")
    pause = page.get_by_role("button", name="Pause")
    await pause.click()
    await expect(page.get_by_text("The server does not answer.")).to_be_visible()
    await page.unroute("**/pause/")
    await page.evaluate("AbortSignal.timeout = () => new AbortController().signal")
    async with page.expect_response("**/pause/"):
        await pause.click()
    assert (await desk.look())["asked"] == "pause"


async def test_refused_start_says_so_beside_the_field(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    await start_form(page).get_by_text("Model and plan").click()
    await start_form(page).get_by_label("Your own plan").fill("x" * 121)
    visit.forgives.append("422")
    await page.get_by_role("button", name="Start writing").click()
    await expect(start_form(page).get_by_label("Your own plan")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator('[data-error="plan"]').first).to_contain_text("120 characters")


async def test_regenerating_by_the_dialog_starts_a_new_epoch(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nThe first text.")
    await desk.finish()
    page = await visit.open(desk.address)
    await page.get_by_role("button", name="Regenerate").click()
    await page.get_by_role("dialog", name="Write it anew?").get_by_role("button", name="Write anew").click()
    await expect(pill(page)).to_have_text("Writing")
    await expect(page.locator("[data-document]")).not_to_contain_text("The first text.")
    assert (await desk.look())["epoch"] == 2


# Trouble


async def test_server_killed_and_back_is_healed_by_the_page_itself(visit: Visit, desk: Desk, house: House) -> None:
    visit.forgives.append("WebSocket connection to")
    await desk.start_claimed(names=["Purpose"])
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
    await desk.start_claimed(names=["Purpose"])
    page = await visit.open(desk.address)
    await desk.wait(detail="Waiting 8 s: rate limited, attempt 2 of 6.")
    await expect(pill(page)).to_have_text("Waiting")
    notice = page.locator('[data-field="notice"]')
    await expect(notice).to_have_text(re.compile(r"^Trying again (in \d s|now): rate limited, attempt 2 of 6\.$"))
    await desk.wait(detail='waiting 8 s: rate limited, attempt 3. It says: "slow down."')
    await expect(notice).to_have_text(re.compile(r'attempt 3\. It says: "slow down\."$'))
    detail = page.locator('[data-field="detail"]')
    await desk.write(text=LAMP)
    await expect(detail).to_be_hidden()
    await desk.stop(reason="auth", detail="401 from <b>the endpoint</b>.")
    await expect(detail).to_have_text("401 from <b>the endpoint</b>.")
    await expect(page.locator("[data-end]")).to_contain_text("refused the key")
    await expect(page.get_by_role("button", name="Resume here")).to_be_visible()


async def test_deleted_document_is_told_and_stays_readable(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=LAMP)
    page = await visit.open(desk.address)
    await expect(page.locator("[data-document] em")).to_have_text("never")
    await desk.delete()
    await expect(page.locator("[data-line]")).to_have_text(re.compile("was deleted"))
    await expect(page.locator("[data-document] em")).to_be_visible()
    await expect(page.get_by_role("button", name="Pause")).to_be_hidden()


async def test_signed_out_reader_is_asked_to_sign_in_again(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await visit.open(desk.address)
    other = await visit.open("/")
    await other.get_by_role("button", name="Sign out").click()
    sign_in = page.locator("[data-line]").get_by_role("link", name="Sign in")
    await expect(sign_in).to_be_visible()
    await sign_in.click()
    await expect(page).to_have_url(re.compile(rf"/sign-in/\?next={desk.address}"))


# Taking it away


LOOK = """(element) => {
    const { color, backgroundColor, fontFamily, fontSize, lineHeight } = getComputedStyle(element);
    return { color, backgroundColor, fontFamily, fontSize, lineHeight };
}"""
COPIED = """async (html) => {
    const [item] = await navigator.clipboard.read();
    return item.types.includes("text/html") && (await (await item.getType("text/html")).text()).includes(html);
}"""


async def downloaded(page: Page, link: str) -> Path:
    """What the link of the menu saves, under its own name."""
    await page.get_by_label("Copy and download").click()
    async with page.expect_download() as download:
        await page.get_by_role("link", name=link).click()
    file = await download.value
    named = Path(await file.path()).with_name(file.suggested_filename)
    await file.save_as(named)
    return named


async def test_document_is_copied_and_downloaded(visit: Visit, desk: Desk) -> None:
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await desk.start_claimed(names=["Purpose"])
    text = "## Purpose\n\n" + LAMP + LISTS
    await desk.end_section(position=0, text=text)
    await desk.finish()
    page = await visit.open(desk.address)
    await (
        page.locator("summary", has=page.locator("text=Copy")).or_(page.get_by_label("Copy and download")).first.click()
    )
    await page.get_by_role("button", name="Copy as Markdown").click()
    await expect(page.get_by_text("Copied.")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == text
    await page.get_by_label("Copy and download").click()
    await page.get_by_role("button", name="Copy as formatted text").click()
    await expect(page.locator(".menu[open]")).to_have_count(0)
    await page.wait_for_function(COPIED, arg="<em>never</em>")
    markdown = await downloaded(page, "Download Markdown")
    assert markdown.name == "lighthouse-project-brief.md"
    assert await asyncio.to_thread(markdown.read_bytes) == text.encode()


@pytest.mark.parametrize("visit", [{"color_scheme": "dark"}], indirect=True)
async def test_downloaded_page_needs_nothing_else_and_looks_like_the_live_one(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\n" + LAMP + LISTS + CODE + LATE)
    await desk.finish()
    page = await visit.open(desk.address)
    file = await downloaded(page, "Download HTML")
    assert file.name == "lighthouse-project-brief.html"
    asked: list[str] = []
    exported = await visit.context.new_page()
    exported.on("request", lambda request: asked.append(request.url))
    await exported.goto(file.as_uri())
    assert asked == [file.as_uri()]
    await expect(exported.locator("script, link, img")).to_have_count(0)
    shown = await exported.locator(".prose").inner_text()
    assert " ".join(shown.split()) == await words(page)
    for place in ("html", ".prose em", ".prose pre", ".prose td", ".prose pre span"):
        here, there = [await one.locator(place).first.evaluate(LOOK) for one in (page, exported)]
        assert here == there, place


# Other pages


async def test_project_page_keeps_its_statuses_live(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose", "Dangers"])
    page = await visit.open(f"/projects/{desk.project}/")
    row = page.locator(f'[data-artifact="{desk.artifact}"]')
    await expect(row).to_contain_text("0 of 2 sections")
    await desk.end_section(position=0, text="Text.")
    await expect(row).to_contain_text("1 of 2 sections")
    await desk.stop(reason="user")
    await expect(row.locator(".pill")).to_have_text("Paused")
    await expect(row).to_contain_text("Stopped by hand.")


async def test_screen_reader_hears_sections_and_statuses_not_words(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    await page.evaluate("""() => {
        window.heard = [];
        const place = document.querySelector("[data-announce]");
        new MutationObserver(() => window.heard.push(place.textContent)).observe(place, {childList: true});
    }""")
    await desk.start_claimed(names=["Purpose", "Dangers"])
    for word in LAMP.split():
        await desk.write(text=f"{word} ")
    await desk.end_section(position=0)
    await desk.begin(position=1)
    await expect(page.locator('[data-field="now"]')).to_have_text("Dangers")
    await desk.end_section(position=1, text="Fire.")
    await desk.finish()
    await expect(pill(page)).to_have_text("Complete")
    heard = await page.evaluate("window.heard")
    assert heard[-1] == "Complete."
    assert any("Section 2 of 2: Dangers" in said for said in heard)
    assert len(heard) <= 4
    assert await page.locator("[aria-live] [data-document], [role=status] [data-document]").count() == 0
