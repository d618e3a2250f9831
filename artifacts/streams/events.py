"""A document's frames as server-sent events, for places without websockets: the same frames, access and endings.

It translates only. A reader needs no acks: what it does not read is not sent, and stays a difference of two cursors.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from artifacts.accounts.sessions import Sight
from artifacts.live import connections
from artifacts.live.close_codes import DELETED, GOING_AWAY, SocketRefused
from artifacts.live.protocol import Ack, ErrorFrame, encode_frame
from artifacts.live.query import Viewing, parse_query
from artifacts.live.replica import Replica
from artifacts.live.viewer import Viewer
from artifacts.streams.event_ids import EventId, event, parse_event_id
from artifacts.streams.exchange import Exchange, refusal
from artifacts.streams.lasting import HEARTBEAT, HEARTBEAT_S, LastingAnswer

RETRY_MS = 2_000
"""A reader whose stream ended comes again after this."""
LOAD_S = 5.0
"""So long it is waited for the document, to say whether it is still the one that a reader has seen the end of."""
BEGINNING = b"retry: %d\n\n" % RETRY_MS
STREAM_HEADERS = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),  # nginx would collect them
)


async def event_stream(scope: Any, receive: Any, send: Any, *, heartbeat_s: float = HEARTBEAT_S) -> None:
    """GET .../events?format=text|html, with `Last-Event-ID` or a cursor in the query to go on. Raises `Refused`."""
    exchange = Exchange(scope, receive, send)
    exchange.demand_method("GET", "HEAD")
    try:
        sight = await connections.admit(exchange.credentials, scope["url_route"]["kwargs"]["artifact_id"])
        viewing = parse_query(exchange.query)
    except SocketRefused as refused:
        if refused.ending is not GOING_AWAY:
            raise refusal(refused.ending) from None
        # An EventSource gives up for good at any other status, and this is only for a moment.
        await exchange.answer(200, STREAM_HEADERS, BEGINNING)
        return
    if exchange.method == "HEAD":
        await exchange.answer(200, STREAM_HEADERS)
        return
    last = parse_event_id(exchange.header("last-event-id") or _last_in(exchange.query))
    last = last or (EventId(viewing.cursor) if viewing.cursor else None)
    viewing = viewing._replace(cursor=last.cursor if last else None)
    await EventReader(exchange, sight, viewing, last, heartbeat_s=heartbeat_s).run()


def _last_in(query: bytes) -> str:
    """`lastEventId=`: what a page of another site says in the address, because it may not send the header unasked."""
    return next(iter(parse_qs(query.decode("latin-1"), max_num_fields=20).get("lastEventId", [])), "")


class EventReader(LastingAnswer):
    """One reader of one document: a viewer whose frames count as applied once they are on their way."""

    def __init__(
        self, exchange: Exchange, sight: Sight, viewing: Viewing, last: EventId | None, *, heartbeat_s: float
    ) -> None:
        super().__init__(exchange, sight)
        self.viewing = viewing
        self.shows_html = viewing.shows == "html"
        self._viewer = Viewer(viewing.shows, viewing.cursor, by_link=bool(sight.login.link_id))
        self._last = last
        self._heartbeat_s = heartbeat_s

    @property
    def unacknowledged_bytes(self) -> int:
        return self._viewer.unacknowledged_bytes

    async def fill(self, replica: Replica) -> None:
        if await self._has_seen_the_end(replica):
            await self.exchange.answer(204, [("Cache-Control", "no-store")])  # EventSource asks no more
            return
        await self.exchange.begin(200, STREAM_HEADERS)
        await self.exchange.write(BEGINNING)
        await self._send_frames(replica)
        await self.exchange.finish()

    async def _has_seen_the_end(self, replica: Replica) -> bool:
        """Whether the text is still the one that this reader has all of."""
        if self._last is None or not self._last.is_end:
            return False
        while replica.epoch == 0 and not replica.is_gone and await self.news(LOAD_S):
            pass
        return replica.is_over and self._last.cursor == (replica.epoch, replica.length)

    async def _send_frames(self, replica: Replica) -> None:
        viewer, exchange = self._viewer, self.exchange
        while self.ending is None:
            if (frame := viewer.next_frame(replica)) is not None:
                await exchange.write(event(EventId(viewer.cursor, is_end=viewer.has_ended), frame.payload))
                if viewer.has_ended:
                    return
                viewer.acknowledge(Ack(*viewer.cursor))
            elif replica.is_gone:
                self.ending = DELETED
            elif not await self.news(self._heartbeat_s):
                await exchange.write(HEARTBEAT)
        if self.ending.error:
            said: ErrorFrame = {"type": "error", "code": self.ending.error, "detail": self.ending.detail}
            await exchange.write(event(None, encode_frame(said).payload))
