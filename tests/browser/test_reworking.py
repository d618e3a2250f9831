"""Documents that are reworked, as who watches their pages sees it."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import Desk, Visit
from tests.browser.test_live_page import paragraphs, pill

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_section_that_is_stuck_is_written_anew_from_the_page_that_watched(visit: Visit, desk: Desk) -> None:
    visit.forgives.append("422")
    await desk.start_claimed(names=["Purpose", "Dangers"])
    page = await visit.open(desk.address)
    await desk.end_section(position=0, text="## Purpose\n\nA lamp.")
    await desk.begin(position=1)
    await desk.write(text="\n\n## Dangers\n\nStuck for good.")
    await desk.stop(reason="bad_seam", detail="It did not go on.")
    anew = page.get_by_role("button", name="Write this section anew")
    await page.get_by_label("Tokens for this section").fill("0")
    await page.get_by_label("Tokens for this section").evaluate("(field) => { field.form.noValidate = true; }")
    await anew.click()
    error = page.locator('.end [data-error="max_tokens"]')
    await expect(error).not_to_be_empty()
    await page.get_by_label("Tokens for this section").fill("900")
    await expect(error).to_be_empty()
    await anew.click()
    await expect(pill(page)).to_have_text("Complete")
    document = page.locator("[data-document]")
    await expect(document).to_contain_text("A lamp.")
    await expect(document).not_to_contain_text("Stuck for good.")
    await expect(page.get_by_role("link", name="Version 1")).to_be_visible()


async def test_time_of_a_text_is_known_after_it_was_brought_back(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nFirst.")
    await desk.finish()
    await desk.regenerate(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nSecond.")
    await desk.finish()
    page = await visit.open(desk.address)
    await desk.restore(version=(await desk.look())["versions"][-1])
    await expect(page.locator("[data-document]")).to_contain_text("First.")
    elapsed = page.locator('[data-field="elapsed"]')
    await expect(elapsed).to_have_text("0:00")
    await page.reload()
    await expect(elapsed).to_have_text("0:00")


async def test_way_to_the_growing_end_stands_below_the_text(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=paragraphs(0, 60))
    page = await visit.open(desk.address)
    await expect(page.get_by_text("Paragraph 59 ")).to_be_in_viewport()  # it follows
    await page.mouse.move(600, 400)
    await page.mouse.wheel(0, -1500)
    jump = page.get_by_role("button", name="Jump to live")
    await expect(jump).to_be_visible()
    for width in (1400, 360):
        await page.set_viewport_size({"width": width, "height": 700})
        await expect(jump).to_be_in_viewport(ratio=1)
        text, button = [await page.locator(one).bounding_box() for one in ("[data-document]", "[data-jump]")]
        assert abs((text["x"] + text["width"] / 2) - (button["x"] + button["width"] / 2)) <= 1
    await desk.stop(reason="user")
    await expect(jump).to_be_hidden()


async def test_who_watches_a_draft_is_shown_the_way_back_when_it_is_gone(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nFirst.")
    await desk.finish()
    draft = (await desk.draft())["draft"]
    page = await visit.open(f"/artifacts/{draft}/")
    await expect(page.get_by_role("navigation", name="Breadcrumb").get_by_role("link")).to_have_count(3)
    await desk.reject(draft=draft)
    await page.get_by_role("link", name="To the document").click()
    await expect(page.locator("[data-document]")).to_contain_text("First.")


async def test_plan_is_changed_by_the_keyboard_and_written(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    await page.get_by_role("link", name="Change the plan").click()
    await page.wait_for_load_state()  # before its module is there the buttons load the page
    names = page.get_by_label("Section ", exact=False).and_(page.locator('[data-rows] [name="name"]'))
    was = [await one.input_value() for one in await names.all()]
    await page.get_by_role("button", name="Move section 2 up").press("Enter")
    await page.keyboard.press("Tab")  # up is out of reach now, so the focus is on down
    await page.keyboard.press("Enter")
    await expect(names).to_have_count(len(was) - 1)
    await names.first.fill("Why at all")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Add a section").click()
    await page.keyboard.type("Last words")
    assert [await one.input_value() for one in await names.all()] == ["Why at all", *was[2:], "Last words"]
    await page.get_by_role("button", name="Start writing").click()
    await expect(page.locator("[data-sections] > li .name")).to_have_text(["Why at all", *was[2:], "Last words"])


async def test_what_a_press_came_to_is_said_until_the_state_it_names_is_over(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await visit.context.new_page()
    await page.clock.install()  # and never run: no timer takes the sentence away
    await page.goto(desk.address)
    await page.clock.pause_at(await page.evaluate("Date.now() + 1000"))
    await page.get_by_role("button", name="Pause").click()
    said = page.locator("[data-news]")
    await expect(said).to_have_text("Pausing.")
    await desk.stop(reason="user")
    await expect(pill(page)).to_have_text("Paused")
    await expect(said).to_be_hidden()


@pytest.mark.parametrize(("width", "is_beside"), [(1280, True), (1000, True), (390, False)])
async def test_draft_grows_beside_the_text_that_stays(visit: Visit, desk: Desk, width: int, is_beside: bool) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\n" + paragraphs(0, 30))
    await desk.finish()
    draft = Desk(desk._author, {"project": desk.project, "artifact": (await desk.draft())["draft"]})
    page = await visit.context.new_page()
    await page.set_viewport_size({"width": width, "height": 800})
    await page.goto(draft.address)
    await draft.begin(position=0)
    await draft.write(text="## Purpose\n\n" + paragraphs(100, 30))
    await expect(page.get_by_text("Paragraph 129 ")).to_be_visible()
    old, new = [await page.locator(one).bounding_box() for one in (".beside", "[data-document]")]
    assert (old["x"] + old["width"] <= new["x"]) is is_beside
    if is_beside:
        await page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
        await expect(page.locator(".beside")).to_be_in_viewport()
    else:
        assert old["y"] + old["height"] <= new["y"]
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_draft_of_a_text_that_changed_is_compared_and_asked_for_anew(visit: Visit, desk: Desk) -> None:
    visit.forgives.append("409")
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nFirst.")
    await desk.finish()
    draft = Desk(
        desk._author, {"project": desk.project, "artifact": (await desk.draft(instructions="Shorter."))["draft"]}
    )
    await draft.begin(position=0)
    await draft.end_section(position=0, text="## Purpose\n\nDrafted.")
    await draft.finish()
    page = await visit.open(draft.address)
    await expect(page.locator(".draft-verbs .primary")).to_have_text("Accept the draft")
    await desk.edit(text="Changed by somebody.", before="First.")
    await page.get_by_role("button", name="Accept the draft").click()
    await expect(page.get_by_role("alert")).to_contain_text("changed after the draft was asked for")
    await expect(page.get_by_role("button", name="Accept the draft")).to_have_count(0)
    await expect(page.locator(".beside .prose")).to_contain_text("Changed by somebody.")
    await expect(page.locator("[data-document]")).to_contain_text("Drafted.")
    await page.get_by_role("link", name="Compare", exact=True).click()
    await expect(page.locator("del")).to_contain_text(["Changed by somebody"])
    await expect(page.locator("ins")).to_contain_text(["Drafted"])
    await page.get_by_role("link", name="The draft").click()
    await expect(page.locator(".draft-verbs .primary")).to_have_text("Write it anew from this text")
    await page.locator(".draft-verbs .primary").click()
    await expect(page.get_by_label("What to do differently")).to_have_value("Shorter.")


async def test_unsaved_words_are_offered_until_they_are_dropped_and_to_nobody_else(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nFirst.")
    await desk.finish()
    editor = f"{desk.address}sections/1/edit/"
    page = await visit.open(editor)
    words, offer = page.get_by_label("Text", exact=True), page.get_by_role("button", name="Bring them back")
    await words.fill("Mine.")
    await page.goto(desk.address)  # nothing was saved
    await page.goto(editor)
    await expect(words).to_have_value("Mine.")
    await desk.edit(text="Changed by somebody.", before="First.")
    for _ in range(2):
        await page.goto(editor)
        await expect(words).to_have_value("Changed by somebody.")
        await expect(offer).to_be_visible()

    (mine,) = [one for one in await visit.context.cookies() if one["name"] == "sessionid"]
    other = await desk._author.visitor(name=f"{visit.name}-other")
    await desk._author.join(project=desk.project, name=f"{visit.name}-other", role="editor")
    await visit.context.add_cookies([{**mine, "value": other["cookie"]}])
    await page.goto(editor)
    await expect(words).to_have_value("Changed by somebody.")
    await expect(offer).to_be_hidden()
    await page.goto(desk.address)

    await visit.context.add_cookies([mine])
    await page.goto(editor)
    await offer.click()
    await expect(words).to_have_value("Mine.")
    await words.fill("Changed by somebody.")
    await page.goto(editor)
    await expect(offer).to_be_hidden()


async def test_words_that_were_saved_are_never_called_unsaved(visit: Visit, desk: Desk) -> None:
    visit.forgives.append("ERR_FAILED")
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nFirst.")
    await desk.finish()
    editor = f"{desk.address}sections/1/edit/"
    page = await visit.open(editor)
    words, offer = page.get_by_label("Text", exact=True), page.get_by_role("button", name="Bring them back")
    save, ended = page.get_by_role("button", name="Save", exact=True), "```python\nlight()\n```"
    await words.fill(ended.removesuffix("\n```"))  # which the server ends
    await save.click()
    await page.wait_for_url(f"**{desk.address}")
    await page.goto(editor)
    await expect(words).to_have_value(ended)
    await expect(offer).to_be_hidden()

    async def unless_posted(route: Route) -> None:
        await (route.abort() if route.request.method == "POST" else route.continue_())

    await page.route(f"**{editor}", unless_posted)
    await words.fill("Mine.")
    await save.click()
    await expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    await page.unroute(f"**{editor}")
    await save.click()
    await page.wait_for_url(f"**{desk.address}")
    await desk.edit(text="Changed by somebody.", before="Mine.")
    await page.goto(editor)
    await expect(words).to_have_value("Changed by somebody.")
    await expect(offer).to_be_hidden()


async def test_what_was_refused_is_forgotten_with_the_state_it_was_refused_in(visit: Visit, desk: Desk) -> None:
    visit.forgives.append("422")
    await desk.start_claimed(names=["Purpose"])
    await desk.stop(reason="auth", detail="401")
    page = await visit.open(desk.address)
    tokens = page.get_by_label("Tokens for this section")
    await tokens.fill("0")
    await tokens.evaluate("(field) => { field.form.noValidate = true; }")
    await page.get_by_role("button", name="Resume here").click()
    error = page.locator('.end [data-error="max_tokens"]')
    await expect(error).not_to_be_empty()
    await desk.cancel()
    await expect(error).to_be_empty()
    again, dialog = page.get_by_role("button", name="Regenerate"), page.get_by_role("dialog", name="Write it anew?")
    await again.click()
    await dialog.get_by_text("Model and plan").click()
    await dialog.get_by_label("Your own plan").fill("x" * 121)
    await dialog.get_by_role("button", name="Write anew").click()
    error = dialog.locator('[data-error="plan"]')
    await expect(error).not_to_be_empty()
    await dialog.get_by_role("button", name="Keep this text").click()
    await again.click()
    await expect(error).to_be_empty()


async def test_draft_is_asked_for_once_however_often_the_button_is_pressed(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nFirst.")
    await desk.finish()
    page = await visit.open(f"{desk.address}sections/1/rewrite/")
    posted = list[str]()

    async def slowly(route: Route) -> None:
        posted.append(route.request.url)
        await asyncio.sleep(0.3)
        await route.continue_()

    await page.route(lambda address: "/sections/1/rewrite/" in address, slowly)
    button = page.get_by_role("button", name="Write the draft")
    await button.evaluate("(it) => { it.form.requestSubmit(it); setTimeout(() => it.form.requestSubmit(it), 100); }")
    await expect(page.get_by_role("button", name="Reject it")).to_be_visible()
    assert len(posted) == 1
    await page.goto(f"{desk.address}sections/")
    await expect(page.get_by_role("link", name="Wrote “Purpose” anew")).to_have_count(1)
    await page.go_back()
    await page.get_by_role("button", name="Reject it").click()
    await expect(page.locator("[data-document]")).to_contain_text("First.")


async def test_words_of_a_comparison_begin_where_their_script_does(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.end_section(position=0, text="## Purpose\n\nFirst.")
    await desk.finish()
    page = await visit.open(f"{desk.address}sections/1/edit/")
    text = page.get_by_label("Text", exact=True)
    await text.fill("\u0645\u0646\u0627\u0631\u0629")
    direction = "element => [getComputedStyle(element).unicodeBidi, getComputedStyle(element).textAlign]"
    assert await text.evaluate(direction) == ["plaintext", "start"]
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url(f"**{desk.address}")
    await page.goto(f"{desk.address}versions/1/compare/current/?view=side")
    added = page.locator(".words ins")
    box, frame = await added.bounding_box(), await page.locator(".words").last.bounding_box()
    assert box["x"] > frame["x"] + frame["width"] / 2  # at the right, where Arabic begins
