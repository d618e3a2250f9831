"""The page of the API's calls: the viewer stands under our policy, and a call that is tried there is done."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Author, Visit
from tests.browser.test_every_page import POLICY, policy

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_call_is_read_and_tried_as_whoever_is_signed_in(visit: Visit, author: Author) -> None:
    page = await visit.context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    answer = await page.goto("/api/docs")
    assert policy(answer) == POLICY - {"img-src 'self'"} | {"img-src 'self' data:"}
    await expect(page.locator(".opblock-tag")).to_have_count(9)
    call = page.locator("#operations-projects-generation_api_create_project")
    await call.locator(".opblock-summary-control").click()
    await call.get_by_role("button", name="Try it out").click()
    await call.locator("textarea").fill('{"title": "Tried on the page"}')
    await call.get_by_role("button", name="Execute").click()
    await expect(call.locator(".live-responses-table td.response-col_status:not(.col_header)")).to_have_text(
        re.compile("^201")
    )
    projects = await visit.context.request.get("/api/projects")
    assert "Tried on the page" in [project["title"] for project in await projects.json()]
    assert told == []
