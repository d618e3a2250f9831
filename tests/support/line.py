"""One websocket into the application within the test's own process: cheap, and every frame is checked by a `Reader`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from channels.testing import WebsocketCommunicator

from streamgen.asgi import application
from tests.support.limits import WAIT_S
from tests.support.reader import Reader

Headers = list[tuple[bytes, bytes]]


def bearer(token: str) -> Headers:
    return [(b"authorization", f"Bearer {token}".encode())]


def cookie(session_key: str, origin: str = "http://localhost:8000") -> Headers:
    return [(b"cookie", f"sessionid={session_key}".encode()), (b"origin", origin.encode())]


class Closed(Exception):
    """The server closed the socket."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Line:
    """`acks` False is a viewer that never acknowledges."""

    def __init__(self, path: str, headers: Headers, *, reader: Reader | None = None, acks: bool = True) -> None:
        self.reader = reader or Reader("html" if "format=html" in path else "text")
        self._acks = acks
        asked = [] if any(name == b"host" for name, _ in headers) else [(b"host", b"localhost:8000")]
        self._socket = WebsocketCommunicator(application, path, headers=asked + headers)
        self.bytes = 0

    async def __aenter__(self) -> Line:
        is_accepted, self.refusal = await self._socket.connect(timeout=WAIT_S)
        assert is_accepted, f"refused with {self.refusal}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.disconnect(timeout=WAIT_S)

    async def is_refused(self) -> bool:
        """Whether the handshake itself is refused."""
        is_accepted, _ = await self._socket.connect(timeout=WAIT_S)
        await self._socket.disconnect(timeout=WAIT_S)
        return not is_accepted

    async def say(self, message: dict[str, Any] | str | bytes) -> None:
        if isinstance(message, bytes):
            await self._socket.send_to(bytes_data=message)
        else:
            await self._socket.send_to(text_data=message if isinstance(message, str) else json.dumps(message))

    async def frame(self) -> dict[str, Any]:
        """The next frame; raises `Closed`."""
        output = await self._socket.receive_output(timeout=WAIT_S)
        if output["type"] == "websocket.close":
            raise Closed(output["code"])
        self.bytes += len(output["text"].encode())
        frame = self.reader.apply(output["text"])
        if self._acks and frame["type"] in {"snapshot", "delta", "preview"}:
            await self.say(self.reader.ack())
        return frame

    async def frame_of(self, kind: str) -> dict[str, Any]:
        """The next frame of that type, passing over others."""
        while (frame := await self.frame())["type"] != kind:
            pass
        return frame

    async def until(self, condition: Callable[[Reader], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition(self.reader):
                await self.frame()

    async def end(self) -> tuple[list[dict[str, Any]], int]:
        """Everything that still comes, and the close code."""
        frames = []
        try:
            while True:
                frames.append(await self.frame())
        except Closed as closed:
            return frames, closed.code
