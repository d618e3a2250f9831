"""The processes under test: started with a log of their own, ended on purpose or not, and remembered for the checker."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0
LOOK_S = 0.02


class NotReady(AssertionError):
    """A process ended, or said nothing, before it was ready; the message holds the end of its log."""


@dataclass(kw_only=True)
class Process:
    """One process. `asked_to_end` is set by whoever ends it: an exit without it is a fault of the product."""

    name: str
    kind: str
    log: Path
    inner: asyncio.subprocess.Process
    asked_to_end: str = ""
    able: list[list[float]] = field(default_factory=list)
    """The stretches of time (`time.time`) in which it could work: begun when ready, ended by a kill or a stop."""

    @property
    def is_alive(self) -> bool:
        return self.inner.returncode is None

    @property
    def exit_code(self) -> int | None:
        return self.inner.returncode

    def said(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    async def until_said(self, pattern: str, within_s: float = READY_S) -> re.Match[str]:
        """Wait until its log has the pattern."""
        ends_at = time.monotonic() + within_s
        while True:
            found = re.search(pattern, self.said())
            if found:
                if not self.able:
                    self.able.append([time.time(), float("inf")])
                return found
            if not self.is_alive or time.monotonic() > ends_at:
                raise NotReady(f"{self.name} (exit code {self.exit_code}) never said {pattern!r}: {self.said()[-3000:]}")
            await asyncio.sleep(LOOK_S)

    def send(self, number: signal.Signals, *, ends: bool = True) -> None:
        """Send a signal; `ends` says that the process is meant to end by it."""
        if ends:
            self.asked_to_end = number.name
        if self.is_alive:
            os.kill(self.inner.pid, number)
        self._unable()

    def freeze(self) -> None:
        """SIGSTOP: it lives, holds its sockets, and does nothing."""
        os.kill(self.inner.pid, signal.SIGSTOP)
        self._unable()

    def thaw(self) -> None:
        os.kill(self.inner.pid, signal.SIGCONT)
        self.able.append([time.time(), float("inf")])

    async def kill(self) -> None:
        self.send(signal.SIGKILL)
        await self.inner.wait()

    async def ended(self, within_s: float) -> int:
        """Its exit code; raises `TimeoutError` where it does not end in time."""
        async with asyncio.timeout(within_s):
            code = await self.inner.wait()
        self._unable()
        return code

    def _unable(self) -> None:
        if self.able:
            self.able[-1][1] = min(self.able[-1][1], time.time())


async def start(
    kind: str, *arguments: str, name: str, folder: Path, environment: dict[str, str], cwd: Path = ROOT
) -> Process:
    """Start a program with Python; stdout and stderr go to one log."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        inner = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=cwd, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            env=environment,
        )
    return Process(name=name, kind=kind, log=log, inner=inner)
