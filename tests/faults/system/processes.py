"""The processes under test: each with a log of its own, ended on purpose or not, remembered for the checker."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.faults.polling import POLL_S

ROOT = Path(__file__).resolve().parents[3]
PROCESS_READY_S = 180.0


class NotReady(AssertionError):
    """A process ended, or said nothing, before it was ready; the message holds the end of its log."""


class Inner(Protocol):
    """What a process is to us: a child of ours, or one forked from the stem."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...


@dataclass(kw_only=True)
class Process:
    """One process. `asked_to_end` is set by whoever ends it: an exit without it is a fault of the product."""

    name: str
    kind: str
    log: Path
    inner: Inner
    asked_to_end: str = ""
    able: list[list[float]] = field(default_factory=list)
    """The stretches of time (`time.time`) in which it could work: begun when ready, ended by a kill or a stop."""

    def __post_init__(self) -> None:
        self._waiter = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        await self.inner.wait()
        self._unable()

    @property
    def is_alive(self) -> bool:
        return self.inner.returncode is None

    @property
    def exit_code(self) -> int | None:
        return self.inner.returncode

    def said(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    async def until_said(self, pattern: str, within_s: float = PROCESS_READY_S) -> re.Match[str]:
        """Wait until its log has the pattern."""
        ends_at = time.monotonic() + within_s
        while True:
            found = re.search(pattern, self.said())
            if found:
                if not self.able:
                    self.able.append([time.time(), float("inf")])
                return found
            if not self.is_alive or time.monotonic() > ends_at:
                raise NotReady(
                    f"{self.name} (exit code {self.exit_code}) never said {pattern!r}: {self.said()[-3000:]}"
                )
            await asyncio.sleep(POLL_S)

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
            return await self.inner.wait()

    def _unable(self) -> None:
        if self.able:
            self.able[-1][1] = min(self.able[-1][1], time.time())


async def start_process(
    kind: str, *arguments: str, name: str, folder: Path, environment: dict[str, str], cwd: Path = ROOT
) -> Process:
    """Start a program with Python; stdout and stderr go to one log."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        inner = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
        )
    return Process(name=name, kind=kind, log=log, inner=inner)


@dataclass(kw_only=True)
class Forked:
    """A process forked from the stem, which says when it has ended."""

    pid: int
    returncode: int | None = None
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, code: int) -> None:
        self.returncode = code
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode


class Stem:
    """The stem's owner: asks it for workers and hears of their ends."""

    def __init__(self) -> None:
        self._inner: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._born: asyncio.Queue[int] = asyncio.Queue()
        self._forked: dict[int, Forked] = {}

    async def start(self, folder: Path, environment: dict[str, str]) -> None:
        with (folder / "stem.log").open("ab") as log:
            self._inner = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.faults.system.prefork"),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        self._listener = asyncio.create_task(self._listen())
        async with asyncio.timeout(PROCESS_READY_S):
            await self._born.get()

    async def fork(self, log: Path, environment: dict[str, str]) -> Forked:
        assert self._inner
        assert self._inner.stdin
        open(log, "ab").close()  # noqa: ASYNC230  there from the first look on
        self._inner.stdin.write((json.dumps({"log": str(log), "environment": environment}) + "\n").encode())
        async with asyncio.timeout(PROCESS_READY_S):
            return self._forked[await self._born.get()]

    async def stop(self) -> None:
        if self._inner is not None:
            self._inner.kill()
            await self._inner.wait()
        if self._listener is not None:
            self._listener.cancel()

    async def _listen(self) -> None:
        assert self._inner
        assert self._inner.stdout
        while line := await self._inner.stdout.readline():
            said: dict[str, Any] = json.loads(line)
            forked = self._forked.setdefault(said["pid"], Forked(pid=said["pid"]))
            if "exit" in said:
                forked.end(said["exit"])
            else:
                self._born.put_nowait(said["pid"])
