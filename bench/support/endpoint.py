"""An OpenAI-compatible endpoint that costs little: it streams words at the pace that the model's name asks for.

Model `pace-C-R-N-M`: pieces of C characters, R a second (0: as fast as they are read), N pieces, a mark in each M-th.
Model `gate-KEY`: a stream that writes what it is told to, and ends a section only after 60 000 characters. It runs as a
child, see `child`.
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
BURST = 1_000
"""Pieces of one stream at a time, so that the others have their turn."""
PARAGRAPH_CHARS = 100
SECTION_CHARS = 60_000
"""An open stream ends by itself, well before the section's budget of tokens does."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

streams: dict[str, Stream] = {}
marks: list[int] = []
chunks = calls = 0


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "bench", "object": "chat.completion.chunk", "created": 1, "model": "bench", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


BEFORE, AFTER = event({"content": "\0"}).split(b"\\u0000")


class Order:
    """What a stream is to write: so many pieces of so many characters at that rate, a mark in every so-many-th."""

    def __init__(self, chars: int = 200, rate: float = 0, left: int = 0, every: int = 1) -> None:
        self.chars, self.rate, self.left, self.every = chars, rate, left, every
        self.due = asyncio.get_running_loop().time()


orders: dict[str, Order] = {}
"""Of the open streams, by their model: the next section's stream goes on with what is left."""


class Stream:
    def __init__(self, transport: asyncio.Transport, model: str) -> None:
        self.transport = transport
        self.number = self.sent = 0
        self.is_open = model.startswith("gate-")
        if self.is_open:
            self.order = orders.setdefault(model, Order())
        else:
            self.order = Order(*map(int, model.split("-")[1:]))

    def write(self, now: float) -> None:
        order, burst = self.order, BURST
        while order.left and burst and (not order.rate or order.due <= now):
            if self.transport.get_write_buffer_size() > BUFFER:
                return
            self._piece(order)
            burst -= 1
            order.due += 1 / order.rate if order.rate else 0
            if self.is_open and self.sent >= SECTION_CHARS:
                self.end()
                return
        if not order.left and not self.is_open:
            self.end()

    def _piece(self, order: Order) -> None:
        global chunks
        if self.number % order.every == 0:
            text = marked(order.chars, self.number)
            marks.append(int(text[2:21]))
        else:
            text = plain(order.chars, self.number)
        if order.chars >= PARAGRAPH_CHARS and self.number % 5 == 4:
            text = text[:-2] + "\n\n"  # one paragraph without end would be previewed at a falling rate
        self.number, self.sent, chunks = self.number + 1, self.sent + len(text), chunks + 1
        order.left -= 1
        data = BEFORE + text.replace("\n", "\\n").encode() + AFTER
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
        global calls
        calls += 1
        model = json.loads(body)["model"]
        transport.write(HEAD)
        streams[model if model.startswith("gate-") else f"{model} {id(transport)}"] = Stream(transport, model)


async def emit(*, key: str, count: int, rate: float, chars: int) -> None:
    """So many more pieces into an open stream; returns when they are written."""
    async with asyncio.timeout(60 + (count / rate if rate else 0)):
        while f"gate-{key}" not in streams:
            await asyncio.sleep(TICK_S)
        order = orders[f"gate-{key}"]
        order.chars, order.rate, order.left = chars, rate, count
        order.due = asyncio.get_running_loop().time()
        while order.left:
            await asyncio.sleep(TICK_S)


async def written(*, since: int, until: int) -> int:
    """Marks made between two moments of the monotonic clock, in nanoseconds."""
    return bisect.bisect_left(marks, until) - bisect.bisect_left(marks, since)


async def counts() -> dict[str, int]:
    return {"streams": len(streams), "chunks": chunks, "calls": calls}


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
    await obey({"emit": emit, "written": written, "counts": counts}, {"port": port})
    ticking.cancel()


if __name__ == "__main__":
    uvloop.run(main())
