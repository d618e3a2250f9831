"""A newcomer's first hour, as docs/operations.md has it: on a path, with TLS, behind nginx and behind Caddy."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Request, expect

from tests.browser.conftest import BROWSER_START_S, CHROMIUM, ROOT, WAIT_MS
from tests.support.proxies.caddy import caddy_on_path
from tests.support.proxies.nginx import nginx_on_path
from tests.support.proxies.running import free_port, proxied

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/path"
UPGRADE = "        proxy_set_header Upgrade $http_upgrade;\n        proxy_set_header Connection $connection_upgrade;\n"
SAMPLE = "A library of things"


class Installation:
    """`manage.py up` with a `PUBLIC_URL`, and what its commands say."""

    def __init__(self, folder: Path) -> None:
        self.port, self.front, self.folder = free_port(), free_port(), folder
        self.public = f"https://localhost:{self.front}{PATH}/"
        self.environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder / 'newcomer.sqlite3'}",
            "REDIS_URL": "",
            "STREAMGEN_PROVIDER": "scripted",
            "PUBLIC_URL": self.public,
        }
        with (folder / "up.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def manage(self, *words: str) -> str:
        return subprocess.check_output(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, text=True
        ).strip()

    def until_it_listens(self) -> None:
        for _ in range(BROWSER_START_S * 10):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/livez", timeout=5).close()
            except OSError:
                assert self.process.poll() is None, (self.folder / "up.log").read_text()
                time.sleep(0.1)
            else:
                return


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH")
    installation = Installation(tmp_path_factory.mktemp("newcomer"))
    installation.until_it_listens()
    yield installation
    installation.process.terminate()
    assert installation.process.wait(BROWSER_START_S) == 0


class Newcomer:
    """A browser that takes any certificate and remembers each answer that is none."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.faults: list[str] = []
        context.set_default_timeout(WAIT_MS)
        context.on("weberror", lambda fault: self.faults.append(str(fault.error)))
        context.on("response", lambda got: got.status >= 400 and self.faults.append(f"{got.status} {got.url}"))
        context.on("requestfailed", self._failed)

    def _failed(self, request: Request) -> None:
        if "ERR_ABORTED" not in str(request.failure):  # the page that asked has gone
            self.faults.append(f"{request.failure} {request.url}")


async def newcomer(browser: Browser) -> Newcomer:
    return Newcomer(await browser.new_context(ignore_https_errors=True, reduced_motion="reduce"))


async def signed_in(browser: Browser, installation: Installation) -> tuple[Newcomer, Page]:
    visitor = await newcomer(browser)
    page = await visitor.context.new_page()
    link = await asyncio.to_thread(installation.manage, "sign-in-link", "admin")
    assert link.startswith(installation.public)
    await page.goto(link)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(installation.public)
    return visitor, page


async def new_document(page: Page, installation: Installation, title: str) -> None:
    await page.goto(installation.public)
    await page.get_by_role("link", name=SAMPLE).click()
    await page.get_by_role("link", name=title, exact=True).click()
    await page.get_by_role("button", name="Start writing").click()
    await expect(page.locator("[data-document]")).to_contain_text(" ")


@pytest.mark.parametrize(
    ("proxy", "title"),
    [(nginx_on_path, "Project brief"), (partial(caddy_on_path, host="localhost"), "Technical specification")],
    ids=["nginx", "caddy"],
)
async def test_newcomer_signs_in_writes_stops_edits_and_shares(
    installation: Installation, browser: Browser, proxy: Callable[..., list[str]], title: str, tmp_path: Path
) -> None:
    with proxied(proxy(tmp_path, installation.front, [installation.port]), tmp_path, installation.front):
        visitor, page = await signed_in(browser, installation)
        await new_document(page, installation, title)
        await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
        await expect(page.locator("[data-fallback]")).to_have_count(0)
        await page.get_by_role("button", name="Cancel").click()
        await page.get_by_role("button", name="Cancel the document").click()
        await expect(page.locator('[data-field="pill"]')).to_have_text("Cancelled")
        await page.get_by_label("More").click()
        await page.get_by_role("link", name="Edit and rewrite sections").click()
        await page.get_by_role("link", name="Edit", exact=False).first.click()
        await page.get_by_label("Text").fill("Typed behind a proxy.")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("[data-document]")).to_contain_text("Typed behind a proxy.")
        await page.get_by_label("More").click()
        await page.get_by_role("link", name="Share…").click()
        await page.get_by_role("button", name="Make a link").click()
        shared = await page.locator(".secret code").inner_text()
        assert shared.startswith(f"{installation.public}shared/")
        await page.get_by_role("link", name="Admin", exact=True).click()
        await expect(page.get_by_role("link", name="Artifacts").first).to_be_visible()
        reader = await newcomer(browser)
        other = await reader.context.new_page()
        await other.goto(shared)
        await expect(other.locator("[data-document]")).to_contain_text("Typed behind a proxy.")
        await page.goto(installation.public)
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("Username").fill("admin")
        await page.get_by_label("Password").fill("a wrong one")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_contain_text("do not match")
        assert visitor.faults + reader.faults == []
        for one in (visitor, reader):
            await one.context.close()


async def test_nginx_without_the_upgrade_lines_is_told_and_the_text_comes_all_the_same(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    command = nginx_on_path(tmp_path, installation.front, [installation.port], changes={UPGRADE: ""})
    with proxied(command, tmp_path, installation.front):
        visitor, page = await signed_in(browser, installation)
        await new_document(page, installation, "User stories")
        note = page.locator("[data-fallback]")
        await expect(note).to_contain_text("proxy_set_header Upgrade $http_upgrade;")
        await expect(note).not_to_contain_text("PUBLIC_URL")
        await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
        before = len(await page.locator("[data-document]").inner_text())
        await page.wait_for_function(
            "(length) => document.querySelector('[data-document]').innerText.length > length", arg=before
        )
        await visitor.context.close()
