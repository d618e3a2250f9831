"""Somebody types `manage.py up` in an empty folder, opens the printed address, and ends it again."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import socket
from contextlib import AsyncExitStack, suppress

import aiohttp
import pytest
import websockets
from yarl import URL

from tests.support import large
from tests.support.commands import manage, run
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.limits import WAIT_S
from tests.support.reader import Reader
from tests.support.workbench import text_of_sections

pytestmark = pytest.mark.asyncio

FORBIDDEN = ("Traceback", "Error", "Warning")


async def token_for(folder, user: str = "admin") -> dict[str, str]:
    ran = await run("token", user, folder=folder)
    assert ran.code == 0, ran.err
    return {"Authorization": f"Bearer {ran.out.strip()}"}


def address_in(line: str) -> str:
    found = re.search(r"http://\S+", line)
    assert found
    return found[0]


async def test_first_run_on_a_terminal_prints_a_link_whose_button_signs_in_once_and_nowhere_a_password(tmp_path):
    terminal, inner = pty.openpty()
    async with manage("up", "--port", "0", folder=tmp_path, stdout=inner) as up, aiohttp.ClientSession() as browser:
        os.close(inner)
        said = await asyncio.to_thread(_said_until, terminal, "Ctrl-C")
        assert "scripted (not a model)" in said
        assert "SQLite" in said
        assert "password" not in said
        link = address_in(said)
        async with browser.get(link) as page:
            assert "Sign in as <bdi>admin</bdi>" in await page.text()
        token = {"csrfmiddlewaretoken": browser.cookie_jar.filter_cookies(URL(link))["csrftoken"].value}
        async with browser.post(link, data=token) as page:
            assert page.status == 200
            assert "A library of things" in await page.text()
        async with aiohttp.ClientSession() as another, another.get(link) as page:
            assert "sign-in" in str(page.url)
        up.process.send_signal(signal.SIGINT)
        ran = await up.ended()
        os.close(terminal)
    assert ran.code == 0
    assert not any(word in ran.err for word in FORBIDDEN), ran.err


def _said_until(terminal: int, words: str) -> str:
    said = ""
    while words not in said:
        said += os.read(terminal, 65_536).decode()
    return said


async def test_elsewhere_nothing_that_signs_in_is_printed_and_a_command_makes_the_link(folder):
    async with manage("up", "--port", "0", folder=folder) as up, aiohttp.ClientSession() as browser:
        await up.until("stop")
        said = "".join(up.said)
        port = re.search(r"address  http://localhost:(\d+)/sign-in/   \(`manage.py sign-in-link admin --port \1`", said)
        assert port, said
        made = await run("sign-in-link", "admin", "--port", port[1], folder=folder)
        assert (made.code, made.err, made.out.count("\n")) == (0, "", 1)
        async with browser.get(made.out.strip()) as page:
            assert "Sign in as <bdi>admin</bdi>" in await page.text()
    public = await run("sign-in-link", "admin", folder=folder, PUBLIC_URL="https://docs.example.com:8443/path/")
    assert public.out.startswith("https://docs.example.com:8443/path/sign-in/")
    nobody = await run("sign-in-link", "nobody", folder=folder)
    assert (nobody.code, nobody.out) == (1, "")
    assert "There is no user 'nobody'" in nobody.err


async def test_document_is_written_watched_and_left_in_order(folder, size):
    names = ["Light"] if size == "short" else [f"Light {number}" for number in range(8)]
    text = ("One light for the whole coast. " * 20 if size == "short" else large.KINDS[size](125_000)).strip()
    whole = text_of_sections([(name, text) for name in names])
    slow = Behaviour(text=text, piece_tokens=1 + len(text) // 500, pause_s=0.01, ignores_limit=True)
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(serving_endpoint(Script(default=slow)))
        model = {"STREAMGEN_PROVIDER": "openai", "OPENAI_BASE_URL": endpoint.base_url}
        up = await stack.enter_async_context(manage("up", "--port", "0", folder=folder, **model))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        origin = "/".join(address_in(await up.until("address")).split("/")[:3])
        login = await token_for(folder)
        plan = {"plan": [{"name": name, "max_tokens": 32_000} for name in names]}
        async with websockets.connect(
            f"{origin.replace('http', 'ws')}/ws/artifacts/1/?format=text", additional_headers=login
        ) as viewer:
            async with client.post(f"{origin}/api/artifacts/1/start", json=plan, headers=login) as answer:
                assert answer.status == 202
            reader = Reader()
            async with asyncio.timeout(WAIT_S):
                async for message in viewer:
                    reader.apply(message)
                    await viewer.send(reader.ack())
                    if reader.offset > len(whole) // 2:
                        break
            up.process.send_signal(signal.SIGTERM)
            with suppress(websockets.ConnectionClosedError):
                async with asyncio.timeout(WAIT_S):
                    async for message in viewer:
                        reader.apply(message)
            assert viewer.close_code == 1012
        ran = await up.ended()
    assert whole.startswith(reader.text)
    assert ran.code == 0
    assert not any(word in ran.err for word in FORBIDDEN), ran.err


async def test_without_a_worker_tasks_wait_until_one_comes(folder):
    async with manage("up", "--port", "0", "--no-worker", folder=folder) as up, aiohttp.ClientSession() as client:
        origin = "/".join(address_in(await up.until("address")).split("/")[:3])
        assert "tasks wait" in await up.until("model")
        login = await token_for(folder)
        plan = {"plan": [{"name": "Light"}]}
        await (await client.post(f"{origin}/api/artifacts/1/start", json=plan, headers=login)).read()

        async def state() -> dict[str, str]:
            async with client.get(f"{origin}/api/artifacts/1", headers=login) as answer:
                return (await answer.json())["state"]

        assert (await state())["reason"] == "queued"
        async with manage("runworker", "generation", folder=folder) as worker:
            async with asyncio.timeout(WAIT_S):
                while (await state())["tokens_generated"] == 0:
                    await asyncio.sleep(0.1)
            worker.process.send_signal(signal.SIGTERM)
            assert (await worker.ended()).code == 0
        now = await state()
        assert (now["status"], now["reason"]) in {("streaming", "shutdown"), ("complete", "")}


async def test_taken_port_is_an_error_that_names_the_fix(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = await run("up", "--port", str(taken.getsockname()[1]), folder=folder)
    assert ran.code == 1
    assert "--port" in ran.err
    assert "Traceback" not in ran.err


async def test_nonsense_in_the_environment_is_said_at_once(tmp_path):
    ran = await run("up", folder=tmp_path, STREAMGEN_FLUSH_MS="soon")
    assert ran.code != 0
    assert "STREAMGEN_FLUSH_MS must be a number" in ran.err


async def test_worker_listens_on_its_one_channel_only(tmp_path):
    ran = await run("runworker", "thumbnails", folder=tmp_path)
    assert ran.code == 1
    assert "runworker generation" in ran.err


async def test_worker_of_no_tasks_at_once_says_what_to_set(tmp_path):
    ran = await run("runworker", "generation", folder=tmp_path, STREAMGEN_CONCURRENCY="0")
    assert ran.code == 1
    assert "STREAMGEN_CONCURRENCY" in ran.err
