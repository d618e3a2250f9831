"""Pages of 0.4 to 1 MB in a real browser: whoever opens one before, while or after it is written sees all of it, and
keeps the place when the connection is lost.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, WebSocket, WebSocketRoute

from tests.browser.conftest import Desk, House, Visit
from tests.support import large
from tests.support.servers import serving_product

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]

USUAL = [("daphne", "table"), ("uvicorn", "one line")]
"""Without `-m large`, and shorter."""
WAIT_MS = 90_000
DIFFERENCES = """async () => {
  const kinds = ["p", "li", "td", "h3", "pre", "strong", "a"];
  const seen = (root) => {
    const text = root.querySelector("[data-document]");
    return [text.textContent.replace(/\\s/g, ""), ...kinds.map((kind) => text.querySelectorAll(kind).length)];
  };
  const answer = await fetch(location.pathname);
  const fresh = seen(new DOMParser().parseFromString(await answer.text(), "text/html"));
  return seen(document).flatMap((value, at) => (value === fresh[at] ? [] : ["text", ...kinds][at]));
}"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
TOP = """() => {
  const blocks = [...document.querySelectorAll("[data-document] :is(p, li, tr, h3, pre)")];
  const seen = blocks.find((block) => block.getBoundingClientRect().bottom > innerHeight / 2);
  return seen && [seen.textContent, Math.round(seen.getBoundingClientRect().top)];
}"""


class Ends:
    """The ends of documents that reach a page."""

    def __init__(self, page: Page) -> None:
        self._ended = asyncio.Event()
        page.on("websocket", self._listen)

    async def next(self) -> None:
        async with asyncio.timeout(WAIT_MS / 1_000):
            await self._ended.wait()
        self._ended.clear()

    def _listen(self, line: WebSocket) -> None:
        line.on("framereceived", lambda message: json.loads(message)["type"] == "end" and self._ended.set())


@contextmanager
def served(house: House, kind: str, folder: Path) -> Iterator[str]:
    """The address of the house, or of a second server with the same database."""
    if kind == "daphne":
        yield house.origin
    else:
        with serving_product(kind, database=house.database, folder=folder) as server:
            yield server.origin


async def opened(visit: Visit, address: str) -> tuple[Page, Ends]:
    page = await visit.context.new_page()
    ends = Ends(page)
    await page.goto(address, timeout=WAIT_MS)
    return page, ends


@pytest.mark.parametrize(
    ("server", "kind", "size"),
    [
        *((server, kind, 400_000) for server, kind in USUAL),
        *(
            pytest.param(server, kind, large.SIZE, marks=pytest.mark.large)
            for server in ("daphne", "uvicorn")
            for kind in large.KINDS
        ),
    ],
)
async def test_large_page_is_whole_whenever_it_is_opened(
    house: House, visit: Visit, desk: Desk, tmp_path: Path, server: str, kind: str, size: int
) -> None:
    text = large.KINDS[kind](size)
    half = len(text) // 2
    with served(house, server, tmp_path) as origin:
        address = origin + desk.address
        early = await opened(visit, address)
        await desk.start_claimed(names=["Lamps"])
        await desk.write(text=text[:half])
        midway = await opened(visit, address)
        await desk.write(text=text[half:])
        await desk.end_section(position=0)
        await desk.finish()
        for page, ends in (early, midway, await opened(visit, address)):
            await ends.next()
            assert await page.evaluate(DIFFERENCES) == []
        page, ends = midway
        await page.reload(timeout=WAIT_MS)
        await ends.next()
        assert await page.evaluate(DIFFERENCES) == []


async def test_reader_in_the_middle_of_a_large_page_keeps_the_place_when_the_line_is_new(
    visit: Visit, desk: Desk
) -> None:
    """The browser paints after every part: what stands behind the first ones must not go for a moment."""
    await desk.start_claimed(names=["Lamps"])
    await desk.write(text=large.ascii_text(550_000))
    await desk.end_section(position=0)
    await desk.finish()
    page = await visit.context.new_page()
    lines: asyncio.Queue[WebSocketRoute] = asyncio.Queue()
    seen = []

    async def in_slow_motion(line: WebSocketRoute) -> None:
        frames: asyncio.Queue[str | bytes] = asyncio.Queue()
        line.connect_to_server().on_message(frames.put_nowait)
        kind = ""
        while kind != "end":
            line.send(frame := await frames.get())
            kind = json.loads(frame)["type"]
            await page.evaluate(PAINTED)
            seen.append(await page.evaluate(TOP))
        lines.put_nowait(line)

    await page.route_web_socket("**/ws/**", in_slow_motion)
    await page.goto(desk.address, timeout=WAIT_MS)
    async with asyncio.timeout(WAIT_MS / 1_000):
        first = await lines.get()
        await page.evaluate("scrollTo(0, document.documentElement.scrollHeight * 0.8)")
        before = await page.evaluate(TOP)
        seen.clear()
        await first.close(code=1012)
        await lines.get()
    assert len(seen) > 4
    assert all(place == before for place in seen)
    assert await page.evaluate(DIFFERENCES) == []
