"""Hostile texts cut at every place in a real browser: nothing runs, nothing is asked for, no link leads wrong."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache

import pytest
import pytest_asyncio
from django.conf import settings
from playwright.async_api import Browser, Route, async_playwright

from artifacts.preview import LivePreview
from tests.artifacts.preview.inputs.hostile import HOSTILE
from tests.browser.conftest import CHROMIUM, FLAGS

PAGE = "http://preview.example/"
PIECES_A_PAGE = 3_000
BAD = (
    "<img src='http://evil.example/i' onerror='alert(1)'>",
    "<script>alert(1)</script>",
    "<p onmouseover='alert(1)'>a</p>",
    "<a href='java&Tab;script:alert(1)'>a</a>",
    "<p style='background:url(http://evil.example/b)'>a</p>",
)

WATCH = """
window.ran = [];
for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = () => window.ran.push(name);
addEventListener("securitypolicyviolation", (event) => window.ran.push(event.violatedDirective));
"""
# Touches everything as a reader might, then tells where links lead, as the browser itself reads them.
TOUCH = """() => {
    addEventListener("click", (event) => event.preventDefault(), true);
    for (const element of document.querySelectorAll("#document *"))
        for (const name of ["mouseover", "focus", "click", "toggle", "load", "error", "animationstart", "input"])
            element.dispatchEvent(new Event(name, {bubbles: false, cancelable: true}));
    const links = [...document.querySelectorAll("#document a[href]")].map((link) => link.protocol);
    return {schemes: [...new Set(links)], pieces: document.querySelector("#document").childElementCount};
}"""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH"),
    pytest.mark.asyncio(loop_scope="module"),
]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a page did: what ran, the requests beside its own, the schemes of its links, and how many pieces it has."""

    ran: list[str]
    requests: list[str]
    schemes: set[str]
    pieces: int


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        await chromium.close()


@cache
def renderings() -> tuple[str, ...]:
    """The preview of every hostile text at every place where it may be cut, and of the whole; each once."""
    found: dict[str, None] = {}
    for text in HOSTILE:
        preview = LivePreview()
        for character in text:
            preview.append(character)
            preview.update()
            found["".join([*preview.fragments, preview.tail])] = None
        found[preview.finish()] = None
    return tuple(found)


async def show(browser: Browser, pieces: tuple[str, ...], *, has_policy: bool, is_written_late: bool) -> Seen:
    """Show the pieces: in the page as it comes, or written into it by a script, as the live page does."""
    html = "".join(f"<div>{piece}</div>" for piece in pieces)
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    policy = "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())
    requests: list[str] = []

    async def answer(route: Route) -> None:
        if route.request.url == PAGE:
            await route.fulfill(
                content_type="text/html; charset=utf-8",
                headers={"Content-Security-Policy": policy} if has_policy else {},
                body=f'<!doctype html><body id="body"><main id="document">{"" if is_written_late else html}</main>',
            )
        else:
            requests.append(route.request.url)
            await route.abort()

    context = await browser.new_context()
    try:
        await context.add_init_script(WATCH)
        await context.route("**/*", answer)
        page = await context.new_page()
        await page.goto(PAGE)
        if is_written_late:
            await page.evaluate("html => { document.querySelector('#document').innerHTML = html; }", html)
        told = await page.evaluate(TOUCH)
        # What the pieces started is over when a task that was queued behind it is.
        ran = await page.evaluate("() => new Promise(done => setTimeout(() => done(window.ran), 100))")
        assert page.url == PAGE
        return Seen(ran=ran, requests=requests, schemes=set(told["schemes"]), pieces=told["pieces"])
    finally:
        await context.close()


@pytest.mark.parametrize("is_written_late", [False, True])
async def test_bad_html_is_noticed(browser: Browser, is_written_late: bool) -> None:
    seen = await show(browser, BAD, has_policy=False, is_written_late=is_written_late)
    assert seen.ran.count("alert") >= 2
    assert {"http://evil.example/i", "http://evil.example/b"} <= set(seen.requests)
    assert "javascript:" in seen.schemes


@pytest.mark.parametrize("is_written_late", [False, True])
@pytest.mark.parametrize("has_policy", [True, False])
async def test_hostile_text_does_nothing_in_a_browser(
    browser: Browser, has_policy: bool, is_written_late: bool
) -> None:
    every = renderings()
    for first in range(0, len(every), PIECES_A_PAGE):
        pieces = every[first : first + PIECES_A_PAGE]
        seen = await show(browser, pieces, has_policy=has_policy, is_written_late=is_written_late)
        assert seen.ran == seen.requests == []
        assert seen.schemes <= {"http:", "https:", "mailto:"}
        assert seen.pieces == len(pieces), "a piece is not closed, or closes another's element"
