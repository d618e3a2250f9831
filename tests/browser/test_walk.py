"""A walk through every page: by the keyboard, and without a script. A page that no walk visits fails it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from playwright.async_api import Browser, Page

from tests.browser.conftest import Author, Desk, House, Visit, signed_in
from tests.browser.test_every_page import EVERYTHING, every_page, settled

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_PAGES = {
    *(
        "artifact-command",
        "artifact-estimate",
        "sharing-command",
        "profile-command",
        "project-create",
        "artifact-create",
    ),
    *("section-preview", "shared-export", "sign-in-link", "sign-out", "project-command", "budget", "picture-frame"),
    "element-file",
    *("artifact-export", "project-export", "shared-project-export"),
    *("asyncapi", "frames-schema"),
    "docs",  # somebody else's viewer: tests/browser/test_api_docs.py
}
"""Where forms and files go, and the frame of a picture: who opens these sees one of the other pages, or none."""

MOST_LATE = 50

WANTED = """() => {
    const shown = [...document.querySelectorAll(
        "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
        .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.tabIndex >= 0);
    const dialog = document.querySelector("dialog:modal");
    const inside = dialog ? shown.filter((one) => dialog.contains(one)) : shown;
    inside.forEach((one, number) => { one.number = number; });
    const chosen = new Set(inside.filter((one) => one.type === "radio" && one.checked).map((one) => one.name));
    window.wanted = inside.filter((one) => one.type !== "radio" || one.checked || !chosen.has(one.name));
    return window.wanted.length;
}"""
FOCUSED = """() => {
    const here = document.activeElement;
    if (!here || here === document.body) return null;
    const outlined = (pseudo) => {
        const {outlineStyle, outlineWidth} = getComputedStyle(here, pseudo);
        return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    };
    const box = here.getBoundingClientRect();
    return {
        number: here.number ?? -1,
        seen: outlined(null) || outlined("::after"),
        inView: box.bottom > 0 && box.top < innerHeight,
        what: `${here.tagName} ${here.id || here.name || here.href || here.className}`,
    };
}"""
MISSED = """(reached) => window.wanted.filter((one) => !reached.includes(one.number))
    .map((one) => `${one.tagName} ${one.id || one.name || one.href || one.textContent.trim()}`)"""
DEAD = """() => [...document.querySelectorAll("button, a")]
    .filter((one) => one.checkVisibility({visibilityProperty: true}))
    .filter((one) => one.tagName === "A" ? !one.hasAttribute("href")
        : !one.popoverTargetElement && (one.type === "button" || !one.form))
    .map((one) => one.textContent.trim())
    .concat([...document.querySelectorAll("form[method=post]")]
        .filter((form) => !form.querySelector("[name=csrfmiddlewaretoken]"))
        .map((form) => `unguarded: ${form.action}`))"""


def names_of(patterns: list[Any]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace in {"", None, "artifacts", "generation", "about-api"}:
                yield from names_of(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name


async def walked(page: Page) -> list[str]:
    """What is wrong with this page for who has only a keyboard."""
    wrong = []
    total = await page.evaluate(WANTED)
    reached: set[int] = set()
    late = 0
    ends = 0  # the focus leaves the page behind its last place, and comes in again at its first
    while len(reached) < total and ends < 2:
        await page.keyboard.press("Tab")
        here = await page.evaluate(FOCUSED)
        if here is None or here["number"] in reached:
            ends += 1
            continue
        if here["number"] < 0 and (late := late + 1) < MOST_LATE:
            continue  # a script has added it since
        reached.add(here["number"])
        if not here["seen"] or not here["inView"]:
            wrong.append(f"not seen: {here['what']}")
    return wrong + [f"not reached: {one}" for one in await page.evaluate(MISSED, list(reached))]


async def test_every_page_is_walked_by_the_keyboard_and_works_without_a_script(
    visit: Visit, desk: Desk, author: Author, browser: Browser, house: House
) -> None:
    pages = await every_page(visit, desk, author, EVERYTHING)
    visited = {resolve(urlsplit(address).path).url_name for _, address in pages}
    assert visited == set(names_of(get_resolver().url_patterns)) - NO_PAGES
    visit.forgives.append("404")
    page = await visit.context.new_page()
    wrong = {}
    async with signed_in(browser, house.origin, author, visit.name, java_script_enabled=False) as bare:
        plain = await bare.context.new_page()
        for name, address in pages:
            await page.goto(address)
            await settled(page)
            found = [f"keyboard: {one}" for one in await walked(page)]
            answer = await plain.goto(address)
            assert answer is not None
            if (answer.status == 404) != (name == "not found") or not await plain.locator("h1").count():
                found.append(f"without a script: {answer.status}")
            found += [f"without a script: dead: {one}" for one in await plain.evaluate(DEAD)]
            if found:
                wrong[name] = found
    assert wrong == {}
