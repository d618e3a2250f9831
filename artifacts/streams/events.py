"""A document's frames as server-sent events, for places without websockets: the same frames, access and endings.

It translates only. A reader needs no acks: what it does not read is not sent, and stays a difference of two cursors.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from artifacts.accounts.sessions import Sight
from artifacts.live import connections, feed
from artifacts.live.close_codes import DELETED, GOING_AWAY, SocketEnding, SocketRefused
from artifacts.live.feed import Feed
from artifacts.live.protocol import Ack, ErrorFrame, encode_frame
from artifacts.live.query import parse_query
from artifacts.live.viewer import Format, Viewer
from artifacts.streams.event_ids import EventId, event, parse_event_id
from artifacts.streams.exchange import Exchange, Refused, Stalled

logger = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
"""After so long a silence a comment says that the line stands; proxies cut what is silent for longer."""
RETRY_MS = 2_000
"""A reader whose stream ended comes again after this."""
CLOSE_S = 1.0
"""The last event may take so long to be handed to the network."""
LOAD_S = 5.0
"""So long it is waited for the document, to say whether it is still the one that a reader has seen the end of."""
HEARTBEAT, BEGINNING = b":\n\n", b"retry: %d\n\n" % RETRY_MS
STREAM_HEADERS = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),  # nginx would collect them
)


async def event_stream(scope: Any, receive: Any, send: Any, *, heartbeat_s: float = HEARTBEAT_S) -> None:
    """GET .../events?format=text|html, with `Last-Event-ID` or a cursor in the query to go on. Raises `Refused`."""
    exchange = Exchange(scope, receive, send)
    exchange.read_only()
    try:
        sight = await connections.admit(exchange.credentials, scope["url_route"]["kwargs"]["artifact_id"])
        shows, cursor = parse_query(exchange.query)
    except SocketRefused as refused:
        if refused.ending is not GOING_AWAY:
            raise refusal(refused.ending) from None
        # An EventSource gives up for good at any other status, and this is only for a moment.
        await exchange.answer(200, STREAM_HEADERS, BEGINNING)
        return
    if exchange.method == "HEAD":
        await exchange.answer(200, STREAM_HEADERS)
        return
    last = parse_event_id(exchange.header("last-event-id"))
    last = last or (EventId(cursor) if cursor else None)
    await EventReader(exchange, sight, shows, last, heartbeat_s=heartbeat_s).run()


def refusal(ending: SocketEnding) -> Refused:
    """That close code as an answer over HTTP."""
    status = {4409: 422}.get(ending.close_code, ending.close_code - 4_000)
    return Refused(status, ending.detail, code=ending.error)


class EventReader:
    """One reader of one document: a viewer whose frames count as applied once they are on their way."""

    def __init__(
        self, exchange: Exchange, sight: Sight, shows: Format, last: EventId | None, *, heartbeat_s: float
    ) -> None:
        self.sight = sight
        self.shows_html = shows == "html"
        self._exchange = exchange
        self._viewer = Viewer(shows, last.cursor if last else None)
        self._last = last
        self._heartbeat_s = heartbeat_s
        self._news = asyncio.Event()
        self._ending: SocketEnding | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def unacknowledged_bytes(self) -> int:
        return self._viewer.unacknowledged_bytes

    def on_news(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Until the end of the text or of the login, or until either side goes."""
        connections.current().enter(self)
        entered = feed.current().enter(self.sight.artifact_id, self)
        self._pump = asyncio.create_task(self._send_all(entered))
        gone = asyncio.create_task(self._exchange.gone())
        try:
            await asyncio.wait({self._pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # how a server ends what still runs; the answer is to be whole nevertheless
            await self.end(GOING_AWAY)
        finally:
            gone.cancel()
            self._pump.cancel()
            connections.current().leave(self)
            await feed.current().leave(entered, self)
        with suppress(asyncio.CancelledError):
            await self._pump

    async def end(self, ending: SocketEnding) -> None:
        """Why, where there is something to say; then the stream ends, also where it is not read."""
        self._ending = ending
        self._news.set()
        if self._pump is not None:
            _, stuck = await asyncio.wait({self._pump}, timeout=CLOSE_S)
            if stuck:
                await self._exchange.abort()
                self._pump.cancel()

    async def _send_all(self, entered: Feed) -> None:
        try:
            if await self._has_seen_the_end(entered):
                await self._exchange.answer(204, [("Cache-Control", "no-store")])  # EventSource asks no more
                return
            await self._exchange.begin(200, STREAM_HEADERS)
            await self._exchange.write(BEGINNING)
            await self._send_frames(entered)
            await self._exchange.finish()
        except Stalled:
            logger.info("A reader takes nothing, its stream ends artifact=%s", self.sight.artifact_id)
            await self._exchange.abort()

    async def _has_seen_the_end(self, entered: Feed) -> bool:
        """Whether the text is still the one that this reader has all of."""
        if self._last is None or not self._last.is_end:
            return False
        replica = entered.replica
        with suppress(TimeoutError):
            async with asyncio.timeout(LOAD_S):
                while replica.epoch == 0 and not replica.is_gone:
                    await self._news.wait()
                    self._news.clear()
        self._news.set()
        return replica.is_over and self._last.cursor == (replica.epoch, replica.length)

    async def _send_frames(self, entered: Feed) -> None:
        viewer, replica, exchange = self._viewer, entered.replica, self._exchange
        while self._ending is None:
            self._news.clear()
            if (frame := viewer.next_frame(replica)) is not None:
                await exchange.write(event(EventId(viewer.cursor, is_end=viewer.has_ended), frame.payload))
                if viewer.has_ended:
                    return
                viewer.acknowledge(Ack(*viewer.cursor))
            elif replica.is_gone:
                self._ending = DELETED
            else:
                try:
                    async with asyncio.timeout(self._heartbeat_s):
                        await self._news.wait()
                except TimeoutError:
                    await exchange.write(HEARTBEAT)
        if self._ending.error:
            said: ErrorFrame = {"type": "error", "code": self._ending.error, "detail": self._ending.detail}
            await exchange.write(event(None, encode_frame(said).payload))
