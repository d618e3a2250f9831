"""A page whose reader was signed out in another tab: it says so, keeps its text, and offers nothing to press."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Author, Desk, House, Visit
from tests.browser.test_live_page import LAMP, pill

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_page_of_who_is_signed_out_says_so_and_offers_nothing_that_would_be_refused(
    visit: Visit, desk: Desk, author: Author, house: House
) -> None:
    await desk.start_claimed(names=["Purpose"])
    await desk.write(text=LAMP)
    page = await visit.open(desk.address)
    await expect(page.locator("[data-document] em")).to_have_text("never")
    other = await visit.open("/")
    await other.get_by_role("button", name="Sign out").click()
    await expect(pill(page)).to_have_text("Signed out")
    await expect(page.locator("[data-document] em")).to_be_visible()
    await page.get_by_label("More").click()
    offered = page.locator(".actions form button:enabled, .actions [data-menu] a[href]")
    await expect(offered.locator("visible=true")).to_have_count(0)
    await page.keyboard.press("p")  # nor by a key
    await desk.write(text=" And more.")
    await expect(page.locator("[data-announce]")).to_have_text("You are signed out.")
    await expect(pill(page)).to_have_text("Signed out")

    session = await author.visitor(name=visit.name)  # signed in again, in another tab
    await visit.context.add_cookies([{"name": "sessionid", "value": session["cookie"], "url": house.origin}])
    await other.bring_to_front()
    await page.bring_to_front()
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(pill(page)).to_have_text("Writing")
    await expect(page.locator("[data-document]")).to_contain_text("And more.")


async def test_what_was_typed_before_the_sign_out_stays_to_be_copied(visit: Visit, desk: Desk) -> None:
    page = await visit.open(desk.address)
    field = page.locator("#start-instructions")
    await field.fill("Long and dear words.")
    other = await visit.open("/")
    await other.get_by_role("button", name="Sign out").click()
    await expect(pill(page)).to_have_text("Signed out")
    await expect(field).to_be_visible()
    await expect(field).to_have_value("Long and dear words.")
    await expect(page.get_by_role("button", name="Start writing")).to_be_disabled()


async def test_project_page_offers_nothing_either(visit: Visit, desk: Desk) -> None:
    page = await visit.open(f"/projects/{desk.project}/")
    await expect(page.get_by_role("button", name="Write all")).to_be_enabled()
    other = await visit.open("/")
    await other.get_by_role("button", name="Sign out").click()
    await page.bring_to_front()
    await expect(page.get_by_role("alert")).to_contain_text("You are signed out.")
    await expect(page.get_by_role("button", name="Write all")).to_be_disabled()
