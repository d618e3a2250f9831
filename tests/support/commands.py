"""`manage.py` in a process of its own, with a database of its own, and ways to wait for what it says."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.limits import WAIT_S

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "streamgen.sqlite3"
"""In the folder of a command."""


@dataclass(kw_only=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str


@dataclass(kw_only=True)
class Running:
    """A command that runs; `said` grows with its standard output."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)

    async def until(self, words: str) -> str:
        """The first line of its standard output that contains the words."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line)
                if words in line:
                    return line
        raise AssertionError(f"it ended without saying {words!r}: {self.said}")

    async def ended(self) -> Ran:
        async with asyncio.timeout(WAIT_S):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return Ran(code=self.process.returncode, out="".join(self.said) + (out or b"").decode(), err=err.decode())


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """The environment of this process without what would choose another database, layer or provider."""
    ours = ("DATABASE_URL", "REDIS_URL", "OPENAI_", "STREAMGEN_", "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    database = f"sqlite:///{folder / DATABASE}"
    return kept | {"DATABASE_URL": database, "STREAMGEN_PROVIDER": "scripted", "PYTHONWARNINGS": "default"} | variables


@asynccontextmanager
async def manage(
    *words: str, folder: Path, stdout: int = asyncio.subprocess.PIPE, **variables: str
) -> AsyncIterator[Running]:
    """`manage.py WORDS`; killed at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "manage.py"), *words),
        cwd=ROOT,
        env=environment(folder, **variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Running(process=process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def run(*words: str, folder: Path, **variables: str) -> Ran:
    """`manage.py WORDS` to its end."""
    async with manage(*words, folder=folder, **variables) as running:
        return await running.ended()
