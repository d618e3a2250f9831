"""Watches over a line that is cut and goes dead: `python -m tests.streamgen.client.cutting [--rounds 10] [--cuts 20]`.

Each round has some documents written, each with two watchers behind one proxy. It cuts connections as frames pass,
before, in the middle of and behind a portion, leaves all of them dead once without a goodbye, as a machine that slept
finds them, and has another server behind it then. What each watcher has at the end is to be the text.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from streamgen.client import Client, DocumentEnded, EpochBegan, TextAdded
from tests.faults.system.proxy import Direction, Fate, Proxy
from tests.support.limits import WAIT_S
from tests.support.servers import ROOT, Server, serving_product

CUT_PLAN = [{"name": "Why", "max_tokens": 250}, {"name": "How", "max_tokens": 250}]
TOKEN_OF_A_NEW_USER = """
from django.core.management import call_command
from django.contrib.auth.models import User
call_command("migrate", verbosity=0)
User.objects.create_user("ada")
call_command("token", "ada")
"""


class Installation:
    """The product with its worker on a database of its own; the server behind `port` can be replaced."""

    def __init__(self, folder: Path, migrated_file: Path | None = None) -> None:
        self.folder, self._stack = folder, ExitStack()
        self._server: Server | None = None
        if migrated_file:
            shutil.copyfile(migrated_file, folder / "db.sqlite3")
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}", "REDIS_URL": ""}
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", TOKEN_OF_A_NEW_USER]
        made = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        self.token = made.stdout.split()[-1]
        self.begin()

    def begin(self) -> None:
        serving = serving_product(
            "uvicorn",
            database=self.folder / "db.sqlite3",
            folder=self.folder,
            STREAMGEN_LEASE_SECONDS="2",
            STREAMGEN_USER_STARTS_PER_MINUTE="1000",
            STREAMGEN_CONTEXT_CHARS="0",
        )
        self._server = self._stack.enter_context(serving)

    def end(self, *, by_kill: bool = False) -> None:
        if by_kill:
            assert self._server is not None
            self._server.process.kill()
        self._stack.close()

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.port

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, kw_only=True)
class CutWatches:
    """What became of one round."""

    cuts: int
    stranded: int
    differ: int
    """Watches whose text is not the document's, or that did not end with it."""
    watches: int


async def watch_over_a_broken_line(
    installation: Installation, dice: Random, *, documents: int = 3, cuts: int = 24, by_kill: bool = False
) -> CutWatches:
    """One round. `by_kill`: the server is killed, and asked to go otherwise."""
    proxy, done, stranded = Proxy(installation.port), 0, 0

    def rule(direction: Direction, data: bytes) -> Fate:
        nonlocal done
        if direction == "down" and done < cuts and dice.random() < 0.5:
            done += 1
            return dice.choice(["cut", "half-then-cut", "pass-then-cut"])
        return "pass"

    await proxy.start()
    async with Client(f"http://127.0.0.1:{proxy.port}", token=installation.token, silence_s=1.0) as client:
        project = await client.create_project("Lighthouse")
        ids = [one["id"] for one in project["artifacts"]][:documents]
        watching = [asyncio.create_task(_followed(client, artifact)) for artifact in ids for _ in range(2)]
        for artifact in ids:
            await client.start(artifact, plan=CUT_PLAN)
        proxy.rule = rule
        async with asyncio.timeout(WAIT_S):
            while done < cuts // 3:
                await asyncio.sleep(0.05)
        stranded = len(watching)
        proxy.strand()  # those who are there hear nothing more, and no goodbye
        await asyncio.to_thread(installation.end, by_kill=by_kill)
        await asyncio.to_thread(installation.begin)
        proxy.upstream = installation.port
        async with asyncio.timeout(WAIT_S):
            seen = await asyncio.gather(*watching)
        whole = [await client.text(artifact) for artifact in ids for _ in range(2)]
    await proxy.stop()
    are_equal = [found == (text, "complete") for found, text in zip(seen, whole, strict=True)]
    return CutWatches(cuts=done, stranded=stranded, differ=are_equal.count(False), watches=len(seen))


async def _followed(client: Client, artifact: int) -> tuple[str, str]:
    """The text as its events tell it, and the status at the end; "" where there was none, or a hole."""
    text = ""
    async for event in client.watch(artifact):
        match event:
            case EpochBegan():
                text = ""
            case TextAdded():
                if event.offset != len(text):
                    return text, ""
                text += event.text
            case DocumentEnded():
                return text, event.status
    return text, ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10, help="Every second one ends with a kill -9 of the server.")
    parser.add_argument("--cuts", type=int, default=20, help="Of each round.")
    options = parser.parse_args()
    found: list[CutWatches] = []
    with tempfile.TemporaryDirectory() as folder:
        installation, dice = Installation(Path(folder)), Random(11)
        try:
            for number in range(options.rounds):
                story = watch_over_a_broken_line(installation, dice, cuts=options.cuts, by_kill=number % 2 == 1)
                found.append(asyncio.run(story))
                sys.stdout.write(f"{number + 1}: {found[-1]}\n")
                sys.stdout.flush()
        finally:
            installation.end()
    sys.stdout.write(
        f"{sum(one.cuts for one in found)} cuts, {sum(one.stranded for one in found)} watches left dead, "
        f"{len(found)} servers replaced: {sum(one.differ for one in found)} of "
        f"{sum(one.watches for one in found)} watches differ\n"
    )


if __name__ == "__main__":
    main()
