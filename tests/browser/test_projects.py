"""Pages of projects: live for whoever sees them, whatever ran when they were opened."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Author, Desk, House, Visit, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_shared_project_page_on_which_nothing_ran_becomes_live_for_members_and_by_a_link(
    visit: Visit, desk: Desk, author: Author, browser: Browser, house: House
) -> None:
    await author.join(project=desk.project, name="member")
    shared = (await author.share(project=desk.project))["address"]
    async with signed_in(browser, house.origin, author, "member") as member:
        pages = [await member.open(f"/projects/{desk.project}/"), await visit.open(shared)]
        rows = [page.locator(f'[data-artifact="{desk.artifact}"]') for page in pages]
        await rows[0].get_by_role("link").focus()
        await desk.start_claimed(names=["Purpose", "Dangers"])
        for page, row in zip(pages, rows, strict=True):
            await page.bring_to_front()
            await expect(row).to_contain_text("0 of 2 sections")
        await expect(rows[0].get_by_role("link")).to_be_focused()
        await desk.stop(reason="auth", detail="401")
        for page, row in zip(pages, rows, strict=True):
            await page.bring_to_front()
            await expect(row).to_contain_text("The provider refused the key.")
            await expect(page.locator("[data-announce]")).to_have_text("Project brief: Paused.")
        await author.leave(project=desk.project, name="member")
        await pages[0].bring_to_front()
        await expect(pages[0].get_by_role("alert")).to_have_text("This project is gone, or no longer yours to see.")
        await member.context.clear_cookies()
        await expect(pages[0].get_by_role("alert")).to_contain_text("You are signed out.")
        assert [fault for fault in member.faults if "404" not in fault] == []


async def test_invitation_is_taken_by_its_button(desk: Desk, author: Author, browser: Browser, house: House) -> None:
    invitation = (await author.invite(project=desk.project))["address"]
    async with signed_in(browser, house.origin, author, "newcomer") as newcomer:
        page = await newcomer.open(invitation)
        await page.get_by_role("button", name="Join").click()
        await expect(page).to_have_url(f"{house.origin}/projects/{desk.project}/")


async def test_first_page_of_somebody_new_stands_in_one_column(author: Author, browser: Browser, house: House) -> None:
    async with signed_in(browser, house.origin, author, "somebody-new") as newcomer:
        page = await newcomer.open("/")
        header, form = page.locator(".welcome"), page.get_by_role("region", name="Your first project")
        boxes = [await one.bounding_box() for one in (header, form)]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert (boxes[0]["x"], boxes[0]["width"]) == (boxes[1]["x"], boxes[1]["width"])


async def test_page_shows_that_somebody_else_has_all_documents_written(
    visit: Visit, desk: Desk, author: Author
) -> None:
    page = await visit.open(f"/projects/{desk.project}/?show=complete")
    await expect(page.get_by_role("button", name="Write all")).to_be_visible()  # whatever the list is narrowed to
    headers = {"Authorization": f"Bearer {(await author.api_token(name=visit.name))['token']}"}
    for verb in ("write", "write/pause"):
        assert (await visit.context.request.post(f"/api/projects/{desk.project}/{verb}", headers=headers)).ok
    await expect(page.get_by_role("button", name="Resume all")).to_be_visible()
    await expect(page.get_by_role("button", name="Write all")).to_be_hidden()
    assert (await visit.context.request.post(f"/api/projects/{desk.project}/write/cancel", headers=headers)).ok
    await expect(page.get_by_role("button", name="Write all")).to_be_visible()


async def test_what_is_shown_once_is_copied_by_its_button(visit: Visit, desk: Desk) -> None:
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await visit.open(f"/projects/{desk.project}/sharing/")
    await page.get_by_role("button", name="Make a link").click()
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == await page.locator(".secret code").inner_text()
