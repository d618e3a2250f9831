"""Answers of the OpenAI API that last until a document is written, or somebody stops it: whole ones and streams.

Each is a viewer of the document, and counts as a socket; whoever leaves stops nothing.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from artifacts.accounts.sessions import Sight
from artifacts.errors import NotFound
from artifacts.live.close_codes import GOING_AWAY
from artifacts.live.replica import Replica
from artifacts.streams.durable_answers import StreamRead
from artifacts.streams.durable_live import DurableAnswer
from artifacts.streams.exchange import Exchange, Refused, refusal
from artifacts.streams.lasting import HEARTBEAT, HEARTBEAT_S
from streamgen.agents.completions import CompletionChunks, error_event
from streamgen.agents.event_numbers import PAUSE_TOLD, characters_seen, event_number
from streamgen.agents.openai_errors import ApiRefused, OpenAIError
from streamgen.agents.response_objects import closing_events, opening_events, response_event, text_event
from streamgen.agents.text_loading import load_written
from streamgen.agents.written_text import WrittenText

EVENT_CHARS = 4_096
"""No event has more text: there are readers that bear no longer lines."""
SOON_S = 0.5
EVENTS = (
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),
)
JSON = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))


class DocumentAnswer(DurableAnswer):
    """A reader of one epoch."""

    def __init__(self, exchange: Exchange, sight: Sight, begun: WrittenText, at: int = 0) -> None:
        asked = StreamRead(
            artifact_id=begun.id.artifact_id, epoch=begun.id.epoch, begin=at, live="sse", cursor="", by_link=False
        )
        super().__init__(exchange, sight, asked, at)
        self.begun = begun
        self.ended = begun
        """What became of it, once there are no more pieces."""

    async def pieces(self, replica: Replica, *, passed: bool = False) -> AsyncGenerator[str, None]:
        """The text from `at` on as it comes, and "" for every silence, until it is whole, or the document is paused.

        With `passed` the pause that there is was told before: it is waited for its end. Raises `Refused`.
        """
        while True:
            part = await self.part(replica)
            is_paused = replica.epoch == self.asked.epoch and replica.state["status"] == "paused"
            passed = passed and (is_paused or part is None)  # None: nothing is known here yet
            if part is not None and part.text:
                piece = part.text[:EVENT_CHARS]
                self.at += len(piece)
                yield piece
            elif part is not None and (part.is_over or (is_paused and not passed)):
                self.ended = await self._found()
                if self.ended.status != "streaming" and self.ended.length == self.at:
                    return
                await self.news(SOON_S)  # somebody resumed it just now, and this process has not heard of it
            elif not await self.news(HEARTBEAT_S):
                yield ""

    async def _found(self) -> WrittenText:
        try:
            written: WrittenText = await database_sync_to_async(load_written)(*self.begun.id, with_text=True)
        except NotFound as error:
            raise Refused(404, error.detail, code="not_found") from None
        except DatabaseError:
            raise refusal(GOING_AWAY) from None
        return written


class WholeAnswer(DocumentAnswer):
    """JSON that comes when the document is there. Meanwhile blanks, which JSON may begin with, keep the line open."""

    def __init__(
        self, exchange: Exchange, sight: Sight, begun: WrittenText, make: Callable[[WrittenText], dict[str, Any]]
    ) -> None:
        super().__init__(exchange, sight, begun)
        self._make = make

    async def fill(self, replica: Replica) -> None:
        is_begun = False
        try:
            async with aclosing(self.pieces(replica)) as pieces:
                async for piece in pieces:
                    if not piece:
                        if not is_begun:
                            await self.exchange.begin(200, JSON)
                            is_begun = True
                        await self.exchange.write(b" ")
            body = json.dumps(self._make(self.ended)).encode()
        except Refused as refused:
            if not is_begun:
                raise
            body = json.dumps({"error": error_of(refused)}).encode()
        if is_begun:
            await self.exchange.write(body)
            await self.exchange.finish()
        else:
            await self.exchange.answer(200, JSON, body)


class CompletionStream(DocumentAnswer):
    """A chat completion in chunks."""

    def __init__(self, exchange: Exchange, sight: Sight, begun: WrittenText, *, with_usage: bool) -> None:
        super().__init__(exchange, sight, begun)
        self._chunks = CompletionChunks(begun, with_usage=with_usage)

    async def fill(self, replica: Replica) -> None:
        exchange, chunks = self.exchange, self._chunks
        await exchange.begin(200, EVENTS)
        await exchange.write(chunks.first())
        try:
            async with aclosing(self.pieces(replica)) as pieces:
                async for piece in pieces:
                    await exchange.write(chunks.text(piece) if piece else HEARTBEAT)
        except Refused as refused:
            await exchange.write(error_event(error_of(refused)))
        else:
            written = self.ended
            if written.has_failed:
                detail = f"The document is paused: {written.detail or written.reason} What is written stays; resume it."
                await exchange.write(error_event(ApiRefused(503, detail, code=written.reason).body))
            else:
                await exchange.write(chunks.last(written))
        await exchange.finish()


class ResponseStream(DocumentAnswer):
    """A response in events, from the first one behind the number that its reader saw."""

    def __init__(self, exchange: Exchange, sight: Sight, begun: WrittenText, seen: int) -> None:
        super().__init__(exchange, sight, begun, characters_seen(seen))
        self._seen = seen

    async def fill(self, replica: Replica) -> None:
        exchange, begun = self.exchange, self.begun
        await exchange.begin(200, EVENTS)
        for event in opening_events(begun):
            await self._tell(event)
        knows_pause = self._seen >= event_number(self.at, PAUSE_TOLD)
        try:
            async with aclosing(self.pieces(replica, passed=knows_pause)) as pieces:
                async for piece in pieces:
                    if piece:
                        await exchange.write(response_event(text_event(begun, self.at, piece)))
                    else:
                        await exchange.write(HEARTBEAT)
        except Refused as refused:
            if refused.status == 503:
                await exchange.abort()  # no end of the response: its reader comes again, behind the last event it saw
                return
            said = error_of(refused)
            number = event_number(self.at)
            fields = {"code": said["code"], "message": said["message"], "param": None}
            await exchange.write(response_event({"type": "error", **fields, "sequence_number": number}))
        else:
            for event in closing_events(self.ended):
                await self._tell(event, also=self.ended.is_paused)
        await exchange.finish()

    async def _tell(self, event: dict[str, Any], *, also: bool = False) -> None:
        """`also` where it was seen: a pause may come again at the place of another one."""
        if event["sequence_number"] > self._seen or also:
            await self.exchange.write(response_event(event))


def error_of(refused: Refused) -> OpenAIError:
    return ApiRefused(refused.status, refused.detail, code=refused.code or None).body
