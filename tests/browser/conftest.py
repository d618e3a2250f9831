"""A real browser, a real server with a database of its own, a second process that writes. Without Chromium: skipped."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

ROOT = Path(__file__).resolve().parents[2]
WAIT_MS = 60_000
BROWSER_START_S = 180
WHOLE_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM = shutil.which("chromium-headless-shell") or WHOLE_CHROMIUM
"""Where there is the one without windows, tabs and profiles: its pages are the same, and cost half."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
FLAGS += ("--disable-component-update", "--disable-sync")

expect.set_options(timeout=WAIT_MS)


class House:
    """The server under test: it can be killed, and comes back on the same port with the same database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "browser.sqlite3"
        self.environment = os.environ | {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "REDIS_URL": "",
            "STREAMGEN_PROVIDER": "scripted",
            "STREAMGEN_USER_RUNNING": "100000",
            "STREAMGEN_USER_QUEUED": "100000",
            "STREAMGEN_USER_STARTS_PER_MINUTE": "100000",
            "DJANGO_SETTINGS_MODULE": "streamgen.settings",
        }
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Return when the server answers; the socket listens before its process begins, so nothing is guessed."""
        with (
            socket.create_server(("127.0.0.1", self.port), backlog=128) as listener,
            (self.folder / "server.log").open("ab") as log,
        ):
            self.port = listener.getsockname()[1]
            command = ["-m", "daphne", "--fd", str(listener.fileno()), "-v", "0", "streamgen.asgi:application"]
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment,
                pass_fds=[listener.fileno()],
                stdout=log,
                stderr=log,
            )
        urllib.request.urlopen(f"{self.origin}/sign-in/", timeout=BROWSER_START_S).close()

    def close(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(BROWSER_START_S)


class Author:
    """The other process; `await author.write(artifact=1, text="...")` does what `tests/browser/author.py` says."""

    def __init__(self, house: House) -> None:
        with (house.folder / "author.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.browser.author"],
                cwd=ROOT,
                env=house.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._answer()

    def __getattr__(self, verb: str) -> Any:
        async def obey(**order: Any) -> Any:
            return await asyncio.to_thread(self._obey, {"verb": verb, **order})

        return obey

    def _obey(self, order: dict[str, Any]) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer


@pytest.fixture(scope="session")
def house(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> House:
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH (chromium-headless-shell, chromium, chromium-browser or google-chrome)")
    house = House(tmp_path_factory.mktemp("house"))
    shutil.copyfile(migrated_file, house.database)
    return house


@pytest.fixture(scope="session")
def author(house: House) -> Iterator[Author]:
    author = Author(house)
    yield author
    author.process.communicate(timeout=BROWSER_START_S)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(house: House, author: Author) -> AsyncIterator[Browser]:
    """The browser, and the open house: both start at the same time."""
    async with async_playwright() as playwright:
        launch = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        browser, _ = await asyncio.gather(launch, asyncio.to_thread(house.open))
        yield browser
        await browser.close()
    house.close()


class Visit:
    """One visitor's browser, signed in; it remembers what went wrong in it, but for what `forgives` names."""

    def __init__(self, context: BrowserContext, name: str) -> None:
        self.context = context
        self.name = name
        self.forgives: list[str] = []
        self._faults: list[str] = []
        context.on("weberror", lambda fault: self._faults.append(str(fault.error)))
        context.on("console", lambda said: said.type in {"error", "warning"} and self._faults.append(said.text))

    @property
    def faults(self) -> list[str]:
        return [fault for fault in self._faults if not any(words in fault for words in self.forgives)]

    async def open(self, address: str) -> Page:
        page = await self.context.new_page()
        await page.goto(address)
        return page


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, house: House, author: Author, request: pytest.FixtureRequest) -> AsyncIterator[Visit]:
    """A signed-in visitor with a name of its own. Parameters go to the browser's context. Faults fail the test.

    Motion is reduced unless a parameter says otherwise: without a graphics card every frame costs time.
    """
    name = f"visitor-{request.node.name}"[:140]
    wanted = {"reduced_motion": "reduce"} | getattr(request, "param", {})
    async with signed_in(browser, house.origin, author, name, **wanted) as visit:
        yield visit
        assert not visit.faults


@asynccontextmanager
async def signed_in(browser: Browser, origin: str, author: Author, name: str, **wanted: Any) -> AsyncIterator[Visit]:
    session = await author.visitor(name=name)
    context = await browser.new_context(base_url=origin, **wanted)
    context.set_default_timeout(WAIT_MS)
    await context.add_cookies([{"name": "sessionid", "value": session["cookie"], "url": origin}])
    yield Visit(context, name)
    await context.close()


class Desk:
    """A document on the desk of the other process."""

    def __init__(self, author: Author, made: dict[str, int]) -> None:
        self._author = author
        self.project = made["project"]
        self.artifact = made["artifact"]

    @property
    def address(self) -> str:
        return f"/artifacts/{self.artifact}/"

    def __getattr__(self, verb: str) -> Any:
        async def obey(**order: Any) -> Any:
            return await getattr(self._author, verb)(artifact=self.artifact, **order)

        return obey


@pytest_asyncio.fixture(loop_scope="session")
async def desk(author: Author, visit: Visit) -> Desk:
    """An idle document of the visitor."""
    return Desk(author, await author.new_project(owner=visit.name, description="A lamp that never goes out."))
