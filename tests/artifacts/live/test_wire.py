"""A viewer with a straight wire: what the wire takes goes at once, the rest by `send`, all of it in order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from artifacts.accounts.admission import Credentials
from artifacts.accounts.tokens import token_digest
from artifacts.live.consumer import ViewerConsumer
from artifacts.live.wire import framed
from tests.support.place import Place, in_database, place
from tests.support.reader import Reader

__all__ = ["place"]

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

WAIT_S = 20.0


class Narrow:
    """A wire that is full after so many messages; `send` waits until it is `emptied`."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.reader = Reader()
        self.by_wire = self.by_send = 0
        self.came, self.emptied = asyncio.Event(), asyncio.Event()
        self.closed: int | None = None

    def take(self, message: bytes) -> bool:
        if not self.room:
            return False
        self.room -= 1
        self.by_wire += 1
        payload = message[2:] if message[1] < 126 else message[4:]
        assert framed(payload) == message
        self._show(payload.decode())
        return True

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            await self.emptied.wait()
            self.by_send += 1
            self._show(message["text"])
        elif message["type"] == "websocket.close":
            self.closed = message["code"]
            self.came.set()

    def _show(self, text: str) -> None:
        self.reader.apply(text)
        self.came.set()

    async def until(self, text: str) -> None:
        async with asyncio.timeout(WAIT_S):
            while self.reader.text != text:
                self.came.clear()
                await self.came.wait()


class Socket:
    """A viewer's socket over that wire, for as long as the block lasts."""

    def __init__(self, place: Place, wire: Narrow) -> None:
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        credentials = Credentials(token_digest=token_digest(place.token))
        scope = {"type": "websocket", "query_string": b"", "credentials": credentials, "wire": wire}
        scope["url_route"] = {"kwargs": {"artifact_id": place.draft.pk}}
        self._running = asyncio.create_task(ViewerConsumer.as_asgi()(scope, self._incoming.get, wire.send))

    async def __aenter__(self) -> None:
        self._incoming.put_nowait({"type": "websocket.connect"})

    async def __aexit__(self, *_: object) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await self._running


async def test_frames_go_over_the_wire_while_it_takes_them(place: Place) -> None:
    wire = Narrow(room=100)
    async with Socket(place, wire):
        await wire.until("Hello")
        await in_database(place.draft.append)(" world")
        await wire.until("Hello world")
    assert (wire.by_wire > 1, wire.by_send) == (True, 0)


async def test_viewer_whose_wire_is_full_gets_one_larger_frame_later_and_disturbs_nobody(place: Place) -> None:
    full, free = Narrow(room=1), Narrow(room=100)
    async with Socket(place, full), Socket(place, free):
        await full.until("Hello")
        await free.until("Hello")
        for piece in (" a", " b", " c", " d"):
            await in_database(place.draft.append)(piece)
        await free.until("Hello a b c d")
        assert full.reader.text == "Hello"
        full.emptied.set()
        await full.until("Hello a b c d")
        assert (full.by_wire, full.by_send) == (1, 2), "what was on its way, and all the rest"
        full.room = 100
        await in_database(place.draft.append)(" e")
        await full.until("Hello a b c d e")
        assert full.by_wire == 2, "the wire again"


async def test_wire_that_fails_ends_its_own_socket_only(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    broken, other = Narrow(room=1), Narrow(room=100)
    async with Socket(place, broken), Socket(place, other):
        await broken.until("Hello")
        await other.until("Hello")
        broken.take = None  # type: ignore[method-assign,assignment]
        await in_database(place.draft.append)(" world")
        await other.until("Hello world")
        async with asyncio.timeout(WAIT_S):
            while broken.closed is None:
                broken.came.clear()
                await broken.came.wait()
    assert broken.closed == 1000
    assert f"A viewer failed artifact={place.draft.pk}" in caplog.text
