"""Waiting and thinking: the page tells the time as it passes, and never over and over to those who listen."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import Desk, Visit
from tests.browser.test_live_page import LAMP, pill

pytestmark = pytest.mark.asyncio(loop_scope="session")

AWAY = "waiting 300 s: the endpoint does not answer, attempt 3"
HEARD = """() => {
    window.heard = [];
    const place = document.querySelector("[data-announce]");
    new MutationObserver(() => window.heard.push(place.textContent)).observe(place, {childList: true});
}"""


def notice(page: Page) -> Locator:
    return page.locator('[data-field="notice"]')


def now(page: Page) -> Locator:
    return page.locator('[data-field="now"]')


async def live(visit: Visit, desk: Desk) -> Page:
    page = await visit.open(desk.address)
    await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
    return page


async def pass_time(page: Page, seconds: int) -> None:
    """For the page's clock; the line notices the leap and asks whether it still lives."""
    await page.evaluate("(ms) => { const now = Date.now; Date.now = () => now() + ms; }", seconds * 1000)


def trying_again(when: str) -> re.Pattern[str]:
    return re.compile(rf"^Trying again {when}: the endpoint does not answer, attempt 3\.$")


async def test_countdown_runs_between_the_frames(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await live(visit, desk)
    await desk.wait(detail=AWAY)
    await expect(notice(page)).to_have_text(trying_again(r"in (5 min 0 s|4 min \d+ s)"))
    await expect(pill(page)).to_have_text("Waiting")
    await pass_time(page, 120)
    await expect(notice(page)).to_have_text(trying_again(r"in (3 min 0|2 min \d+) s"))
    await expect(now(page)).to_have_text(trying_again(r"in (3 min 0|2 min \d+) s"))
    await pass_time(page, 200)
    await expect(notice(page)).to_have_text(trying_again("now"))
    await expect(page.locator('[data-field="detail"]')).to_be_hidden()
    await desk.wait(detail=AWAY.replace("attempt 3", "attempt 4"))
    await expect(notice(page)).to_have_text(re.compile(r"^Trying again in (5 min 0|4 min \d+) s: .* attempt 4\.$"))


LAST_OF_TIME = """(place) => {
    const range = document.createRange();
    const at = place.firstChild.data.indexOf(" s");
    range.setStart(place.firstChild, at);
    range.setEnd(place.firstChild, at + 2);
    return [range.getBoundingClientRect().right, place.getBoundingClientRect().right];
}"""


@pytest.mark.parametrize(
    ("reason", "detail"),
    [("waiting_retry", AWAY.replace("300", "895")), ("thinking", "thinking for 595 s, at most 600 s")],
)
async def test_time_in_the_bar_is_never_cut_off(visit: Visit, desk: Desk, reason: str, detail: str) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await live(visit, desk)
    await desk.wait(detail=detail, reason=reason)
    await expect(now(page)).to_have_text(re.compile(r"\d+ min \d+ s"))
    for width in (320, 400, 641, 800, 1057, 1200, 1500):
        await page.set_viewport_size({"width": width, "height": 700})
        time, bar = await now(page).evaluate(LAST_OF_TIME)
        assert 0 < time < bar, width


async def test_thinking_is_shown_with_its_time_and_ends_with_the_first_text(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await live(visit, desk)
    await desk.wait(detail="thinking for 130 s, at most 600 s", reason="thinking")
    await expect(now(page)).to_have_text(re.compile(r"^The model is thinking, 2 min \d+ s\.$"))
    await expect(pill(page)).to_have_text("Thinking")
    await pass_time(page, 60)
    await expect(now(page)).to_have_text(re.compile(r"^The model is thinking, 3 min \d+ s\.$"))
    await desk.write(text=LAMP)
    await expect(now(page)).to_have_text("Purpose")
    await expect(notice(page)).to_be_hidden()
    await expect(pill(page)).to_have_text("Writing")


async def test_reloading_does_not_begin_the_time_anew(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.wait(detail=AWAY)
    page = await visit.open(desk.address)
    await expect(notice(page)).to_have_text(re.compile("Trying again in 4 min"))
    await page.reload()
    await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
    await expect(notice(page)).to_have_text(re.compile("Trying again in 4 min"))
    assert await page.evaluate("JSON.parse(document.getElementById('live-data').textContent).cause.age_s") > 0


async def test_times_are_not_read_out_again_and_again(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await live(visit, desk)
    await page.evaluate(HEARD)
    await desk.wait(detail="thinking for 2 s, at most 600 s", reason="thinking")
    await expect(now(page)).to_have_text(re.compile(r"^The model is thinking, \d+ s\.$"))
    await pass_time(page, 60)
    await expect(now(page)).to_have_text(re.compile(r"^The model is thinking, 1 min \d+ s\.$"))
    await desk.wait(detail="thinking for 125 s, at most 600 s", reason="thinking")
    await expect(now(page)).to_have_text(re.compile(r"^The model is thinking, 2 min \d+ s\.$"))
    (heard,) = await page.evaluate("window.heard")
    assert re.fullmatch(r"Thinking\. The model is thinking, \d+ s\.", heard.strip())
    assert await page.locator("[role=status] [data-field], [aria-live] [data-field]").count() == 0


@pytest.mark.parametrize("visit", [{"java_script_enabled": False}], indirect=True)
async def test_without_a_script_what_is_said_of_the_time_stays_true(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.wait(detail=AWAY)
    committed_at = datetime.fromisoformat((await desk.look())["updated_at"])
    page = await visit.open(desk.address)
    said = await notice(page).inner_text()
    told = re.fullmatch(
        r"The endpoint does not answer, attempt 3; the next attempt comes by itself at (\d\d:\d\d:\d\d) UTC\.", said
    )
    assert told, said
    assert told[1] == f"{committed_at + timedelta(seconds=300):%H:%M:%S}"
    await desk.wait(detail="thinking for 65 s, at most 600 s", reason="thinking")
    await page.reload()
    await expect(now(page)).to_have_text(re.compile(r"The model has been thinking since \d\d:\d\d:\d\d UTC\."))


@pytest.mark.parametrize(
    ("reason", "offers"),
    [("auth", True), ("rate_limited", True), ("bad_seam", True), ("user", False), ("poison", False)],
)
async def test_after_trouble_the_page_offers_to_go_on_with_another_model(
    visit: Visit, desk: Desk, reason: str, offers: bool
) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await visit.open(desk.address)
    await desk.stop(reason=reason, detail="It said no.")
    await expect(page.get_by_role("button", name="Resume here")).to_be_visible()
    await expect(page.get_by_label("Another model")).to_be_visible(visible=offers)
    await page.reload()
    await expect(page.get_by_label("Another model")).to_be_visible(visible=offers)


async def test_what_was_paused_by_hand_may_go_on_with_another_model_too(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await live(visit, desk)
    await desk.write(text="## Purpose\n\nA lamp")
    await desk.stop(reason="user")
    await page.get_by_text("Another model or budget").click()
    await page.get_by_label("Another model").fill("another-model")
    await page.get_by_label("Tokens for this section").fill("900")
    await page.get_by_role("button", name="Resume here").click()
    await expect(pill(page)).to_have_text("Complete")
    await expect(page.locator('[data-field="model"]')).to_have_text(
        "Written by a model of the test's own, another-model"
    )


async def test_document_goes_on_with_the_other_model_and_a_refused_one_is_told_beside_its_field(
    visit: Visit, desk: Desk
) -> None:
    visit.forgives.append("422")
    await desk.start_claimed(names=["Purpose"])
    page = await live(visit, desk)
    await desk.stop(reason="model_not_found", detail="404: no such model.")
    field = page.get_by_label("Another model")
    await field.evaluate("(input) => { input.removeAttribute('maxlength'); input.value = 'x'.repeat(300); }")
    await page.get_by_role("button", name="Resume here").click()
    await expect(page.locator('.end [data-error="model"]')).not_to_be_empty()
    await expect(pill(page)).to_have_text("Paused")
    await field.fill("another-model")
    await page.get_by_role("button", name="Resume here").click()
    await expect(pill(page)).to_have_text("Complete")
    await expect(page.locator('[data-field="model"]')).to_have_text("Written by another-model")


@pytest.mark.parametrize("visit", [{"viewport": {"width": 390, "height": 800}}, {}], indirect=True)
async def test_notice_stands_at_the_top_where_no_text_is_above_it(visit: Visit, desk: Desk) -> None:
    await desk.start_claimed(names=["Purpose"])
    page = await live(visit, desk)
    for reason, detail in (("waiting_retry", AWAY), ("thinking", "thinking for 40 s, at most 600 s")):
        await desk.wait(detail=detail, reason=reason)
        await expect(notice(page)).to_be_visible()
        above = "(end) => end.getBoundingClientRect().top - end.parentElement.getBoundingClientRect().top"
        assert await page.locator("[data-end]").evaluate(above) < 100
