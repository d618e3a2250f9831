"""Many viewers in one process that costs little: it parses each distinct frame once, acknowledges, and takes the time.

Every viewer checks that deltas follow one another and sums up its text, so that viewers can be compared. It runs as a
child, see `child`.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
import zlib
from typing import Any, NamedTuple

import uvloop

from bench.support import machine
from bench.support.child import obey
from bench.support.words import MARK, MARK_CHARS

ACK_BYTES, ACK_S = 65_536, 1.0


class Frame(NamedTuple):
    """What there is to know of a frame, for all viewers that get it; `cut` is a mark that its end cuts."""

    kind: str
    epoch: int
    begin: int
    end: int
    text: str
    sum_of: bytes
    marks: list[int]
    cut: str


def parse(payload: bytes) -> Frame:
    frame = json.loads(payload)
    kind, text = frame["type"], frame.get("text", "")
    begin = frame.get("offset", -1)
    shown = text if "text" in frame else "".join(frame.get("fragments", [])) + frame.get("tail", "")
    at = text.rfind("@@", max(0, len(text) - MARK_CHARS + 1)) if text else -1
    cut = text[at:] if at >= 0 and not MARK.match(text, at) else "@" if text.endswith("@") else ""
    end = begin + len(text)
    return Frame(kind, frame.get("epoch", 0), begin, end, text, text.encode(), [*map(int, MARK.findall(shown))], cut)


class Seen:
    """What all viewers of this process saw since it was asked last."""

    def __init__(self) -> None:
        self.frames = self.bytes = self.acks = self.gaps = 0
        self.late: list[int] = []
        self.last: dict[int, int] = {}


frames: dict[bytes, Frame] = {}
viewers: list[Viewer] = []
seen = Seen()
news = asyncio.Event()


class Viewer(asyncio.Protocol):
    def __init__(self, request: bytes, mode: str) -> None:
        self.request, self.mode, self.received = request, mode, b""
        self.is_open = self.is_closed = False
        self.epoch = self.end = self.mark = self.sum = self.unacknowledged = 0
        self.cut, self.code, self.acknowledged_at = "", 0, time.monotonic()
        self.has_snapshot = False
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self.request)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open, self.is_closed = False, True
        news.set()

    def data_received(self, data: bytes) -> None:
        data = self.received + data if self.received else data
        place = 0
        if not self.is_open:
            if (head := data.find(b"\r\n\r\n")) < 0:
                self.received = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.code = int(data[9:12])
                self.transport.close()
                return
            self.is_open, place = True, head + 4
            if self.mode == "deaf":
                self.transport.pause_reading()
        while len(data) - place >= 2:
            length, head = data[place + 1], place + 2
            if length == 126 and len(data) - place >= 4:
                length, head = struct.unpack_from(">H", data, head)[0], head + 2
            elif length == 127 and len(data) - place >= 10:
                length, head = struct.unpack_from(">Q", data, head)[0], head + 8
            elif length >= 126:
                break
            if len(data) - head < length:
                break
            self._take(data[place] & 15, data[head : head + length])
            place = head + length
        self.received = data[place:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == 8:
            self.code = struct.unpack(">H", payload[:2])[0] if payload else 1005
            self.transport.close()
        elif opcode == 9:
            self._send(10, payload)
        elif opcode == 1:
            frame = frames.get(payload)
            if frame is None:
                if len(frames) > 2_000:
                    frames.clear()
                frame = frames[payload] = parse(payload)
            self._apply(frame, len(payload))

    def _apply(self, frame: Frame, size: int) -> None:
        seen.frames += 1
        seen.bytes += size
        if frame.kind == "snapshot":
            if not self.end or frame.epoch != self.epoch:
                self.sum = 0
            self.has_snapshot, self.epoch = True, frame.epoch
            news.set()
        elif frame.kind == "delta" and frame.begin != self.end:
            seen.gaps += 1
        if frame.begin >= 0:
            self.end = frame.end
            self.sum = zlib.crc32(frame.sum_of, self.sum)
        now = time.monotonic_ns()
        found = [*map(int, MARK.findall(self.cut + frame.text))] if self.cut else frame.marks
        self.cut = frame.cut
        for mark in found:
            if mark > self.mark:
                self.mark = mark
                seen.late.append(now - mark)
                seen.last[mark] = now - mark
        self.unacknowledged += size
        due = self.unacknowledged >= ACK_BYTES or now / 1e9 - self.acknowledged_at > ACK_S
        if due and self.mode == "reads" and self.end > 0:
            self.unacknowledged, self.acknowledged_at = 0, now / 1e9
            seen.acks += 1
            self._send(1, b'{"type":"ack","epoch":%d,"offset":%d}' % (self.epoch, self.end))

    def _send(self, opcode: int, payload: bytes) -> None:
        """Masked with zeros: the protocol wants a mask, nobody has to compute it."""
        head = bytes([128 | opcode, 128 | len(payload)])
        self.transport.write(head + b"\0\0\0\0" + payload)


async def connect(*, port: int, places: list[list[str]], mode: str = "reads", wait_s: float = 120) -> dict[str, Any]:
    """A viewer for each [path, token], all at once; returns when each has its snapshot (`deaf`: is open) or failed."""
    began = time.monotonic()
    made = []
    for path, token in places:
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        )
        made.append(Viewer(request.encode(), mode))
    loop = asyncio.get_running_loop()
    opened = await asyncio.gather(
        *(loop.create_connection(lambda one=one: one, "127.0.0.1", port) for one in made), return_exceptions=True
    )
    refused = sum(isinstance(one, BaseException) for one in opened)
    viewers.extend(made)

    def is_in(one: Viewer) -> bool:
        return one.is_closed or (one.is_open if mode == "deaf" else one.has_snapshot)

    await _until(lambda: sum(map(is_in, made)) >= len(made) - refused, wait_s)
    count = sum(one.is_open and (one.has_snapshot or mode == "deaf") for one in made)
    codes = sorted({one.code for one in made if one.code})
    return {"open": count, "failed": len(made) - count, "codes": codes, "seconds": time.monotonic() - began}


async def until(*, end: int, wait_s: float = 60) -> dict[str, Any]:
    """Waits until each open viewer has the text up to there; `equal` says whether those that stand together agree."""
    began = time.monotonic()
    await _until(lambda: all(one.end >= end for one in viewers if one.is_open), wait_s, poll_s=0.01)
    return {"reached": sum(one.end >= end for one in viewers if one.is_open), "seconds": time.monotonic() - began}


async def arrived(*, marks: int, wait_s: float = 5) -> int:
    """Waits until so many marks came since `begin`; how many did."""
    limit = time.monotonic() + wait_s
    while len(seen.late) < marks and time.monotonic() < limit:
        await asyncio.sleep(0.02)
    return len(seen.late)


async def _until(condition: Any, wait_s: float, poll_s: float = 0.25) -> None:
    limit = time.monotonic() + wait_s
    while not condition() and time.monotonic() < limit:
        news.clear()
        try:
            await asyncio.wait_for(news.wait(), poll_s)
        except TimeoutError:
            continue


async def begin() -> int:
    """A new window; the moment, in nanoseconds of the monotonic clock."""
    global seen
    seen = Seen()
    return time.monotonic_ns()


async def stats() -> dict[str, Any]:
    """Milliseconds from the writing of a mark to a viewer's receipt, and what came since `begin`."""
    late, last = sorted(seen.late), sorted(seen.last.values())
    sums: dict[int, set[int]] = {}
    for one in viewers:
        if one.is_open and one.mode == "reads":
            sums.setdefault(one.end, set()).add(one.sum)
    return {
        "marks": len(late),
        "in_time": sum(one <= 500e6 for one in late),
        "frames": seen.frames,
        "bytes": seen.bytes,
        "acks": seen.acks,
        "gaps": seen.gaps,
        "open": sum(one.is_open for one in viewers),
        "closed": sum(one.is_closed for one in viewers),
        "p50_ms": share_of(late, 0.5),
        "p99_ms": share_of(late, 0.99),
        "last_p99_ms": share_of(last, 0.99),
        "end": max((one.end for one in viewers), default=0),
        "texts": max(map(len, sums.values()), default=0),
    }


def share_of(late: list[int], share: float) -> float:
    return late[min(len(late) - 1, int(len(late) * share))] / 1e6 if late else 0.0


async def close(*, first: int = 0, last: int | None = None) -> None:
    for one in viewers[first:last]:
        if one.transport:
            one.transport.abort()
    del viewers[first:last]
    await asyncio.sleep(0.05)


async def main() -> None:
    machine.prepare()
    verbs = {"connect": connect, "until": until, "arrived": arrived, "begin": begin, "stats": stats, "close": close}
    await obey(verbs, {})


if __name__ == "__main__":
    uvloop.run(main())
