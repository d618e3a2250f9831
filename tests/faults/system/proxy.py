"""A TCP proxy between two processes that can cut, delay and half-open. What it passes only its rule may read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

Direction = Literal["up", "down"]
Fate = Literal["pass", "drop", "cut", "half-then-cut", "pass-then-cut"]
Rule = Callable[[Direction, bytes], Fate]
"""Asked about every portion: let it pass, swallow it, or cut the connection before it, in its middle or after it."""


def _let_pass(_direction: Direction, _data: bytes) -> Fate:
    return "pass"


class Proxy:
    """Passes connections on to a port or a Unix socket. `rule` and `delay_s` may change at any time."""

    def __init__(self, upstream: int | Path) -> None:
        self.rule: Rule = _let_pass
        self.delay_s = 0.0
        self.port = 0
        self.upstream = upstream
        self._flows = asyncio.Event()
        self._flows.set()
        self._stranded: list[asyncio.Event] = []
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut everything and refuse what comes; `start` listens again on the same port."""
        self.cut()
        for flows in self._stranded:
            flows.set()
        if self._server is not None:
            self._server.close()

    def cut(self) -> None:
        """Reset every open connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    def hold(self) -> None:
        """Half-open: connections stay and are accepted, nothing passes."""
        self._flows.clear()

    def go_on(self) -> None:
        self._flows.set()

    def strand(self) -> None:
        """Half-open for good: what is connected stays so and passes nothing more, what comes later passes."""
        self._flows.clear()
        self._stranded.append(self._flows)
        self._flows = asyncio.Event()
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        other: asyncio.StreamWriter | None = None
        flows = self._flows
        try:
            await flows.wait()
            answers, other = await self._connect()
            self._writers.add(other)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump("up", reader, other, writer, flows))
                group.create_task(self._pump("down", answers, writer, other, flows))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass
        finally:
            for one in (writer, other):
                if one is not None:
                    self._writers.discard(one)
                    one.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.upstream, Path):
            return await asyncio.open_unix_connection(str(self.upstream))
        return await asyncio.open_connection("127.0.0.1", self.upstream)

    async def _pump(
        self,
        direction: Direction,
        reader: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        flows: asyncio.Event,
    ) -> None:
        while data := await reader.read(65_536):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await flows.wait()
            verdict = self.rule(direction, data)
            if verdict == "cut":
                raise ConnectionAbortedError
            if verdict != "drop":
                to.write(data[: len(data) // 2] if verdict == "half-then-cut" else data)
                await to.drain()
            if verdict in ("half-then-cut", "pass-then-cut"):
                back.transport.abort()
                await asyncio.sleep(0.05)  # what has passed arrives before the cut
                raise ConnectionAbortedError
        with suppress(OSError):
            to.write_eof()
