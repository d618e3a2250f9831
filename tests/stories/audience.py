"""Stock websocket clients in front of real servers, which follow one document until it rests; they write nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from artifacts.accounts.tokens import issue_token
from artifacts.lifecycle.state import section_starts
from artifacts.models import Artifact, StreamStatus
from artifacts.preview import render
from tests.support.limits import WAIT_S
from tests.support.place import in_database
from tests.support.reader import Reader
from tests.support.servers import Server

LOOK_S = 0.05
FRAMES_A_VISIT = 5
GONE = 4404
_OVER = {StreamStatus.COMPLETE, StreamStatus.CANCELLED}


def squeezed(html: str) -> str:
    """Without white space, which may differ between tags."""
    return "".join(html.split())


@lru_cache(maxsize=4)
def _page(text: str, starts: tuple[int, ...]) -> str:
    return squeezed(render(text, starts))


@dataclass(frozen=True, kw_only=True)
class Stored:
    epoch: int
    text: str
    status: str
    starts: tuple[int, ...]


class Viewer:
    """Follows one document; `leaves` drops the connection after every few frames, and comes back with a cursor."""

    def __init__(self, address: str, token: str, shows: str, *, leaves: bool = False, text: str = "") -> None:
        self.reader = Reader(shows, text=text)
        self.close_code = 0
        self._address, self._token, self._leaves = address, token, leaves
        self._cursor = f"&epoch=1&offset={len(text)}" if text else ""
        self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while not self.close_code:
            url = f"{self._address}?format={self.reader.shows}{self._cursor}"
            headers = {"Authorization": f"Bearer {self._token}"}
            async with connect(url, additional_headers=headers, open_timeout=WAIT_S) as line:
                try:
                    await self._visit(line)
                except ConnectionClosed:
                    self.close_code = line.close_code or 1006
            seen = self.reader
            self._cursor = f"&epoch={seen.epoch}&offset={len(seen.text)}" if seen.epoch else ""
            if not self.close_code:
                self.reader = Reader(seen.shows, text=seen.text)

    async def _visit(self, line: ClientConnection) -> None:
        frames = 0
        while not self._leaves or frames < FRAMES_A_VISIT or self.reader.is_ended:
            frame = self.reader.apply(await line.recv())
            frames += 1
            if frame["type"] in {"snapshot", "delta", "preview"}:
                await line.send(self.reader.ack())

    async def until_it_shows(self, stored: Stored | None) -> None:
        """Until it shows what is stored, or that nothing is; raises what broke the viewer."""
        async with asyncio.timeout(WAIT_S):
            while not self._has_reached(stored):
                if self._following.done():
                    self._following.result()
                    assert self._has_reached(stored), f"closed with {self.close_code}"
                await asyncio.sleep(LOOK_S)
        if stored is not None and self.reader.shows == "text":
            assert self.reader.text == stored.text
        elif stored is not None and self.reader.is_ended:
            assert squeezed(self.reader.html) == _page(stored.text, stored.starts)

    def _has_reached(self, stored: Stored | None) -> bool:
        if stored is None:
            return self.close_code == GONE
        seen = self.reader
        if not seen.epoch:
            return False
        if stored.status in _OVER and not seen.is_ended:
            return False
        return (seen.epoch, seen.offset, seen.state["status"]) == (stored.epoch, len(stored.text), stored.status)

    async def go(self) -> None:
        self._following.cancel()
        with suppress(asyncio.CancelledError):
            await self._following


class Audience:
    """Of one document on every server: those who come before it is written, while, and after; and with cursors."""

    def __init__(self, servers: Iterable[Server], artifact: Artifact, *, length: int) -> None:
        """`length`: code points that are about to be written."""
        self._servers, self._pk, self._length = list(servers), artifact.pk, length
        self._dice = Random(artifact.pk)
        self._viewers: list[Viewer] = []
        self._joining: asyncio.Task[None] | None = None
        self._token = ""

    async def come(self) -> None:
        """The first ones; those who come in the middle do so of themselves."""
        self._token = await in_database(self._owners_token)()
        self._join("text")
        self._join("html")
        self._join("text", leaves=True)
        self._joining = asyncio.create_task(self._come_midway())

    async def agrees(self) -> None:
        """The last ones come, and all show what is stored; then they go."""
        assert self._joining is not None
        self._joining.cancel()
        with suppress(asyncio.CancelledError):
            await self._joining
        try:
            stored = await in_database(self._stored)()
            if stored is not None:
                self._join("text")
                self._join("html")
                self._join("text", text=self._part(stored.text))
            for viewer in self._viewers:
                await viewer.until_it_shows(stored)
        finally:
            for viewer in self._viewers:
                await viewer.go()

    async def _come_midway(self) -> None:
        while (stored := await in_database(self._stored)()) and len(stored.text) <= self._length // 3:
            await asyncio.sleep(LOOK_S)
        if stored is not None:
            self._join("text")
            self._join("html")
            self._join("text", text=self._part(stored.text))

    def _part(self, text: str) -> str:
        return text[: self._dice.randint(0, len(text))]

    def _join(self, shows: str, *, leaves: bool = False, text: str = "") -> None:
        for server in self._servers:
            address = server.url(f"/ws/artifacts/{self._pk}/")
            self._viewers.append(Viewer(address, self._token, shows, leaves=leaves, text=text))

    def _owners_token(self) -> str:
        return issue_token(Artifact.objects.get(pk=self._pk).project.owner)

    def _stored(self) -> Stored | None:
        row = Artifact.objects.filter(pk=self._pk).first()
        return row and Stored(
            epoch=row.epoch, text=row.text, status=row.stream_status, starts=tuple(section_starts(row))
        )
