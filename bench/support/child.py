"""A part of a measurement in a process of its own: commands go in and answers come out as lines of JSON."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 15.0


class Child:
    """A module of `bench.support` that runs as a process; it ends when its stdin closes."""

    def __init__(self, module: str, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"bench.support.{module}", *arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hello = self.receive()

    @property
    def pid(self) -> int:
        return self.process.pid

    def say(self, do: str, **details: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": do, **details}) + "\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended")
        return json.loads(line)

    def ask(self, do: str, **details: Any) -> Any:
        self.say(do, **details)
        return self.receive()

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.close()


async def obey(verbs: dict[str, Callable[..., Awaitable[Any]]], hello: Any) -> None:
    """The child's side: one command after the other, until stdin closes."""
    reader = asyncio.StreamReader(limit=1 << 24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps(hello), flush=True)
    while line := await reader.readline():
        command = json.loads(line)
        print(json.dumps(await verbs[command.pop("do")](**command)), flush=True)
