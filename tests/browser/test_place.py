"""The reader's place: whatever is opened, reloaded, gone back to or written above, the same words stay in place."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import FLAGS, WHOLE_CHROMIUM, Author, Desk, House, Visit, signed_in
from tests.browser.test_live_page import SELECT, TOP, paragraphs

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECTIONS = ("Purpose", "Dangers", "Price")
TEXT = "".join(f"## {name}\n\n{paragraphs(n * 40 + 1, 40)}" for n, name in enumerate(SECTIONS)) + "And the last"
NEAR_THE_TOP = "(heading) => { const { top } = heading.getBoundingClientRect(); return top >= 0 && top < 200; }"
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


async def settled(page: Page) -> None:
    """The first snapshot is applied, and what follows it in the next frames has happened."""
    await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
    await page.wait_for_load_state("load")
    await page.evaluate(FRAMES)
    await page.evaluate(FRAMES)


async def top_of(page: Page, words: str) -> float:
    """How far below the top of the window these words stand."""
    return float(await page.get_by_text(words).first.evaluate(TOP))


async def read_at(page: Page, words: str) -> float:
    """Scroll there as a reader does, and stop; how far below the top it stands then."""
    await page.get_by_text(words).first.evaluate("(place) => place.scrollIntoView({block: 'center'})")
    await page.evaluate(FRAMES)
    return await top_of(page, words)


async def is_at(page: Page, heading: str) -> bool:
    return bool(await page.locator(heading).evaluate(NEAR_THE_TOP))


@pytest_asyncio.fixture(loop_scope="session", params=["growing", "done"])
async def written(desk: Desk, request: pytest.FixtureRequest) -> Desk:
    await desk.start_claimed(names=[*SECTIONS, "Next"])
    if request.param == "done":
        await desk.end_section(position=0, text=TEXT)
        for position in (1, 2, 3):
            await desk.begin(position=position)
            await desk.end_section(position=position)
        await desk.finish()
    else:
        await desk.write(text=TEXT)
    return desk


async def grow(desk: Desk, page: Page, first: int) -> None:
    """More text, where the document still grows; it is shown when this returns."""
    if (await desk.look())["status"] == "streaming":
        await desk.write(text=f".\n\n{paragraphs(first, 20)}Now {first}")
        await expect(page.get_by_text(f"Now {first}", exact=True)).to_have_count(1)
        await page.evaluate(FRAMES)


async def test_link_to_a_section_opens_it_and_stays_there(visit: Visit, written: Desk) -> None:
    page = await visit.open(f"{written.address}#doc-dangers")
    await settled(page)
    assert await is_at(page, "#doc-dangers")
    await grow(written, page, 200)
    assert await is_at(page, "#doc-dangers")
    await page.reload()
    await settled(page)
    assert await is_at(page, "#doc-dangers")


async def test_what_scripts_add_above_a_place_does_not_move_it(visit: Visit, desk: Desk) -> None:
    """A picture is lower than the lines of its formula, and a button may be higher than a line of code."""
    above, below = (
        "".join(f"Paragraph {n}.\n\n```\nx = {n}\n```\n\n$$\nx_{{{n}}}\n$$\n\n" for n in range(first, first + 12))
        for first in (10, 40)
    )
    await desk.start_claimed(names=["One", "Two"])
    await desk.write(text=f"## One\n\n{above}## Two\n\n{below}The end")
    page = await visit.open(f"{desk.address}#doc-two")
    for _ in range(2):
        await settled(page)
        top = await page.locator("#doc-two").evaluate(TOP)
        for formula in ("x_{20}", "x_{21}", "x_{40}"):
            await expect(page.locator(".math[data-pictured]", has_text=formula)).to_be_attached()
        await expect(page.locator("pre .copy-code")).to_have_count(24)
        await page.evaluate(FRAMES)
        assert await is_at(page, "#doc-two")
        assert abs(await page.locator("#doc-two").evaluate(TOP) - top) < 2
        await page.reload()


async def test_reloading_keeps_the_place(visit: Visit, written: Desk) -> None:
    page = await visit.open(written.address)
    await settled(page)
    for words, more in (("Paragraph 20 ", 200), ("Paragraph 95 ", 300)):
        top = await read_at(page, words)
        await page.reload()
        await settled(page)
        assert abs(await top_of(page, words) - top) < 2
        await grow(written, page, more)
        assert abs(await top_of(page, words) - top) < 2


async def test_back_and_forward_keep_the_place(visit: Visit, written: Desk) -> None:
    page = await visit.open(f"{written.address}#doc-dangers")
    await settled(page)
    top = await read_at(page, "Paragraph 30 ")
    await leave(page)
    await grow_unseen(written)
    await page.go_back()
    await settled(page)
    assert abs(await top_of(page, "Paragraph 30 ") - top) < 2
    await page.go_forward()
    await page.go_back()
    await settled(page)
    assert abs(await top_of(page, "Paragraph 30 ") - top) < 2


async def leave(page: Page) -> None:
    """By the link to the project; a click of the mouse would scroll to it first."""
    await page.get_by_role("navigation", name="Breadcrumb").get_by_text("Lighthouse").evaluate("(link) => link.click()")
    await expect(page.locator("[data-project]")).to_be_visible()


async def grow_unseen(desk: Desk) -> None:
    if (await desk.look())["status"] == "streaming":
        await desk.write(text=f".\n\n{paragraphs(400, 30)}And on")


async def test_back_from_a_section_returns_to_where_its_link_was_pressed(visit: Visit, written: Desk) -> None:
    page = await visit.open(written.address)
    await settled(page)
    top = await read_at(page, "Paragraph 10 ")
    contents = page.get_by_role("navigation", name="Contents")
    await contents.get_by_role("link", name="Price").click()
    await page.evaluate(FRAMES)
    assert await is_at(page, "#doc-price")
    await grow(written, page, 200)
    assert await is_at(page, "#doc-price")
    await page.go_back()
    await page.evaluate(FRAMES)
    assert abs(await top_of(page, "Paragraph 10 ") - top) < 2
    await page.go_forward()
    await page.evaluate(FRAMES)
    assert await is_at(page, "#doc-price")


@pytest.mark.skipif(WHOLE_CHROMIUM is None, reason="chromium-headless-shell keeps no pages, and there is no chromium")
async def test_place_survives_where_the_browser_keeps_whole_pages(
    house: House, author: Author, browser: Browser
) -> None:
    """With the back-forward cache, which Playwright switches off otherwise: the page wakes with its old text."""
    keeping = await browser.browser_type.launch(
        executable_path=WHOLE_CHROMIUM, args=FLAGS, ignore_default_args=["--disable-back-forward-cache"]
    )
    async with signed_in(keeping, house.origin, author, "keeper") as visit:
        desk = Desk(author, await author.new_project(owner=visit.name))
        await desk.start_claimed(names=["Purpose"])
        await desk.write(text=TEXT)
        page = await visit.open(desk.address)
        await settled(page)
        top = await read_at(page, "Paragraph 30 ")
        await page.evaluate("window.isOld = true")
        await leave(page)
        await desk.write(text=f".\n\n{paragraphs(400, 30)}And on")
        await page.evaluate("history.back()")
        await expect(page.get_by_text("And on", exact=True)).to_have_count(1)
        assert await page.evaluate("window.isOld")
        assert abs(await top_of(page, "Paragraph 30 ") - top) < 2
        assert not visit.faults
    await keeping.close()


# Following


async def test_reloading_while_following_goes_on_following(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=TEXT)
    page = await visit.open(desk.address)
    await expect(page.get_by_text("And the last")).to_be_in_viewport()
    await desk.write(text=f".\n\n{paragraphs(200, 40)}And more")
    await page.reload()
    await expect(page.get_by_text("And more")).to_be_in_viewport()
    await desk.write(text=f".\n\n{paragraphs(300, 40)}The end")
    await expect(page.get_by_text("The end")).to_be_in_viewport()


async def test_link_into_the_last_screen_is_not_followed_away(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose", "Dangers"])
    await desk.write(text=f"## Purpose\n\n{paragraphs(1, 40)}## Dangers\n\nOne.")
    page = await visit.open(f"{desk.address}#doc-dangers")
    await settled(page)
    top = await page.locator("#doc-dangers").evaluate(TOP)
    await desk.write(text=f"\n\n{paragraphs(50, 40)}The end")
    await expect(page.get_by_text("The end")).to_have_count(1)
    await page.evaluate(FRAMES)
    assert abs(await page.locator("#doc-dangers").evaluate(TOP) - top) < 2
    await expect(page.get_by_role("button", name="Jump to live")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "address"),
    [("Dangers", "#doc-dangers"), ("Опасности", "#doc-%D0%BE%D0%BF%D0%B0%D1%81%D0%BD%D0%BE%D1%81%D1%82%D0%B8")],
)
async def test_link_to_a_section_that_is_not_written_yet_leads_there_once_it_is(
    visit: Visit, desk: Desk, name: str, address: str
) -> None:
    await desk.start_claimed(names=["Purpose", name])
    await desk.write(text=f"## Purpose\n\n{paragraphs(1, 40)}")
    page = await visit.open(desk.address + address)
    await expect(page.get_by_text("Paragraph 40 ")).to_be_in_viewport()
    await desk.write(text=f"## {name}\n\n{paragraphs(50, 60)}The end")
    await expect(page.get_by_text("The end")).to_have_count(1)
    await expect(page.get_by_role("heading", name=name)).to_be_in_viewport()
    await page.evaluate(FRAMES)
    assert await page.get_by_role("heading", name=name).evaluate(NEAR_THE_TOP)


async def test_reader_who_left_the_end_is_not_led_to_a_late_section(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose", "Dangers"])
    await desk.write(text=f"## Purpose\n\n{paragraphs(1, 40)}")
    page = await visit.open(f"{desk.address}#doc-dangers")
    await expect(page.get_by_text("Paragraph 40 ")).to_be_in_viewport()
    await page.mouse.wheel(0, -1500)
    await expect(page.get_by_role("button", name="Jump to live")).to_be_visible()
    top = await read_at(page, "Paragraph 10 ")
    await desk.write(text=f"## Dangers\n\n{paragraphs(50, 60)}The end")
    await expect(page.get_by_text("The end")).to_have_count(1)
    await page.evaluate(FRAMES)
    assert abs(await top_of(page, "Paragraph 10 ") - top) < 2


# What happens above and around


async def test_notice_below_the_text_does_not_hold_the_page(visit: Visit, desk: Desk) -> None:
    """Whoever reads the unsettled end, with a notice below it in view, stays while the text between them grows."""
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=f"{paragraphs(1, 40)}- point 1\n")
    page = await visit.open(f"{desk.address}#nowhere-yet")
    await settled(page)
    await desk.wait(detail="waiting 8 s: rate limited, attempt 2 of 6")
    await expect(page.locator("[data-end]")).to_be_in_viewport()
    await page.evaluate(SELECT, "point 1")  # whoever selects is reading
    await page.evaluate(FRAMES)
    top = await top_of(page, "point 1")
    await desk.write(text="".join(f"- point {number}\n" for number in range(2, 90)))
    await expect(page.get_by_text("point 80")).to_have_count(1)
    await page.evaluate(FRAMES)
    assert abs(await top_of(page, "point 1") - top) < 2


async def test_reader_inside_a_growing_table_stays_in_their_row(visit: Visit, desk: Desk) -> None:
    """The table is all tail, and later rows make its columns wider."""
    await desk.start_claimed(names=["Purpose"])
    rows = "".join(f"| {n} | lamps and oil, and what else a lamp needs to burn | row-{n} |\n" for n in range(200))
    await desk.write(text=f"| No | What | Name |\n|---|---|---|\n{rows}")
    page = await visit.open(desk.address)
    await expect(page.get_by_text("row-198")).to_be_in_viewport()
    await page.mouse.wheel(0, -3000)
    await expect(page.get_by_role("button", name="Jump to live")).to_be_visible()
    await page.get_by_text("row-100").evaluate("(row) => row.scrollIntoView({block: 'start'})")
    await page.evaluate("scrollBy(0, -innerHeight / 3)")
    await page.evaluate(FRAMES)
    top = await top_of(page, "row-100")
    wide = "| 201 | a-word-that-is-much-wider-than-all-before | a-name-that-is-wider-than-before |\n"
    await desk.write(text=wide + rows + rows)  # a large end is rendered again when it has grown by a part of itself
    await expect(page.get_by_text("a-name-that-is-wider-than-before")).to_have_count(1)
    await page.evaluate(FRAMES)
    assert abs(await top_of(page, "row-100") - top) < 2


async def test_hidden_tab_that_is_shown_again_has_not_moved(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=TEXT)
    page = await visit.open(desk.address)
    await settled(page)
    top = await read_at(page, "Paragraph 30 ")
    other = await visit.open("/")
    await other.bring_to_front()
    await desk.write(text=f".\n\n{paragraphs(200, 40)}The end")
    await expect(page.get_by_text("The end")).to_have_count(1)
    await page.bring_to_front()
    await page.evaluate(FRAMES)
    assert abs(await top_of(page, "Paragraph 30 ") - top) < 2


@pytest.mark.parametrize("widths", [(400, 800), (800, 400), (400, 500), (1500, 900), (900, 1500)])
async def test_changing_the_width_keeps_what_is_read_in_place(
    visit: Visit, desk: Desk, widths: tuple[int, int]
) -> None:
    before, after = widths
    await desk.start_claimed(names=["Purpose"])
    await desk.write(
        text="".join(f"No. {n} {'says what it has to say about lamps and oil. ' * 5}\n\n" for n in range(80))
    )
    page = await visit.context.new_page()
    await page.set_viewport_size({"width": before, "height": 700})
    await page.goto(f"{desk.address}#nowhere")
    await settled(page)
    await page.get_by_text("No. 50 ").evaluate("(place) => place.scrollIntoView({block: 'start'})")
    await page.evaluate("scrollBy(0, -innerHeight / 3)")
    await page.evaluate(FRAMES)
    top = await top_of(page, "No. 50 ")
    await page.set_viewport_size({"width": after, "height": 700})
    await page.evaluate(FRAMES)
    assert abs(await top_of(page, "No. 50 ") - top) < 150


async def test_place_in_a_document_of_a_megabyte(visit: Visit, desk: Desk) -> None:
    """It comes in several frames; none of them may take away what the page shows already."""
    await desk.start_claimed(names=["Purpose", "Dangers"])
    long = "A paragraph that has a lot to say about lamps and oil and wicks. " * 30
    await desk.write(text="## Purpose\n\n" + "".join(f"No. {n}. {long}\n\n" for n in range(300)))
    await desk.write(text="## Dangers\n\n" + "".join(f"No. {n}. {long}\n\n" for n in range(300, 520)))
    page = await visit.open(f"{desk.address}#doc-dangers")
    await settled(page)
    await expect(page.locator("#doc-dangers")).to_have_count(1)
    assert await is_at(page, "#doc-dangers")
    top = await read_at(page, "No. 480.")
    await page.reload()
    await settled(page)
    assert abs(await top_of(page, "No. 480.") - top) < 2
    await desk.write(text="The end")
    await expect(page.get_by_text("The end", exact=True)).to_have_count(1)
    await page.evaluate(FRAMES)
    assert abs(await top_of(page, "No. 480.") - top) < 2


IS_AT = """([words, top]) => {
    const place = [...document.querySelectorAll("p")].find((one) => one.textContent.startsWith(words));
    return place && Math.abs(place.getBoundingClientRect().top - top) < 2;
}"""


async def test_place_below_formulas_is_kept_though_only_those_near_the_reader_are_drawn(
    visit: Visit, desk: Desk
) -> None:
    """A formula that is drawn is not as high as its source."""
    await desk.start_claimed(names=["Purpose"])
    formula = "$$\n\\begin{aligned}\na &= b \\\\\n &= c \\\\\n &= d \\\\\n &= e\n\\end{aligned}\n$$\n\n"
    text = f"## Purpose\n\n{paragraphs(1, 3)}{formula * 6}{paragraphs(10, 60)}"
    await desk.end_section(position=0, text=text)
    await desk.finish()
    page = await visit.open(desk.address)
    await settled(page)
    await expect(page.locator(".math-picture img")).to_have_count(6)
    top = await read_at(page, "Paragraph 50 ")
    for return_ in (page.reload, page.go_back):
        if return_ == page.go_back:
            await leave(page)
        await return_()
        await settled(page)
        await page.wait_for_function(IS_AT, arg=["Paragraph 50 ", top])
        assert await page.locator(".math-picture img").count() < 6


IS_SEEN = """(place) => {
    const { left, top } = place.getBoundingClientRect();
    const seen = document.elementFromPoint(left + 3, top + 8);
    return place.contains(seen) || Boolean(seen?.contains(place) && seen.closest(".prose"));
}"""


@pytest.mark.parametrize("width", [1280, 390])
async def test_footnote_and_the_way_back_are_not_hidden_below_the_bar(visit: Visit, desk: Desk, width: int) -> None:
    await desk.start_claimed(names=["Purpose"])
    notes = f"[^light]: The book of the keeper.\n\n[^more]: {'More words. ' * 400}\n"
    text = f"## Purpose\n\n{paragraphs(1, 12)}A claim.[^light] Another.[^more]\n\n{paragraphs(20, 20)}\n\n{notes}"
    await desk.end_section(position=0, text=text)
    await desk.finish()
    page = await visit.open(desk.address)
    await page.set_viewport_size({"width": width, "height": 700})
    await settled(page)
    await read_at(page, "A claim.")
    await page.locator(".footnote-ref a").first.click()
    await page.evaluate(FRAMES)
    assert await page.get_by_text("The book of the keeper.").evaluate(IS_SEEN)
    await page.locator(".footnote-back").first.click()
    await page.evaluate(FRAMES)
    assert await page.locator(".footnote-ref a").first.evaluate(IS_SEEN)
