"""The client before the real product, over a line that breaks and goes dead, to a server that is replaced."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from streamgen.client import (
    BlockingClient,
    CallRefused,
    Client,
    DocumentEnded,
    EpochBegan,
    NoSuchDocument,
    ServerAway,
    SignInNeeded,
    TextAdded,
    TextPlace,
)
from tests.faults.system.proxy import Direction, Fate, Proxy
from tests.support.limits import WAIT_S
from tests.support.servers import ROOT, serving_product

CUTS = 24
TOKEN_OF_A_NEW_USER = """
from django.core.management import call_command
from django.contrib.auth.models import User
User.objects.create_user("ada")
call_command("token", "ada")
"""
PLAN = [{"name": "Why", "max_tokens": 250}, {"name": "How", "max_tokens": 250}]


class Installation:
    """The product with its worker on a database of its own; the server behind `port` can be replaced."""

    def __init__(self, folder: Path, migrated_file: Path) -> None:
        self.folder, self._stack = folder, ExitStack()
        shutil.copyfile(migrated_file, folder / "db.sqlite3")
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}", "REDIS_URL": ""}
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", TOKEN_OF_A_NEW_USER]
        made = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        self.token = made.stdout.split()[-1]
        self.begin()

    def begin(self) -> None:
        serving = serving_product("uvicorn", database=self.folder / "db.sqlite3", folder=self.folder)
        self.port = self._stack.enter_context(serving).port

    def end(self) -> None:
        self._stack.close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Installation]:
    running = Installation(tmp_path_factory.mktemp("installation"), migrated_file)
    yield running
    running.end()


def documents(client: BlockingClient, number: int) -> list[int]:
    project = client.create_project("Lighthouse")
    return [one["id"] for one in project["artifacts"]][:number]


@pytest.mark.timeout(120)
def test_text_is_whole_over_a_line_that_breaks_and_a_server_that_is_replaced(installation):
    dice = Random(11)
    with BlockingClient(installation.address, token=installation.token) as direct:
        ids = documents(direct, 3)

    async def follow(client: Client, artifact: int) -> tuple[str, DocumentEnded]:
        text = ""
        async for event in client.watch(artifact):
            match event:
                case EpochBegan():
                    text = ""
                case TextAdded():
                    assert event.offset == len(text)
                    text += event.text
                case DocumentEnded():
                    return text, event
        raise AssertionError("the watch ended before the document did")

    async def story() -> None:
        proxy = Proxy(installation.port)
        cuts = 0

        def rule(direction: Direction, data: bytes) -> Fate:
            nonlocal cuts
            if direction == "down" and cuts < CUTS and dice.random() < 0.5:
                cuts += 1
                return dice.choice(["cut", "pass-then-cut"])
            return "pass"

        await proxy.start()
        async with Client(f"http://127.0.0.1:{proxy.port}", token=installation.token, silence_s=1.0) as client:
            watching = [asyncio.create_task(follow(client, artifact)) for artifact in ids for _ in range(2)]
            for artifact in ids:
                await client.start(artifact, plan=PLAN)
            proxy.rule = rule
            async with asyncio.timeout(WAIT_S):
                while cuts < CUTS // 3:
                    await asyncio.sleep(0.05)
            proxy.strand()  # those who are there hear nothing more, and no goodbye
            await asyncio.to_thread(installation.end)
            await asyncio.to_thread(installation.begin)
            proxy.upstream = installation.port
            seen = await asyncio.gather(*watching)
            whole = [await client.text(artifact) for artifact in ids for _ in range(2)]
        await proxy.stop()
        assert [text for text, _ in seen] == whole
        assert {ending.status for _, ending in seen} == {"complete"}
        assert cuts == CUTS

    asyncio.run(story())


def test_calls_say_what_is_wrong_and_a_script_needs_no_loop(installation):
    with BlockingClient(installation.address, token=installation.token) as client:
        (artifact,) = documents(client, 1)
        client.start(artifact, plan=PLAN[:1])
        text = "".join(event.text for event in client.watch(artifact) if isinstance(event, TextAdded))
        assert text == client.text(artifact)
        half = TextPlace(client.artifact(artifact)["epoch"], len(text) // 2)
        rest = [event for event in client.watch(artifact, since=half) if isinstance(event, TextAdded)]
        assert "".join(event.text for event in rest) == text[half.offset :]
        section = client.section(artifact, 1)
        client.edit_section(artifact, 1, "By ship.", base_sha256=section["sha256"])
        with pytest.raises(CallRefused) as refused:
            client.edit_section(artifact, 1, "By land.", base_sha256=section["sha256"])
        assert (refused.value.status, refused.value.code) == (409, "base_changed")
        with pytest.raises(CallRefused, match=r"plan\[0\]") as refused:
            client.regenerate(artifact, plan=[{"name": ""}])
        assert refused.value.status == 422
        client.delete(artifact)
        with pytest.raises(NoSuchDocument):
            next(client.watch(artifact))
        with pytest.raises(NoSuchDocument):
            client.text(artifact)
    with BlockingClient(installation.address, token="wrong") as nobody:
        with pytest.raises(SignInNeeded):
            nobody.projects()
        with pytest.raises(SignInNeeded):
            next(nobody.watch(1))


def test_server_that_is_not_there_is_given_up_in_time(unused_tcp_port):
    with BlockingClient(f"http://127.0.0.1:{unused_tcp_port}", token="any") as client, pytest.raises(ServerAway):
        next(client.watch(1, away_s=0.5))


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://localhost/", "http:///path"])
def test_address_that_is_none_is_refused_at_once(address):
    with pytest.raises(ValueError, match="begins with http"):
        BlockingClient(address)
