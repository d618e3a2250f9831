"""So many requests at once are with Django, which takes a thread and a connection for each; the others wait in order.

A turn begins when all of a request has come, and ends before its answer is sent, so nobody keeps one, or a thread, by
being slow. Only of a large answer the thread stays until it is sent.
"""

from __future__ import annotations

import asyncio
from typing import Any

from artifacts.messaging.per_loop import PerLoop
from artifacts.operating import heap

REQUESTS_AT_ONCE = 12
"""As many as a pool has connections: a thread costs 0.3 MB for good, and one without a connection only waits."""
HELD_BYTES = 262_144
"""So much of an answer is kept until Django is done."""

CLIENT_HAS_LEFT = "handler is closed"
"""What uvloop says of a client that has left; uvicorn looks for that with the first of several requests only."""

_turns = PerLoop(lambda: asyncio.Semaphore(REQUESTS_AT_ONCE))


class InTurn:
    """An ASGI application for HTTP, called with as many requests as it may have at once."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        turn = _Turn(receive, send)
        try:
            await self._app(scope, turn.receive, turn.send)
        finally:
            turn.end()
            heap.letting_go().note(turn.sent_bytes)
        await turn.send_held()


class _Turn:
    def __init__(self, receive: Any, send: Any) -> None:
        self._receive = receive
        self._send = send
        self._turns = _turns()
        self._has_begun = self._has_ended = False
        self._held: list[Any] = []
        self._held_bytes = self.sent_bytes = 0

    async def receive(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body") and not self._has_begun:
            await self._turns.acquire()
            self._has_begun = True
        return message

    async def send(self, message: Any) -> None:
        self._held.append(message)
        size = len(message.get("body", b""))
        self._held_bytes += size
        self.sent_bytes += size
        if self._held_bytes > HELD_BYTES:
            self.end()
            await self.send_held()

    async def send_held(self) -> None:
        held, self._held = self._held, []
        for message in held:
            try:
                await self._send(message)
            except RuntimeError as error:
                if CLIENT_HAS_LEFT not in str(error):
                    raise
                return

    def end(self) -> None:
        if self._has_begun and not self._has_ended:
            self._has_ended = True
            self._turns.release()
