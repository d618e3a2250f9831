"""The websocket of a document's viewers. It translates only: who is there, what may be seen, frames out, acks in.

It writes nothing, decides nothing about documents, and needs no channel layer of its own: the feed has one for all.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer

from artifacts.accounts.sessions import Sight
from artifacts.live import connections, protocol
from artifacts.live.close_codes import (
    DELETED,
    TOO_BIG,
    TOO_MANY_MESSAGES,
    TRY_AGAIN,
    SocketEnding,
    SocketRefused,
    bad_message,
)
from artifacts.live.feed import Feed
from artifacts.live.protocol import PONG, Ack, BadMessage, Frame
from artifacts.live.query import parse_query
from artifacts.live.rate_limit import RateLimit
from artifacts.live.replica import Replica
from artifacts.live.viewer import Viewer
from artifacts.live.wire import Wire
from artifacts.operating.counts import process_counts
from artifacts.replay import playback
from artifacts.replay.playback import Playback

logger = logging.getLogger(__name__)

CLOSE_FRAME_S = 1.0
"""A close frame may take so long to be handed to the network."""
GONE_S = 2.0
"""Where a send fails because the client has gone, the server says so by itself within this time."""
PLAIN_BYTES = 1_000
"""An ack is far smaller."""
MESSAGES_AT_ONCE = 500
MESSAGES_PER_SECOND = 100


class ViewerConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """One viewer of one document. What its cursor lacks goes straight to the wire, from whoever brings the news.

    A task sends it where there is no such wire, or while the wire is full.
    """

    shows_html = False
    sight: Sight

    def __init__(self) -> None:
        self._feed: Feed | Playback | None = None
        self._viewer = Viewer("text")
        self._wire: Wire | None = None
        self._pump: asyncio.Task[None] | None = None
        self._failing: asyncio.Task[None] | None = None
        self._is_ending = self._is_closed = False
        self._faults = 0
        self._now = asyncio.get_running_loop().time
        self._allowance = RateLimit(at_once=MESSAGES_AT_ONCE, per_second=MESSAGES_PER_SECOND)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # As in Channels, but without a layer of our own, and without tasks and a trip to another thread per message.
        self.scope, self.base_send = scope, send
        try:
            while True:
                message = await receive()
                if message["type"] == "websocket.receive":  # nearly all of them, one a second from each viewer
                    await self.websocket_receive(message)
                    continue
                await getattr(self, get_handler_name(message))(message)
        except StopConsumer:
            pass
        finally:
            await self._leave()

    @property
    def unacknowledged_bytes(self) -> int:
        return self._viewer.unacknowledged_bytes

    # From the client

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        await self._send({"type": "websocket.accept"})
        try:
            await self._admit()
        except SocketRefused as refused:
            await self.end(refused.ending)
            raise StopConsumer from None

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        try:
            await self._take(message)
        except SocketRefused as refused:
            await self.end(refused.ending)
            raise StopConsumer from None

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        raise StopConsumer

    async def _admit(self) -> None:
        self.sight = await connections.admit(
            self.scope["credentials"], self.scope["url_route"]["kwargs"]["artifact_id"]
        )
        viewing = parse_query(self.scope["query_string"])
        connections.current().enter(self)
        self._viewer = Viewer(viewing.shows, viewing.cursor, by_link=bool(self.sight.login.link_id))
        self.shows_html = viewing.shows == "html"
        self._wire = self.scope.get("wire")
        self._feed = playback.enter(self.sight.artifact_id, self, viewing)
        self.on_news()

    async def _take(self, message: dict[str, Any]) -> None:
        if not self._allowance.take(self._now()):
            raise SocketRefused(TOO_MANY_MESSAGES)
        text: str | None = message.get("text")
        size = protocol.size_of(text) if text is not None else len(message.get("bytes") or b"")
        if size > protocol.MESSAGE_BYTES:
            raise SocketRefused(TOO_BIG)
        if size > PLAIN_BYTES:  # it takes a moment to read, and the next one may be here already
            await asyncio.sleep(0)
        try:
            if text is None:
                raise BadMessage("Messages are JSON in text frames.")
            said = protocol.parse(text)
        except BadMessage as bad:
            await self._object(bad.detail)
            return
        if isinstance(said, Ack):
            if self._viewer.acknowledge(said):
                self.on_news()
        else:
            await self._send_frame(PONG)

    async def _object(self, detail: str) -> None:
        """The first protocol error is told, the second ends the socket."""
        self._faults += 1
        if self._faults > 1:
            raise SocketRefused(bad_message(detail))
        await self._send_frame(protocol.encode_frame({"type": "error", "code": "bad_message", "detail": detail}))

    # To the client

    def on_news(self) -> None:
        if self._feed is None or self._pump is not None or self._is_ending or self._is_closed:
            return
        replica, wire = self._feed.replica, self._wire
        try:
            frame = self._viewer.next_frame(replica)
            while frame is not None and wire is not None and wire.take(frame.message):
                process_counts.frames += 1
                process_counts.frame_bytes += frame.size
                frame = self._viewer.next_frame(replica)
        except Exception as error:  # the feed's other viewers are to hear the news too
            self._pump = asyncio.create_task(self._give_up(error))
        else:
            if frame is not None or replica.is_gone:
                self._pump = asyncio.create_task(self._send_frames(replica, frame))

    async def _send_frames(self, replica: Replica, frame: Frame | None) -> None:
        """Send that frame, and all that there are by then."""
        try:
            while frame is not None and not self._is_closed:
                await self._send_frame(frame)
                frame = self._viewer.next_frame(replica)
            if replica.is_gone:
                await self.end(DELETED)
        except Exception as error:  # nobody awaits this task
            await self._give_up(error)
        finally:
            self._pump = None

    async def _give_up(self, error: Exception) -> None:
        """The viewer must hear that it will get nothing more."""
        logger.error("A viewer failed artifact=%s", self.sight.artifact_id, exc_info=error)
        await self.end(TRY_AGAIN)

    async def _send_frame(self, frame: Frame) -> None:
        process_counts.frames += 1
        process_counts.frame_bytes += frame.size
        await self._send({"type": "websocket.send", "text": frame.text})

    async def _send(self, message: dict[str, Any]) -> None:
        if self._is_closed:
            return
        try:
            await self.base_send(message)
        except Exception as error:  # whatever a server raises
            self._is_closed = True
            self._failing = asyncio.create_task(self._fail(error))

    async def _fail(self, error: Exception) -> None:
        """A client that has gone is no fault; one that is there must hear that it gets nothing more."""
        if isinstance(error, OSError | RuntimeError):  # how servers say that it has gone, among other things
            await asyncio.sleep(GONE_S)
        artifact_id = self.scope["url_route"]["kwargs"]["artifact_id"]
        logger.warning("A frame was not sent, its socket ends artifact=%s: %s", artifact_id, type(error).__name__)
        with suppress(Exception):  # what fails twice has been told once
            async with asyncio.timeout(CLOSE_FRAME_S):
                await self.base_send({"type": "websocket.close", "code": TRY_AGAIN.close_code})

    async def end(self, ending: SocketEnding) -> None:
        """The error frame, if there is one, then the close code; nothing is sent afterwards."""
        if self._is_ending or self._is_closed:
            return
        self._is_ending = True
        if self._pump is not None and self._pump is not asyncio.current_task():
            self._pump.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_FRAME_S):
                if ending.error:
                    error: protocol.ErrorFrame = {"type": "error", "code": ending.error, "detail": ending.detail}
                    await self._send_frame(protocol.encode_frame(error))
                await self._send({"type": "websocket.close", "code": ending.close_code})
        self._is_closed = True

    async def _leave(self) -> None:
        self._is_closed = True
        for task in (self._pump, self._failing):
            if task is not None:
                task.cancel()
        connections.current().leave(self)
        if self._feed is not None:
            await playback.leave(self._feed, self)
