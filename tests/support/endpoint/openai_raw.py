"""An endpoint that writes what it is told byte by byte, with pauses, and remembers what it was asked.

For answers that no well-behaved server would give; `openai_server` is the one that writes known texts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

PORTION_BYTES = 64_000
DONE = b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
"""Before a body that ends with the connection."""

Reply = bytes | Sequence[bytes | float]
"""What is sent to one request: bytes, and seconds of silence between them."""


def http(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def error(status: str, message: object, **headers: str) -> bytes:
    body = message if isinstance(message, dict) else {"error": {"message": message}}
    return http(json.dumps(body).encode(), status, Content_Type="application/json", **headers)


def event(payload: object) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def chunk(delta: object, finish: object = None, *, index: object = 0, **fields: object) -> bytes:
    return event({"choices": [{"index": index, "delta": delta, "finish_reason": finish}], **fields})


def says(content: object, finish: object = None, **fields: object) -> bytes:
    return chunk({"content": content}, finish, **fields)


def json_document(content: object, finish: object = "stop", **fields: object) -> bytes:
    message = {"role": "assistant", "content": content}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": finish}], **fields}).encode()


class RawServer:
    """Sends its replies in order, one to a request, the last one for ever. The list of models is not there."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = list(replies)
        self.bodies: list[dict[str, Any]] = []
        """The calls, in order."""
        self.port = 0
        self._serving: list[asyncio.Task[None] | None] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.append(asyncio.current_task())
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
        if head.startswith(b"GET"):
            reply: Reply = http(b"{}", "404 Not Found")
        else:
            reply = self._replies[min(len(self.bodies), len(self._replies) - 1)]
            self.bodies.append(json.loads(body))
        for part in [reply] if isinstance(reply, bytes) else reply:
            if isinstance(part, float):
                await asyncio.sleep(part)
                continue
            for at in range(0, len(part), PORTION_BYTES):
                writer.write(part[at : at + PORTION_BYTES])
                await writer.drain()

    async def ended(self) -> None:
        for task in filter(None, self._serving):
            task.cancel()
        if tasks := [task for task in self._serving if task]:
            await asyncio.wait(tasks)


@asynccontextmanager
async def raw_server(*replies: Reply) -> AsyncIterator[RawServer]:
    server = RawServer(replies)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.ended()
