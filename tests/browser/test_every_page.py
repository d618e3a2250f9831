"""What holds for every page: readable by everybody, on a phone, in the dark, and without a script."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Response, expect

from tests.browser.conftest import Author, Desk, Visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERYTHING = (
    "## Purpose\n\nA lamp that *never* goes out, see [the harbour](https://example.org/).\n\n### Oil\n\n"
    "| What | How much |\n|---|---:|\n| oil | 3 l |\n\n"
    '```python\ndef light(lamp):  # it burns\n    return "oil"\n```\n\n'
    "- [x] oil\n- [ ] a wick\n\n> Quoted, and ~~struck~~.\n\n1. One\n2. Two `code`\n\nA claim[^1], and $a^2$.\n\n"
    "<details><summary>More</summary>\n\nFolded.\n\n</details>\n\n[^1]: A note, see [it](https://example.org/).\n\n"
)
WIDE = (
    "## Purpose\n\nA lamp that *never* goes out: https://example.org/"
    + "a-very-long-address-without-any-break" * 4
    + "\n\n"
    "| " + " | ".join(f"Column {n}" for n in range(12)) + " |\n|" + "---|" * 12 + "\n"
    "| " + " | ".join(f"cell-number-{n}" for n in range(12)) + " |\n\n"
    "```python\nlamp = " + "oil + " * 60 + "wick\n```\n\n- [x] oil\n- [ ] a wick\n\n> Quoted.\n\n" + "W" * 300 + "\n\n"
    "### " + "an-awfully-long-title-without-blanks" * 5 + "\n\n"
    "| Address | Sum |\n|---|---:|\n| https://example.org/" + "far" * 50 + " | 1 |\n\n"
    "| 项目 | 说明 |\n|---|---|\n| 灯塔 | "
    + "灯塔永远不会熄灭。" * 20
    + " |\n\n"
    + "灯塔永远不会熄灭" * 30
    + "\n\n"
    + "المصباح الذي لا ينطفئ أبدا " * 15
    + "\n\n"
    + "مصباح" * 60
    + "\n\n"
    + "".join(f"{'  ' * depth}- depth {depth} {'w' * 60}\n" for depth in range(7))
    + "\n"
    + "".join(f"{'> ' * depth}quote {'q' * 60}\n" for depth in range(1, 7))
    + "\n"
    "$$\nx = " + "y_1 + " * 60 + "\n$$\n\nInline $" + "a+b" * 60 + "$ and `" + "code_without_blanks" * 9 + "`[^1].\n\n"
    "<details><summary>" + "summary" * 20 + "</summary>\n\n" + "d" * 90 + "\n\n</details>\n\n"
    "[^1]: " + "n" * 120 + " https://example.org/" + "note" * 40 + "\n\n"
)
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
SMALL_PHONE = PHONE | {"viewport": {"width": 320, "height": 560}}
WIDEST = """() => Math.max(
    document.documentElement.scrollWidth,
    ...[...document.querySelectorAll("body *")]
        .filter((element) => element.checkVisibility())
        .filter((element) => !element.closest("pre, table, p.math, .math-picture.block, .visually-hidden"))
        .filter((element) => getComputedStyle(element).clipPath === "none")
        .map((element) => Math.round(element.getBoundingClientRect().right)))"""
BRIEFLY = {"resultTypes": ["violations"], "preload": False}
SCHEMES = {"light": BRIEFLY, "dark": BRIEFLY | {"runOnly": ["color-contrast"]}}
"""What axe looks at: the night changes colours and nothing else."""
CHANGED = """() => Promise.all(document.getAnimations()
    .filter((one) => one instanceof CSSTransition)
    .map((one) => one.finished)).then(() => null)"""
"""Colours that fade have the new scheme."""
HERE_ALREADY = Axe("0")
"""For a page that axe has looked at before: it brings half a megabyte of script."""
POLICY = {
    *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"),
    *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
}
DRAWING = POLICY - {"img-src 'self'"} | {"img-src 'self' data:", "frame-src 'self'"}
"""Of pages that show a document's pictures."""


async def settled(page: Page) -> None:
    """The page's module has applied its first snapshot."""
    if await page.locator("[data-live]").count():
        await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")


def policy(answer: Response | None) -> set[str]:
    assert answer is not None
    return set(answer.headers["content-security-policy"].split("; "))


async def every_page(visit: Visit, desk: Desk, author: Author, text: str) -> list[tuple[str, str]]:
    """A name and an address for every page, and for the live page in every state."""
    made = {}
    for state in ("streaming", "waiting", "paused", "complete", "cancelled"):
        other = Desk(author, await author.new_project(owner=visit.name, title=f"A {state} one"))
        await other.start_claimed(names=["Purpose", "Dangers of a " + "w" * 60])
        await other.write(text=text)
        made[state] = other
    await made["waiting"].wait(detail="Waiting 8 s: rate limited, attempt 2 of 6.")
    await made["paused"].stop(reason="rate_limited", detail="429, six times.")
    await made["cancelled"].stop(reason="user")
    await made["cancelled"].regenerate(names=["Purpose"])
    await made["cancelled"].cancel()
    for position in range(2):
        await made["complete"].end_section(position=position)
    await made["complete"].finish()
    version = (await made["cancelled"].look())["versions"][0]
    draft = (await made["complete"].draft())["draft"]
    shared = (await author.share(project=desk.project))["address"]
    return [
        ("projects", "/"),
        ("project", f"/projects/{desk.project}/"),
        ("idle", desk.address),
        *((state, other.address) for state, other in made.items()),
        ("asking to cancel", f"{made['streaming'].address}?ask=cancel"),
        ("asking to regenerate", f"{made['paused'].address}?ask=regenerate"),
        ("version", f"{made['cancelled'].address}versions/{version}/"),
        ("plan", f"{desk.address}plan/"),
        ("asking for a title", f"{made['complete'].address}?ask=rename"),
        ("replay", f"{made['complete'].address}replay/"),
        ("sections", f"{made['complete'].address}sections/"),
        ("editor", f"{made['complete'].address}sections/1/edit/"),
        ("rewriting", f"{made['complete'].address}sections/1/rewrite/"),
        ("versions", f"{made['cancelled'].address}versions/"),
        ("comparison", f"{made['cancelled'].address}versions/1/compare/current/"),
        ("comparison side by side", f"{made['cancelled'].address}versions/1/compare/current/?view=side"),
        ("not found", "/artifacts/999999/"),
        ("sharing", f"/projects/{desk.project}/sharing/"),
        ("cost", f"/projects/{desk.project}/cost/"),
        ("asking to delete the project", f"/projects/{desk.project}/sharing/?ask=delete"),
        ("profile", "/profile/"),
        ("shared document", (await author.share(artifact=made["streaming"].artifact))["address"]),
        ("shared project", shared),
        ("shared document of a project", f"{shared}{desk.artifact}/"),
        ("shared replay", f"{shared}{desk.artifact}/replay/"),
        ("draft", f"/artifacts/{draft}/"),
        ("search without a find", "/?q=nothing+is+called+so"),
        ("joining", (await author.invite(project=desk.project))["address"]),
        ("frames", "/api/docs/frames"),
        ("errors", "/api/errors"),
        ("sign-in", "/sign-in/"),
    ]


async def test_every_page_is_accessible_by_day_and_by_night(visit: Visit, desk: Desk, author: Author) -> None:
    visit.forgives.append("404")
    page = await visit.context.new_page()
    axe = Axe()
    for name, address in await every_page(visit, desk, author, EVERYTHING):
        told = policy(await page.goto(address))
        assert told == (DRAWING if await page.locator("[data-pictures]").count() else POLICY), name
        await settled(page)
        # Any other encoding makes a million letters of most scripts nine million bytes, which no page may send.
        longs = await page.locator('form[method="post"]:has(textarea)').evaluate_all(
            "all => all.map((one) => one.enctype)"
        )
        assert set(longs) <= {"multipart/form-data"}, name
        found = await axe.run(page, options=BRIEFLY)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        await page.emulate_media(color_scheme="dark")
        found = await HERE_ALREADY.run(page, options=SCHEMES["dark"])
        assert found.violations_count == 0, f"{name} in the dark: {found.generate_report()}"
        colour = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert sum(map(int, colour.strip("rgb()").split(","))) < 150
        await page.emulate_media(color_scheme="light")


async def inspected(visit: Visit, desk: Desk, author: Author) -> tuple[str, ...]:
    """Addresses of the admin, with a document in trouble to look into."""
    await author.visitor(name=visit.name, is_staff=True)
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=EVERYTHING)
    made = await desk.note()
    await desk.wait(detail="Waiting 8 s: rate limited, attempt 2 of 6.")
    document = f"artifacts/artifact/{desk.artifact}"
    lists = ("artifacts/artifact", "artifacts/delta", "generation/generationtask", "generation/claimjournal")
    return (
        *("", "artifacts/artifact/dashboard/", f"{document}/timeline/", f"{document}/change/"),
        *(f"{name}/" for name in lists),
        f"generation/callprompt/{made['prompt']}/change/",
        f"generation/claimjournal/{made['journal']}/change/",
    )


async def asked_to_cancel(page: Page, desk: Desk) -> None:
    """The question that stands before an action of the admin."""
    await page.goto("/admin/artifacts/artifact/")
    await page.locator(f'.action-select[value="{desk.artifact}"]').check()
    await page.get_by_label("Action:").select_option("cancel")
    await page.get_by_role("button", name="Go", exact=True).click()
    await expect(page.get_by_role("heading", name="Cancel for good?")).to_be_visible()


async def test_admin_obeys_the_policy_and_is_accessible(visit: Visit, desk: Desk, author: Author) -> None:
    page = await visit.context.new_page()
    for address in await inspected(visit, desk, author):
        assert policy(await page.goto(f"/admin/{address}")) == POLICY
        for (scheme, options), axe in zip(SCHEMES.items(), (Axe(), HERE_ALREADY), strict=True):
            await page.emulate_media(color_scheme=scheme)
            await page.evaluate(CHANGED)
            found = await axe.run(page, options=options)
            assert found.violations_count == 0, f"{address} {scheme}: {found.generate_report()}"
    await asked_to_cancel(page, desk)
    found = await Axe().run(page, options=BRIEFLY)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
async def test_inspector_fits_a_phone(visit: Visit, desk: Desk, author: Author) -> None:
    page = await visit.context.new_page()
    for address in [one for one in await inspected(visit, desk, author) if "dashboard" in one or "timeline" in one]:
        await page.goto(f"/admin/{address}")
        await expect(page.locator(".inspector svg").first).to_be_visible()
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], address  # type: ignore[index]


async def test_list_and_timeline_of_the_admin_keep_themselves_up_to_date(
    visit: Visit, desk: Desk, author: Author
) -> None:
    await inspected(visit, desk, author)
    page = await visit.context.new_page()
    await page.goto("/admin/artifacts/artifact/")
    row = page.get_by_role("row", name="Project brief").first
    await row.get_by_role("checkbox").check()
    await expect(row.locator(".badge")).to_have_text("Waiting")
    other = await visit.context.new_page()
    await other.goto(f"/admin/artifacts/artifact/{desk.artifact}/timeline/")
    await desk.cancel()
    await expect(row.locator(".badge")).to_have_text("Cancelled")
    await expect(row.get_by_role("checkbox")).to_be_checked()
    await expect(other.locator(".happened")).to_contain_text("Cancel")


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
async def test_no_page_scrolls_sideways_on_a_phone(visit: Visit, desk: Desk, author: Author, tmp_path: Path) -> None:
    visit.forgives.append("404")
    page = await visit.context.new_page()
    pages = await every_page(visit, desk, author, WIDE)
    pages.append(("export", (await exported(visit, dict(pages)["complete"], tmp_path)).as_uri()))
    for name, address in pages:
        await page.set_viewport_size(PHONE["viewport"])
        await page.goto(address)
        await settled(page)
        for size in (PHONE["viewport"], SMALL_PHONE["viewport"]):
            await page.set_viewport_size(size)
            assert await page.evaluate(WIDEST) <= size["width"], (name, size)


# A document, on the page and in the file that is downloaded


async def exported(visit: Visit, address: str, folder: Path) -> Path:
    number = address.strip("/").split("/")[-1]
    answer = await visit.context.request.get(f"/api/artifacts/{number}/export?format=html")
    file = folder / "export.html"
    file.write_bytes(await answer.body())
    return file


@pytest.mark.parametrize("text", [EVERYTHING, WIDE], ids=["everything", "wide"])
async def test_downloaded_page_is_accessible_by_day_and_by_night(
    visit: Visit, desk: Desk, tmp_path: Path, text: str
) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=text)
    page = await visit.open((await exported(visit, desk.address, tmp_path)).as_uri())
    axe = Axe()
    for width in (1280, 320):
        await page.set_viewport_size({"width": width, "height": 700})
        for scheme, options in SCHEMES.items():
            await page.emulate_media(color_scheme=scheme)
            found = await axe.run(page, options=options)
            axe = HERE_ALREADY
            assert found.violations_count == 0, f"{width} {scheme}: {found.generate_report()}"
    await expect(page).to_have_title("Project brief · Lighthouse")
    await expect(page.locator("html")).to_have_attribute("lang", "en")


TABLES = (
    "| Incomprehensibilities | `a_rather_long_name_of_code` | " + " | ".join(f"Column {n}" for n in range(9)) + " |\n"
    "|"
    + "---|" * 11
    + "\n| counterrevolutionaries | `another_long_name_of_code` | "
    + " | ".join("a sentence of several words" for _ in range(9))
    + " |\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n"
)
BROKEN_WORDS = r"""(root) => {
    const words = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        for (const { index, 0: word } of node.data.matchAll(/\S+/g)) {
            const range = new Range();
            range.setStart(node, index);
            range.setEnd(node, index + word.length);
            if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) words.push(word);
        }
    }
    return words;
}"""


async def test_cells_break_between_words_and_a_wide_table_is_scrolled_by_the_keyboard(
    visit: Visit, desk: Desk, tmp_path: Path
) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=f"{TABLES}The end.")
    live = await visit.open(desk.address)
    await settled(live)
    file = await visit.open((await exported(visit, desk.address, tmp_path)).as_uri())
    for page in (live, file):
        for width in (320, 768, 1280):
            await page.set_viewport_size({"width": width, "height": 700})
            wide, narrow = await page.locator(".prose table").all()
            assert await wide.evaluate(BROKEN_WORDS) == []
            assert await narrow.evaluate("(table) => table.scrollWidth <= table.clientWidth")
            await expect(wide).to_have_attribute("tabindex", "0")
        await wide.focus()
        await wide.evaluate("(table) => { table.moved = new Promise((done) => (table.onscroll = done)); }")
        await page.keyboard.press("ArrowRight")
        assert await wide.evaluate("(table) => table.moved.then(() => table.scrollLeft)") > 0


async def test_links_of_footnotes_are_told_without_colour(visit: Visit, desk: Desk, tmp_path: Path) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text=EVERYTHING)
    await desk.finish()
    live = await visit.open(desk.address)
    await settled(live)
    file = await visit.open((await exported(visit, desk.address, tmp_path)).as_uri())
    for page in (live, file):
        for link in await page.locator(".prose a").all():
            assert "underline" in await link.evaluate("(link) => getComputedStyle(link).textDecorationLine")
        assert await page.locator(".footnote-ref a, .footnote-back").count() == 2


async def test_sign_in_and_an_empty_list_are_accessible(visit: Visit, author: Author) -> None:
    page = await visit.open("/")
    await expect(page.get_by_role("heading", name="Your first project")).to_be_visible()
    axe = Axe()
    assert (await axe.run(page, options=BRIEFLY)).violations_count == 0
    await visit.context.clear_cookies()
    await page.goto("/sign-in/")
    await page.get_by_label("Username").fill("nobody")
    await page.get_by_label("Password").fill("nothing")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert (await axe.run(page, options=BRIEFLY)).violations_count == 0


@pytest.mark.parametrize("visit", [PHONE], indirect=True)
async def test_thumbs_hit_what_they_aim_at_and_reach_the_contents(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose", "Dangers"])
    await desk.write(text=WIDE)
    page = await visit.open(desk.address)
    await settled(page)
    small = await page.evaluate("""() => [...document.querySelectorAll(".top a, .actions .button, .actions summary")]
        .filter((element) => element.checkVisibility())
        .map((element) => [element.outerHTML.slice(0, 60), element.getBoundingClientRect()])
        .filter(([, box]) => box.height < 44)
        .map(([html]) => html)""")
    assert small == []
    await page.get_by_role("button", name="Contents").click()
    await page.get_by_role("navigation", name="Contents").get_by_text("Purpose").click()
    await expect(page.get_by_role("heading", name="Purpose")).to_be_in_viewport()


@pytest.mark.parametrize("visit", [{"java_script_enabled": False}], indirect=True)
async def test_everything_works_without_a_script(visit: Visit, desk: Desk) -> None:
    visit.forgives.append("422")
    page = await visit.open(desk.address)
    await page.get_by_role("button", name="Start writing").click()
    await page.get_by_role("button", name="Pause").click()
    resume = page.get_by_role("button", name="Resume", exact=True)
    for _ in range(100):  # the worker stops within moments; a page without a script learns it by being loaded again
        if await resume.is_visible():
            break
        await page.get_by_role("link", name="Show what was written since").click()
    await expect(resume).to_be_visible()
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Cancel the document").click()
    await expect(page.locator('[data-field="pill"]')).to_have_text("Cancelled")
    await page.get_by_role("button", name="Regenerate").click()
    dialog = page.get_by_role("dialog", name="Write it anew?")
    await dialog.get_by_text("Model and plan").click()
    await dialog.get_by_label("Your own plan").fill("x" * 121)
    await dialog.get_by_role("button", name="Write anew").click()
    await expect(dialog.get_by_label("Your own plan")).to_have_value("x" * 121)
    await expect(dialog.get_by_text("120 characters at most")).to_be_visible()
    await dialog.get_by_role("button", name="Keep this text").click()
    await expect(dialog).to_be_hidden()


async def test_paper_gets_the_document_and_nothing_else(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=WIDE)
    page = await visit.open(desk.address)
    await page.emulate_media(media="print")
    await expect(page.get_by_role("heading", name="Project brief")).to_be_visible()
    await expect(page.locator("[data-document] em")).to_be_visible()
    for unwanted in (".actions", ".contents", ".top", ".figures"):
        await expect(page.locator(unwanted)).to_be_hidden()
