"""A page that wakes, after whatever sleep, asks at once whether its line still lives, and makes another if not."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Author, Desk, Visit
from tests.faults.system.proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOON_MS = 12_000  # without a wake a dead line is noticed after 30 s
WAKES = {
    "shown again": "document.dispatchEvent(new Event('visibilitychange'))",
    "thawed, and hidden still": """() => {
        Object.defineProperty(document, "visibilityState", {value: "hidden", configurable: true});
        document.dispatchEvent(new Event("resume"));
    }""",
    "back on the net": "window.dispatchEvent(new Event('online'))",
    "after a leap of the clock": "(() => { const now = Date.now; Date.now = () => now() + 60_000; })()",
}
STATE = {"status": "streaming", "current_section": "Purpose", "sections_completed": 0, "sections_total": 1}
STATE |= {
    "tokens_generated": 1,
    "cost": "0.0000",
    "cost_estimated": "0.0000",
    "last_error": "",
    "reason": "",
    "sections": [],
}
SNAPSHOT = {"type": "snapshot", "v": 1, "epoch": 1, "seq": 1, "offset": 8, "state": STATE}
SNAPSHOT |= {"fragments": [], "tail": "<p>A lamp.</p>"}


async def reading(visit: Visit, author: Author) -> tuple[Desk, Page]:
    """A document that is being written, and a page that shows it."""
    desk = Desk(author, await author.new_project(owner=visit.name))
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text="A lamp. ")
    page = await visit.open(desk.address)
    await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
    return desk, page


@pytest.mark.parametrize("wakes", WAKES)
async def test_page_that_wakes_to_a_dead_line_shows_what_was_written(
    far: Visit, author: Author, proxy: Proxy, wakes: str
) -> None:
    desk, page = await reading(far, author)
    proxy.strand()
    await desk.write(text="Written while it slept.")
    await page.evaluate(WAKES[wakes])
    await expect(page.locator("[data-document]")).to_contain_text("Written while it slept.", timeout=SOON_MS)
    await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
    await expect(page.locator("[data-line]")).to_be_hidden()


async def test_project_page_does_not_get_stuck_in_a_question_without_answer(
    far: Visit, author: Author, proxy: Proxy
) -> None:
    desk, _ = await reading(far, author)
    page = await far.open(f"/projects/{desk.project}/")
    row = page.locator(f'[data-artifact="{desk.artifact}"]')
    await expect(row).to_contain_text("0 of 1 sections")
    proxy.strand()
    await page.evaluate(WAKES["shown again"])
    for _ in range(2):
        async with page.expect_request(lambda request: "part=rows" in request.url):
            pass


# By the clock: the lines are the test's own, and so is the time


class Lines:
    """The lines that the page has opened; each shows a document at once. `asked` counts the pings."""

    def __init__(self, *, answer: bool) -> None:
        self.answer = answer
        self.opened: list[WebSocketRoute] = []
        self.asked = 0

    def take(self, line: WebSocketRoute) -> None:
        self.opened.append(line)
        line.on_message(lambda said: self._hear(line, str(said)))
        line.send(json.dumps(SNAPSHOT))

    def _hear(self, line: WebSocketRoute, said: str) -> None:
        if json.loads(said)["type"] == "ping":
            self.asked += 1
            if self.answer:
                line.send(json.dumps({"type": "pong"}))
                line.send(json.dumps(SNAPSHOT | {"tail": f"<p>Answer {self.asked}.</p>"}))


async def timed(visit: Visit, desk: Desk, lines: Lines) -> Page:
    await desk.start_claimed(names=["Purpose"])
    page = await visit.context.new_page()
    await page.clock.install()
    await page.route_web_socket("**/ws/**", lines.take)
    await page.goto(desk.address)
    await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
    await page.clock.pause_at(await page.evaluate("Date.now() / 1000 + 1"))
    return page


async def test_no_answer_within_two_seconds_means_another_line(visit: Visit, desk: Desk) -> None:
    lines = Lines(answer=False)
    page = await timed(visit, desk, lines)
    for wake in ("shown again", "thawed, and hidden still", "back on the net"):  # they come together
        await page.evaluate(WAKES[wake])
    await page.clock.run_for(1000)
    assert len(lines.opened) == 1
    assert lines.asked == 1
    await page.clock.run_for(1000)
    assert len(lines.opened) == 2
    await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")


async def test_line_that_answers_is_kept(visit: Visit, desk: Desk) -> None:
    lines = Lines(answer=True)
    page = await timed(visit, desk, lines)
    await page.evaluate(WAKES["shown again"])
    await expect(page.locator("[data-document]")).to_have_text("Answer 1.")
    await page.clock.run_for(15_000)
    assert lines.asked == len(lines.opened) == 1
    await page.clock.run_for(6_000)
    await expect(page.locator("[data-document]")).to_have_text("Answer 2.")
    assert len(lines.opened) == 1


async def test_page_that_was_busy_itself_does_not_blame_the_line(visit: Visit, desk: Desk) -> None:
    lines = Lines(answer=True)
    await desk.start_claimed(names=["Purpose"])
    page = await visit.context.new_page()
    await page.route_web_socket("**/ws/**", lines.take)
    await page.goto(desk.address)
    await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
    await page.evaluate("""() => {
        document.dispatchEvent(new Event("visibilitychange"));
        const until = performance.now() + 2_500;
        while (performance.now() < until);
    }""")
    await page.evaluate("new Promise((done) => setTimeout(done, 700))")
    assert len(lines.opened) == 1
