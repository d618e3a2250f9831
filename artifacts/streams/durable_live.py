"""A Durable Stream's answers that wait for text: one that ends with the next part, and one that goes on and on."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from weakref import WeakKeyDictionary

from artifacts.accounts.sessions import Sight
from artifacts.live.close_codes import DELETED
from artifacts.live.replica import Replica
from artifacts.streams.durable_answers import KEPT_AT_THE_TAIL_S, StreamRead, kept, load, part_headers
from artifacts.streams.exchange import Exchange, refusal
from artifacts.streams.lasting import HEARTBEAT, HEARTBEAT_S, LastingAnswer
from artifacts.streams.offsets import next_cursor, next_tick, offset_token, tick
from artifacts.streams.parts import Part, part_of

SSE_S = 60.0
"""Events end after this, so that whoever comes later may share an answer with others; their reader comes again."""
SSE_HEADERS = (
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-store, no-cache"),
    ("X-Accel-Buffering", "no"),
)


class DurableAnswer(LastingAnswer):
    """A reader that has read up to `at`."""

    def __init__(self, exchange: Exchange, sight: Sight, asked: StreamRead, at: int) -> None:
        super().__init__(exchange, sight)
        self.asked = asked
        self.at = at

    async def part(self, replica: Replica) -> Part | None:
        """What there is now at that place; None where this process does not know yet. Raises `Refused`."""
        if self.ending is not None:
            raise refusal(self.ending)
        if replica.is_gone:
            raise refusal(DELETED)
        if replica.epoch == self.asked.epoch:
            return part_of(replica, self.at)
        return await load(self.asked, self.at) if replica.epoch > self.asked.epoch else None


class TickEnds:
    """Where the part ends that whoever waits gets within one tick: where the first of them found the end.

    A flush that comes while they are answered would else part them for good: each group goes on at a place of its own.
    """

    def __init__(self) -> None:
        self._ends: WeakKeyDictionary[Replica, tuple[int, int, int]] = WeakKeyDictionary()

    def end(self, replica: Replica, now: float) -> int:
        found = self._ends.get(replica, (0, 0, 0))
        if found[:2] != (replica.epoch, tick(now)):
            found = self._ends[replica] = (replica.epoch, tick(now), replica.length)
        return found[2]


tick_ends = TickEnds()


class LongPoll(DurableAnswer):
    """Waits for the next part: a full one, the last one, or what there was at the tick."""

    def __init__(self, exchange: Exchange, sight: Sight, asked: StreamRead, at: int, *, wait_s: float) -> None:
        super().__init__(exchange, sight, asked, at)
        self._wait_s = wait_s

    async def fill(self, replica: Replica) -> None:
        now = asyncio.get_running_loop().time
        ends_at = now() + self._wait_s
        while True:
            part = await self.part(replica)
            if part is not None and (part.is_full or part.is_over):
                break
            if part is not None and part.text:
                end = tick_ends.end(replica, time.time())
                if end > self.at:
                    part = replace(part, text=part.text[: end - self.at])
                    break
                await asyncio.sleep(next_tick(time.time()) - time.time())
            elif now() >= ends_at:
                part = part or Part(begin=self.at, text="", length=self.at, is_over=False)
                break
            else:
                await self.news(ends_at - now())
        headers = part_headers(self.asked, part, self.exchange)
        if not (part.text or part.is_over):
            headers |= {"Stream-Up-To-Date": "true", **kept(self.exchange, KEPT_AT_THE_TAIL_S)}
        await self.exchange.answer(200 if part.text else 204, headers.items(), part.text.encode())


class TextEvents(DurableAnswer):
    """Server-sent events: each text is followed by the place where it ends."""

    async def fill(self, replica: Replica) -> None:
        await self.exchange.begin(200, SSE_HEADERS)
        loop = asyncio.get_running_loop()
        ends_at, is_first = loop.time() + SSE_S, True
        while self.ending is None and not replica.is_gone and loop.time() < ends_at:
            part = await self.part(replica)
            text = _that_may_go(part) if part is not None else ""
            if part is not None and (text or is_first or part.is_last):
                self.at += len(text)
                is_first = False
                await self.exchange.write(_data_event(text) + self._control_event(part))
                if part.is_last:
                    break
            elif not await self.news(min(HEARTBEAT_S, ends_at - loop.time())):
                await self.exchange.write(HEARTBEAT)
        await self.exchange.finish()

    def _control_event(self, part: Part) -> bytes:
        said: dict[str, object] = {"streamNextOffset": offset_token(self.at)}
        if part.is_last:
            said |= {"upToDate": True, "streamClosed": True}
        else:
            said |= {"streamCursor": next_cursor(time.time(), self.asked.cursor)}
            if part.is_at_tail:
                said |= {"upToDate": True}
        return b"event: control\ndata:" + json.dumps(said, separators=(",", ":")).encode() + b"\n\n"


def _that_may_go(part: Part) -> str:
    """All but a CR at the end, which may be half of a line end: in events any line end becomes LF."""
    return part.text if part.is_last else part.text.removesuffix("\r")


def _data_event(text: str) -> bytes:
    if not text:
        return b""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    # A reader takes one blank behind the colon away.
    data = "".join(f"data:{' ' if line.startswith(' ') else ''}{line}\n" for line in lines)
    return b"event: data\n" + data.encode() + b"\n"
