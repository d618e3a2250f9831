"""An OpenAI-compatible endpoint that costs little: it streams words at the pace that the model's name asks for.

Model `pace-C-R-N-M`: pieces of C characters, R a second (0: as fast as they are read), N pieces, a mark in each M-th.
Model `gate-KEY`: a stream that stays open and writes what it is told to. It runs as a child, see `child`.
"""

from __future__ import annotations

import asyncio
import bisect
import json
import re
from typing import Any

import uvloop

from bench.support.child import obey
from bench.support.words import marked, plain

TICK_S = 0.005
BUFFER = 1 << 18
"""Bytes that may wait in a socket: then the reader is slow, and the stream waits for it."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

streams: dict[str, Stream] = {}
marks: list[int] = []
chunks = 0


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "bench", "object": "chat.completion.chunk", "created": 1, "model": "bench", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


BEFORE, AFTER = event({"content": "\0"}).split(b"\\u0000")


class Stream:
    def __init__(self, transport: asyncio.Transport, model: str) -> None:
        self.transport = transport
        self.number = self.left = 0
        self.chars, self.rate, self.every, self.is_open = 200, 0.0, 1, model.startswith("gate-")
        if not self.is_open:
            self.chars, self.rate, self.left, self.every = map(int, model.split("-")[1:])
        self.due = asyncio.get_running_loop().time()

    def write(self, now: float) -> None:
        burst = 50
        while self.left and burst and (not self.rate or self.due <= now):
            if self.transport.get_write_buffer_size() > BUFFER:
                return
            self._piece()
            burst -= 1
            self.due += 1 / self.rate if self.rate else 0
        if not self.left and not self.is_open:
            self.end()

    def _piece(self) -> None:
        global chunks
        if self.number % self.every == 0:
            text = marked(self.chars, self.number)
            marks.append(int(text[2:21]))
        else:
            text = plain(self.chars, self.number)
        self.number, self.left, chunks = self.number + 1, self.left - 1, chunks + 1
        data = BEFORE + text.encode() + AFTER
        self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        data = event({}, "stop") + b"data: [DONE]\n\n"
        self.transport.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
        for key in [key for key, stream in streams.items() if stream is self]:
            del streams[key]


class Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.received = transport, b""

    def connection_lost(self, error: Exception | None) -> None:
        for key in [key for key, stream in streams.items() if stream.transport is self.transport]:
            del streams[key]

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            length = re.search(rb"content-length: *(\d+)", self.received[:end], re.IGNORECASE)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.received) < whole:
                return
            head, body, self.received = self.received[:end], self.received[end + 4 : whole], self.received[whole:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        transport: Any = self.transport
        if head.startswith(b"GET"):
            data = json.dumps({"object": "list", "data": [{"id": "bench", "object": "model"}]}).encode()
            transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            transport.write(b"content-length: %d\r\n\r\n%s" % (len(data), data))
            return
        model = json.loads(body)["model"]
        transport.write(HEAD)
        streams[model if model.startswith("gate-") else f"{model} {id(transport)}"] = Stream(transport, model)


async def emit(*, key: str, count: int, rate: float, chars: int) -> None:
    """So many more pieces into an open stream; returns when they are written."""
    async with asyncio.timeout(60):
        while f"gate-{key}" not in streams:
            await asyncio.sleep(TICK_S)
        stream = streams[f"gate-{key}"]
        stream.chars, stream.rate, stream.left = chars, rate, count
        stream.due = asyncio.get_running_loop().time()
        while stream.left:
            await asyncio.sleep(TICK_S)


async def written(*, since: int, until: int) -> int:
    """Marks made between two moments of the monotonic clock, in nanoseconds."""
    return bisect.bisect_left(marks, until) - bisect.bisect_left(marks, since)


async def counts() -> dict[str, int]:
    return {"streams": len(streams), "chunks": chunks}


async def finish() -> None:
    for stream in list(streams.values()):
        stream.left, stream.is_open = 0, False


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=2_048)
    port = server.sockets[0].getsockname()[1]

    async def tick() -> None:
        while True:
            now = loop.time()
            for stream in list(streams.values()):
                stream.write(now)
            await asyncio.sleep(TICK_S)

    ticking = asyncio.create_task(tick())
    await obey({"emit": emit, "written": written, "counts": counts, "finish": finish}, {"port": port})
    ticking.cancel()


if __name__ == "__main__":
    uvloop.run(main())
