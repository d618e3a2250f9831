"""Viewers of a run: websocket clients that reconnect with their cursor and log every frame they saw, with its time."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

RECONNECT_S = (0.05, 0.25)
PAGE_FIRST_WAIT_S, PAGE_LONGEST_WAIT_S = 0.5, 15.0
"""How long a page waits before it comes back (static/js/socket.js); twice as long after each try in vain."""


@dataclass(kw_only=True)
class FrameLog:
    """What one viewer saw. `faults` are broken promises noticed on the way; times are `time.time`."""

    artifact: int
    epoch: int = 0
    text: str = ""
    sha256: str = ""
    status: str = ""
    frames: list[tuple[float, str, int, int]] = field(default_factory=list)
    """(time, type, epoch, length of the text afterwards)"""
    closes: list[tuple[float, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def take(self, frame: dict[str, Any], now: float) -> None:
        """Apply one frame as a client must be able to, and note where it breaks the protocol."""
        kind, epoch = frame["type"], frame.get("epoch", self.epoch)
        if epoch < self.epoch:
            self.faults.append(f"{kind} of epoch {epoch} after epoch {self.epoch}")
        if kind == "snapshot":
            self._snapshot(frame)
        elif kind == "delta":
            if (epoch, frame["offset"]) != (self.epoch, len(self.text)):
                self.faults.append(
                    f"delta at {epoch}:{frame['offset']}, the text ends at {self.epoch}:{len(self.text)}"
                )
            self.text += frame["text"]
        elif kind == "end":
            self.sha256 = frame["sha256"]
            if self.sha256 != hashlib.sha256(self.text.encode()).hexdigest():
                self.faults.append("the end's sha256 is not that of the text")
        if "state" in frame:
            self.status = frame["state"]["status"]
        self.frames.append((now, kind, epoch, len(self.text)))

    def _snapshot(self, frame: dict[str, Any]) -> None:
        offset, text = frame["offset"], frame["text"]
        if frame["epoch"] > self.epoch:
            if offset:
                self.faults.append(f"a new epoch begins at {offset}")
            self.epoch, self.text = frame["epoch"], text
            return
        if offset > len(self.text) or self.text[offset : offset + len(text)] != text[: len(self.text) - offset]:
            self.faults.append(f"the snapshot at {offset} is not what was shown before")
        # A long document's snapshot is only its beginning: deltas bring the rest, from there on.
        self.text = self.text[:offset] + text

    def at(self, length: int) -> float | None:
        """When the text first had that length."""
        return next((now for now, _, _, shown in self.frames if shown >= length), None)


class Bot:
    """One viewer that stays: whatever closes its socket, it comes back with its cursor, at once or as a page does."""

    def __init__(self, artifact: int, address: str, token: str, *, rng: random.Random, as_page: bool = False) -> None:
        self.seen = FrameLog(artifact=artifact)
        self.address = address
        self.is_connected = False
        self._token = token
        self._rng = rng
        self._as_page = as_page
        self._attempts = 0
        self._task: asyncio.Task[None] | None = None
        self._is_gone = False

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while not self._is_gone:
            with suppress(OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
                await self._stay()
            self.is_connected = False
            await asyncio.sleep(self._wait_s())

    def _wait_s(self) -> float:
        if not self._as_page:
            return self._rng.uniform(*RECONNECT_S)
        longest = min(PAGE_LONGEST_WAIT_S, PAGE_FIRST_WAIT_S * 2**self._attempts)
        self._attempts += 1
        return longest * self._rng.uniform(0.6, 1)

    async def _stay(self) -> None:
        cursor = f"&epoch={self.seen.epoch}&offset={len(self.seen.text)}" if self.seen.epoch else ""
        url = f"ws://{self.address}/ws/artifacts/{self.seen.artifact}/?format=text{cursor}"
        headers = {"Authorization": f"Bearer {self._token}"}
        async with connect(url, additional_headers=headers, open_timeout=5, close_timeout=1) as socket:
            self.is_connected = True
            acknowledged = 0
            try:
                async for message in socket:
                    frame = json.loads(message)
                    if frame["type"] != "error":
                        self.seen.take(frame, time.time())
                        self._attempts = 0
                    if len(self.seen.text) - acknowledged > 20_000 or frame["type"] == "snapshot":
                        acknowledged = len(self.seen.text)
                        await socket.send(json.dumps({"type": "ack", "epoch": self.seen.epoch, "offset": acknowledged}))
            finally:
                code = socket.close_code or 1006
                self.seen.closes.append((time.time(), code))
                self._is_gone = code == 4404
