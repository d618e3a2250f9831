"""The short version of `make faults`: real processes, servers and sockets, a few faults of each kind, both databases.

It takes over a minute by nature: leases must run out, processes must start.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.registry import SCENARIOS
from tests.faults.system import processes

SHORT = [
    ("worker-killed", "sqlite", 1, 2),
    ("worker-killed", "postgres", 2, 2),  # an even seed: the model is asked anew instead of prefilled
    ("deleted", "sqlite", 1, 2),
    ("endpoint-away", "sqlite", 1, 1),
    ("background-killed", "sqlite", 1, 2),
]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.mark.long
@pytest.mark.timeout(300)  # real processes, on whatever machine
@pytest.mark.parametrize(("name", "database", "seed", "runs"), SHORT, ids=[f"{one[0]}-{one[1]}" for one in SHORT])
def test_nothing_is_lost(name, database, seed, runs):
    result = asyncio.run(BY_NAME[name].play(database, seed=seed, runs=runs))
    assert not result.broken, "\n".join(result.broken)


@pytest.mark.timeout(300)
def test_scaled_mode_begins_with_one_command_and_ends_with_one_signal():
    folder = Path(tempfile.mkdtemp(prefix="streamgen-scaled-"))  # short, and open to PostgreSQL's own user
    try:
        asyncio.run(_scaled(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _scaled(folder: Path) -> None:
    process = await processes.start_process(
        *("command", "manage.py", "scaled", "--port", "0", "--data", str(folder / "data")),
        name="scaled",
        folder=folder,
        environment=os.environ
        | {"STREAMGEN_PROVIDER": "scripted", "DATABASE_URL": "", "REDIS_URL": "", "STREAMGEN_MODEL": folder.name},
    )
    try:
        await process.until_said("stop  Ctrl-C", within_s=120)
        pages = re.findall(r"(http://localhost:[0-9]+)", process.said())
        assert len(set(pages)) == 2
        for page in pages:
            answer = await asyncio.to_thread(urllib.request.urlopen, page + "/sign-in/", timeout=20)
            assert answer.status == 200
        for number in (1, 2):
            log = folder / "data" / f"worker-{number}.log"
            await processes.Process(name=log.stem, kind="worker", log=log, inner=process.inner).until_said(
                "worker started"
            )
        process.send(signal.SIGTERM)
        assert await process.ended(30) == 0, process.said()
        assert not _processes_with(folder.name)
    finally:
        if process.is_alive:
            process.send(signal.SIGTERM)
            await process.ended(30)


def _processes_with(word: str) -> list[str]:
    """Processes whose environment has the word: everything that was started with it, and what that started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if word.encode() in entry.read_bytes():
                found.append(entry.parent.name)
    return found
