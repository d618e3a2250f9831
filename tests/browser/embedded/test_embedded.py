"""Documents in a Django project of others, made in a new environment from the wheel by what docs/embed.md prints."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from artifacts.live.protocol import MESSAGE_BYTES
from streamgen.client import Client, DocumentEnded
from tests.browser.conftest import ROOT, WAIT_MS

PAGE = ROOT / "docs" / "embed.md"
BLOCK = re.compile(
    r"^[^\n]*`([\w/]+\.(?:py|html))`:\n\n(?:<!--[^\n]*-->\n)?```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL
)
START_S = 60
PASSWORD = "a long enough password"
PARTS = (
    "artifacts",
    "generation",
    "streamgen",
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
)
PEOPLE = '''"""People who sign in with an address, and whose keys are no numbers."""
import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class People(BaseUserManager):
    def create_superuser(self, email, password=None):
        person = self.model(email=email, is_staff=True, is_superuser=True)
        person.set_password(password)
        person.save()
        return person


class Person(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    objects = People()
    USERNAME_FIELD = "email"
'''
COMMANDS = """
import importlib, os
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
for line in {lines}:
    importlib.invalidate_caches()
    execute_from_command_line(line)
"""
ECHO = """
from channels.generic.websocket import WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path
from streamgen.embedding.application import with_documents

class Echo(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data)

application = with_documents(
    ProtocolTypeRouter(
        {"http": get_asgi_application(), "websocket": URLRouter([path("ws/echo/", Echo.as_asgi())])}
    )
)
"""
FRAME = """<!doctype html><html lang="en"><title>{% block title %}{% endblock %}</title>
{% block extra_head %}{% endblock %}<h2>The house of others</h2>{% block content %}{% endblock %}</html>"""

pytestmark = pytest.mark.asyncio(loop_scope="session")


class OwnProject:
    """A project in a folder, and the Python of its environment."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder = folder
        self.python = python
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("STREAMGEN_", "OPENAI_", "DJANGO_", "DATABASE_", "REDIS_", "PYTHON", "COV_"))
        } | {"STREAMGEN_PROVIDER": "scripted", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(
            [self.python, *command], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr + done.stdout

    def manage(self, *commands: str, code: int = 0) -> str:
        """One after the other, as `manage.py` does each; in one process, which begins once."""
        lines = [line.split() for line in commands]
        return self.run("-c", COMMANDS.format(lines=[["manage.py", *words] for words in lines]), code=code)

    def begin_writing(self) -> subprocess.Popen[str]:
        """Another process that writes document 1; it has begun when this returns."""
        command = ["manage.py", "generate", "--project", "A lighthouse", "--phase", "brief"]
        writing = subprocess.Popen(
            [self.python, *command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert writing.stderr is not None
        said = ""
        while "Document 1:" not in said:
            line = writing.stderr.readline()
            assert line, said
            said += line
        return writing

    @contextmanager
    def served(self) -> Iterator[str]:
        """By Django's own `runserver`; the origin where it answers."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with (self.folder / "server.log").open("ab") as log:
            server = subprocess.Popen(
                [self.python, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        try:
            origin = f"http://127.0.0.1:{port}"
            answers(f"{origin}/admin/login/")
            yield origin
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(START_S)


def answers(address: str) -> None:
    """Return when something is there."""
    last = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(address, timeout=START_S).close()
            return
        except OSError:
            assert time.monotonic() < last, address
            time.sleep(0.1)


async def what_comes_in_is_bounded(origin: str, token: str, document: int) -> None:
    """For what is of documents; all else is the project's."""
    address = f"ws{origin.removeprefix('http')}/docs/ws/artifacts/{document}/"
    async with connect(address, additional_headers={"Authorization": f"Bearer {token}"}) as viewer:
        await viewer.send("x" * (MESSAGE_BYTES + 1))
        while viewer.close_code is None:
            with suppress(ConnectionClosed):
                await viewer.recv()
    assert viewer.close_code == 1009
    status, kind, body = asked(
        f"{origin}/docs/v1/responses", {"Authorization": f"Bearer {token}"}, b'{"model": "%s"}' % (b"x" * 5_000_000)
    )
    assert (status, kind, json.loads(body)["error"]["code"]) == (413, "application/json", "too_large")


def programs_are_told_problems(origin: str) -> None:
    """Also where Django refuses before anything of documents is asked; the project's pages stay its own."""
    for path, headers, status, code in (
        ("/docs/api/projects", {"Host": "elsewhere.example"}, 400, "wrong_host"),
        ("/docs/api/projects", {"Host": "not a name"}, 400, "wrong_host"),
        ("/docs/streams/nothing", {}, 404, "not_found"),
    ):
        got, kind, body = asked(f"{origin}{path}", headers)
        assert (got, kind, json.loads(body)["code"]) == (status, "application/problem+json", code)
    assert "/docs/api/docs lists them" in json.loads(asked(f"{origin}/docs/api/nothing")[2])["detail"]
    assert asked(f"{origin}/docs/nothing")[:2] == (404, "text/html; charset=utf-8")
    assert asked(f"{origin}/api/nothing")[:2] == (404, "text/html; charset=utf-8")


def asked(address: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> tuple[int, str, bytes]:
    try:
        answer = urllib.request.urlopen(urllib.request.Request(address, body, headers or {}), timeout=START_S)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        return answer.status, answer.headers["Content-Type"], answer.read()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with nothing of ours but the wheel; what it depends on is that of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PARTS]
    for name in filter(
        None, subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    ):
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    build = "import setuptools.build_meta as build; build.build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    packages = next((folder / "env" / "lib").glob("python*/site-packages"))
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:  # to unpack one is to install it where it has no scripts
        assert not [name for name in files.namelist() if ".data/" in name or name.endswith("entry_points.txt")]
        files.extractall(packages)
    return python


@pytest.fixture
def project(python: Path, tmp_path: Path) -> OwnProject:
    """As `django-admin startproject mysite` makes it."""
    own = OwnProject(tmp_path, python)
    own.run("-m", "django", "startproject", "mysite", ".")
    return own


def add(project: OwnProject, name: str, lines: str) -> None:
    file = project.folder / name
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as opened:
        opened.write(f"\n{lines}")


def printed_lines() -> list[tuple[str, str]]:
    return BLOCK.findall(PAGE.read_text(encoding="utf-8").partition("## What is yours")[0])


async def test_ten_lines_make_a_live_preview_in_a_fresh_project(project: OwnProject, browser: Browser) -> None:
    blocks = printed_lines()
    assert {name for name, _ in blocks} == {
        "mysite/settings.py",
        "mysite/asgi.py",
        "mysite/urls.py",
        "templates/read.html",
    }
    assert len([line for _, lines in blocks for line in lines.splitlines() if line]) == 10
    for name, lines in blocks:
        add(project, name, lines)
    made = "createsuperuser --noinput --username me --email me@example.org"
    said = project.manage("check", "migrate -v0", made, "up", code=1)
    assert "no issues" in said
    assert "In your own project: manage.py migrate, then manage.py runserver" in said
    with project.served() as origin:
        context = await browser.new_context()
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on("response", lambda got: got.status >= 400 and faults.append(f"{got.status} {got.url}"))
        await page.goto(f"{origin}/docs/")
        await page.fill("#id_username", "me")
        await page.fill("#id_password", PASSWORD)
        await page.click("[type=submit]")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        writing = await asyncio.to_thread(project.begin_writing)
        await page.goto(f"{origin}/read/1/")
        shown = page.locator("streamgen-document")
        await expect(shown.get_by_role("article")).to_have_attribute("aria-busy", "true")
        before = len(await shown.get_by_role("article").inner_text())
        await expect(shown.get_by_role("heading", level=2)).not_to_have_count(0)
        await expect(shown).to_have_attribute("data-status", "complete", timeout=3 * WAIT_MS)
        assert len(await shown.get_by_role("article").inner_text()) > before
        await page.screenshot(path=str(project.folder / "shown.png"))
        assert faults in ([], [f"404 {origin}/favicon.ico"])  # a fresh project has none
        _, said = await asyncio.to_thread(writing.communicate, timeout=START_S)
        assert writing.returncode == 0, said
        async with context.expect_page():
            await page.evaluate("open('/docs/artifacts/1/')")
        live = context.pages[-1]
        await expect(live.locator("[data-live]")).to_have_attribute("data-connection", "open")
        await context.close()


async def test_project_where_nobody_could_sign_in_is_told(project: OwnProject) -> None:
    for name, lines in printed_lines():
        add(project, name, lines)
    addresses = project.folder / "mysite" / "urls.py"
    addresses.write_text(re.sub(r"path\('admin/'.*", "", addresses.read_text(encoding="utf-8")), encoding="utf-8")
    said = project.manage("check")
    assert "streamgen.W005" in said
    assert 'LOGIN_URL = "/the/address/of/your/page/"' in said


async def test_people_frame_prefix_and_sockets_of_the_project_stay_its_own(
    project: OwnProject, browser: Browser
) -> None:
    for name, lines in printed_lines():
        if name != "mysite/asgi.py":
            add(project, name, lines)
    (frame,) = re.findall(
        r"^```django\n(\{% extends.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    add(project, "templates/artifacts/base.html", frame)
    add(project, "templates/base.html", FRAME)
    add(project, "mysite/asgi.py", ECHO)
    add(project, "people/__init__.py", "")
    add(project, "people/models.py", PEOPLE)
    add(
        project,
        "mysite/settings.py",
        'INSTALLED_APPS += ["people"]\nAUTH_USER_MODEL = "people.Person"\nLOGIN_URL = "/admin/login/"\n',
    )
    made = "createsuperuser --noinput --email me@example.org"
    said = project.manage("makemigrations people", "check", "migrate -v0", made, "token me@example.org")
    assert "no issues" in said
    token = said.strip().splitlines()[-1]
    with project.served() as origin:
        async with Client(f"{origin}/docs/", token=token) as client:
            made = await client.create_project("A lighthouse")
            brief = made["artifacts"][0]["id"]
            await client.start(brief)
            told = [event async for event in client.watch(brief)]
            assert isinstance(told[-1], DocumentEnded)
            text = await client.text(brief)
        async with connect(f"ws{origin.removeprefix('http')}/ws/echo/") as own:
            await own.send("hello")
            assert await own.recv() == "hello"
            await own.send("x" * (MESSAGE_BYTES + 1))
            assert len(await own.recv()) == MESSAGE_BYTES + 1
        await what_comes_in_is_bounded(origin, token, brief)
        programs_are_told_problems(origin)
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"{origin}/docs/artifacts/{brief}/")
        await page.fill("#id_username", "me@example.org")
        await page.fill("#id_password", PASSWORD)
        await page.click("[type=submit]")
        await expect(page.locator("[data-live]")).to_have_attribute("data-connection", "open")
        await expect(page.get_by_role("heading", name="The house of others")).to_be_visible()
        await expect(page.locator("[data-document]")).to_contain_text(text.splitlines()[0].removeprefix("## "))
        await page.goto(f"{origin}/docs/projects/{made['id']}/sharing/")
        await expect(page.get_by_role("heading", name="me@example.org")).to_be_visible()
        await context.close()
