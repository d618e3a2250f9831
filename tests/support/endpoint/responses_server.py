"""The tests' OpenAI-compatible server with the Responses API: answers that it keeps, goes on writing when nobody reads
them, streams again from any event, and counts how often one was asked for.

What it writes is `Script`'s to say, as for chat; how it keeps and misbehaves is `Keeping`'s. It uses nothing of the
project. In a test: `async with keeping(Script(...), Keeping(...)) as server: server.base_url`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.support.endpoint.openai_script import Json, Request, Script, position_in, section_in, tokens
from tests.support.endpoint.openai_server import OpenAIServer, _break_off

STREAMABLE_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """How answers are kept. Without arguments: as it should be."""

    # Whether it keeps any
    refuses: int = 0
    """The status of every create: 404 where there is no such API, 400 where `background` is not known."""
    refusal: str = "Unknown parameter: 'background'."
    says_instead: str = ""
    """Create answers 200 with this body: JSON, events or a page of something else."""
    ignores_background: bool = False
    ignores_stream: bool = False
    """Create answers with the state as JSON; the stream has to be asked for."""

    # What is written
    text: str | None = None
    piece_tokens: int = 4
    pause_s: float = 0.0
    holds_at: int | None = None
    """Goes no further than so many pieces until `release`."""
    ends: str = "completed"
    """Or "incomplete max_output_tokens", "failed rate_limit_exceeded Please try again in 2s." and so on."""
    reasoning: str = ""
    commentary: str = ""
    refuses_to_write: str = ""
    parts: int = 1
    """The text comes in so many parts of the message, or messages where `as_messages`."""
    as_messages: bool = False
    says_all_again: bool = False  # each message holds the whole text so far
    only_done: bool = False
    """The text comes with the end of its part, not in pieces."""
    ignores_limit: bool = False
    extra_events: Mapping[int, Json] = field(default_factory=dict)
    """Events of any form before the piece of that number."""

    # The queue
    queued: Literal["", "for ever", "until asked"] = ""

    # How events are numbered and sent
    numbers: Literal["gapless", "by two", "none", "all the same"] = "gapless"
    loses: int | None = None
    """The event of this number is left out of the first stream."""
    says_twice: bool = False
    cuts: tuple[int, ...] = ()
    """The first stream breaks after so many events, the next one after so many, ..."""
    cut: Literal["close", "reset", "end"] = "close"
    resumes: Literal["after", "from the first", "with state", "with empty state", "with text", "empty"] = "after"
    """A resumed stream: as asked; everything again; behind a state that holds the text so far, or none; behind a state
    with half the text, which then follows again; nothing at all."""
    has_text_while_writing: bool = False
    """Whether the state holds the text before the answer is over."""
    final_state_is_empty: bool = False

    # What is kept
    gone: bool = False
    keeps_cancelled_text: bool = True


class Kept:
    """One answer."""

    def __init__(self, server: ResponsesServer, number: int, body: Json, keeping: Keeping) -> None:
        self.server, self.body, self.keeping = server, body, keeping
        self.id = f"resp_{number}"
        self.call = Request(number=number, body={**body, "messages": body["input"]}, authorization=None)
        self.status = "queued"
        self.events: list[Json] = []
        self.written: list[str] = []
        self.began_at = server.now()
        self.streams = 0
        self.error: Json | None = None
        self.incomplete: str | None = None
        self.changed = asyncio.Condition()
        self.released = asyncio.Event()
        self.asked_for = asyncio.Event()
        self.usage: Json | None = None
        self.task: asyncio.Task[None] | None = None
        self._pieces: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.written)

    def state(self) -> Json:
        is_over = self.status not in ("queued", "in_progress")
        shows = is_over or self.keeping.has_text_while_writing
        if self.status == "cancelled" and not self.keeping.keeps_cancelled_text:
            shows = False
        if is_over and self.keeping.final_state_is_empty:
            shows = False
        return {
            "id": self.id,
            "object": "response",
            "created_at": 1,
            "status": self.status,
            "background": not self.keeping.ignores_background,
            "error": self.error,
            "incomplete_details": {"reason": self.incomplete} if self.incomplete else None,
            "model": self.body.get("model"),
            "max_output_tokens": self.body.get("max_output_tokens"),
            "output": self._output() if shows else [],
            "usage": self.usage,
        }

    def _output(self) -> list[Json]:
        output: list[Json] = []
        if self.keeping.commentary:
            output.append(_message([self.keeping.commentary], phase="commentary"))
        texts = self._in_parts()
        output += [_message([text]) for text in texts] if self.keeping.as_messages else [_message(texts)]
        if self.keeping.refuses_to_write:
            output.append({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]})
        return output

    def _in_parts(self) -> list[str]:
        step = max(1, -(-len(self._pieces) // self.keeping.parts))
        begins = range(0, max(1, len(self.written)), step)
        return ["".join(self.written[0 if self.keeping.says_all_again else at : at + step]) for at in begins]

    # Writing

    async def write(self, text: str) -> None:
        keeping = self.keeping
        every = tokens(text)
        limit = 1_000_000 if keeping.ignores_limit else int(self.body.get("max_output_tokens") or 1_000_000)
        kept = every[:limit]
        step = keeping.piece_tokens
        self._pieces = ["".join(kept[at : at + step]) for at in range(0, len(kept), step)]
        await self._say("response.created", response=self.state())
        await self._say("response.queued", response=self.state())
        if keeping.queued == "for ever":
            await asyncio.Event().wait()
        if keeping.queued == "until asked":
            await self.asked_for.wait()
        await asyncio.sleep(0)
        self.status = "in_progress"
        await self._say("response.in_progress", response=self.state())
        await self._before_text()
        await self._write_pieces()
        self.usage = {
            "input_tokens": len(tokens(self.call.prompt)),
            "output_tokens": len(tokens(self.text)),
            "output_tokens_details": {"reasoning_tokens": len(tokens(keeping.reasoning))},
        }
        end, _, detail = keeping.ends.partition(" ")
        if len(kept) < len(every):
            end, detail = "incomplete", "max_output_tokens"
        self.status = end
        if end == "incomplete":
            self.incomplete = detail
        elif end == "failed":
            code, _, message = detail.partition(" ")
            self.error = {"code": code, "message": message or code}
            await self._say("error", error=self.error)
        await self._say(f"response.{end}", response=self.state())

    async def _before_text(self) -> None:
        keeping = self.keeping
        if keeping.reasoning:
            item = {"type": "reasoning", "id": "rs_1", "summary": []}
            await self._say("response.output_item.added", output_index=8, item=item)
            for part in tokens(keeping.reasoning):
                await asyncio.sleep(keeping.pause_s)
                await self._say("response.reasoning_summary_text.delta", output_index=8, item_id="rs_1", delta=part)
            await self._say("response.reasoning_summary_text.done", output_index=8, text=keeping.reasoning)
        if keeping.commentary:
            item = {"type": "message", "id": "msg_9", "phase": "commentary", "content": []}
            where = {"output_index": 9, "item_id": "msg_9", "content_index": 0}
            await self._say("response.output_item.added", output_index=9, item=item)
            await self._say("response.output_text.delta", **where, delta=keeping.commentary)
            await self._say("response.output_text.done", **where, text=keeping.commentary)
        if keeping.refuses_to_write:
            await self._say("response.refusal.delta", output_index=0, content_index=0, delta=keeping.refuses_to_write)
            await self._say("response.refusal.done", output_index=0, refusal=keeping.refuses_to_write)

    async def _write_pieces(self) -> None:
        keeping = self.keeping
        step = max(1, -(-len(self._pieces) // keeping.parts))
        for part, begin in enumerate(range(0, len(self._pieces), step)):
            index = (part, 0) if keeping.as_messages else (0, part)
            where = {"output_index": index[0], "content_index": index[1], "item_id": f"msg_{index[0]}"}
            if index[1] == 0:
                item = {"type": "message", "id": f"msg_{index[0]}", "content": [], "role": "assistant"}
                await self._say("response.output_item.added", output_index=index[0], item=item)
            await self._say("response.content_part.added", **where, part={"type": "output_text", "text": ""})
            first = 0 if keeping.says_all_again else begin
            for number, piece in enumerate(self._pieces[first : begin + step], first):
                if number == keeping.holds_at:
                    await self.released.wait()
                await asyncio.sleep(keeping.pause_s)
                if (event := keeping.extra_events.get(number)) is not None:
                    await self._say(**event)
                if number >= begin:
                    self.written.append(piece)
                if not keeping.only_done:
                    await self._say("response.output_text.delta", **where, delta=piece, logprobs=[])
            whole = "".join(self._pieces[first : begin + step])
            part_said = {"type": "output_text", "text": whole, "annotations": []}
            await self._say("response.output_text.done", **where, text=whole)
            await self._say("response.content_part.done", **where, part=part_said)
            await self._say("response.output_item.done", output_index=index[0], item=_message([whole]))

    async def _say(self, type: str, **fields: Any) -> None:
        number = len(self.events)
        event: Json = {"type": type, **fields}
        if self.keeping.numbers != "none":
            event["sequence_number"] = {"by two": 2 * number, "all the same": 0}.get(self.keeping.numbers, number)
        self.events.append(event)
        async with self.changed:
            self.changed.notify_all()

    def begin_anew(self, at: int) -> int:
        """Put a state into the log behind its first events, as a server that has recovered does; where to stream from.

        Nobody who knows the numbers of what follows asks for it again.
        """
        how, before = self.keeping.resumes, _text_before(self.events[:at])
        if how not in ("with state", "with empty state", "with text"):
            return at
        shown = {"with state": before, "with empty state": "", "with text": before[: len(before) // 2]}[how]
        state = self.state() | {"status": "in_progress", "output": [_message([shown])] if shown else []}
        new: list[Json] = [{"type": "response.in_progress", "response": state}]
        if how == "with text":
            where = {"output_index": 0, "content_index": 0, "item_id": "msg_0"}
            new.append({"type": "response.output_text.delta", **where, "delta": before[len(shown) :]})
        self.events[at:at] = new
        for number, event in enumerate(self.events):
            event["sequence_number"] = number
        return at

    async def cancel(self) -> None:
        if self.status in ("queued", "in_progress"):
            if self.task is not None:
                self.task.cancel()
            self.status = "cancelled"
            async with self.changed:
                self.changed.notify_all()

    @property
    def is_over(self) -> bool:
        return self.status not in ("queued", "in_progress")


class ResponsesServer(OpenAIServer):
    """The server; `creates`, `retrieves` and `cancels` remember what was asked for."""

    def __init__(self, script: Script | None = None, keeping: Keeping | None = None) -> None:
        super().__init__(script)
        self.keeping = keeping or Keeping()
        self.kept: dict[str, Kept] = {}
        self.creates: list[Json] = []
        self.retrieves: list[tuple[str, bool, int | None]] = []
        self.cancels: list[str] = []
        self.later_s = 0.0
        """How much later it is than the clock says."""
        self.is_away = False

    def now(self) -> float:
        return time.monotonic() + self.later_s

    def release(self) -> None:
        """Let what is held go on, for good."""
        for answer in self.kept.values():
            answer.released.set()

    def creates_of(self, section: str) -> int:
        return sum(answer.call.section == section for answer in self.kept.values())

    async def until_read(self, answer: int, pieces: int, within_s: float = 10.0) -> None:
        """Wait until so many pieces of the answer are written."""
        async with asyncio.timeout(within_s):
            while len(self.kept) <= answer or len(list(self.kept.values())[answer].written) < pieces:
                await asyncio.sleep(0.005)

    async def until_asked(self, times: int, within_s: float = 10.0) -> None:
        """Wait until answers were asked for as a whole so many times."""
        async with asyncio.timeout(within_s):
            while sum(not streamed for _, streamed, _ in self.retrieves) < times:
                await asyncio.sleep(0.005)

    def _application(self) -> web.Application:
        app = super()._application()
        app.router.add_post("/v1/responses", self._create)
        app.router.add_get("/v1/responses/{id}", self._retrieve)
        app.router.add_post("/v1/responses/{id}/cancel", self._cancel)
        return app

    async def stop(self) -> None:
        tasks = [answer.task for answer in self.kept.values() if answer.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().stop()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.creates.append(body)
        keeping = self.keeping
        if self.is_away:
            return _error(503, "away")
        if keeping.refuses:
            return _error(keeping.refuses, keeping.refusal)
        if keeping.says_instead:
            return web.Response(text=keeping.says_instead, content_type="text/event-stream")
        answer = Kept(self, len(self.creates), body, keeping)
        answer.call.section = section_in(answer.call, self.script.texts)
        text = self.script.texts.get(answer.call.section, self.script.replies[0])
        begins_at = 0 if keeping.text is not None else position_in(text, answer.call, self.script.reprompt)
        text = keeping.text if keeping.text is not None else text[begins_at:]
        self.kept[answer.id] = answer
        answer.task = asyncio.create_task(answer.write(text))
        await self._tell()
        if keeping.ignores_stream:
            return web.json_response(answer.state())
        return await self._stream(request, answer, None)

    async def _retrieve(self, request: web.Request) -> web.StreamResponse:
        streams = request.query.get("stream") == "true"
        after = request.query.get("starting_after")
        answer = self.kept.get(request.match_info["id"])
        self.retrieves.append((request.match_info["id"], streams, None if after is None else int(after)))
        if self.is_away:
            return _error(503, "away")
        if answer is None or self.keeping.gone or answer.keeping.ignores_background:
            return _error(404, "Response with id not found.")
        answer.asked_for.set()
        if not streams:
            return web.json_response(answer.state())
        if self.now() - answer.began_at > STREAMABLE_S:
            return _error(400, "This response can no longer be streamed because it is more than 5 minutes old.")
        return await self._stream(request, answer, None if after is None else int(after))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        self.cancels.append(request.match_info["id"])
        answer = self.kept.get(request.match_info["id"])
        await self._tell()
        if answer is None:
            return _error(404, "Response with id not found.")
        await answer.cancel()
        return web.json_response(answer.state())

    async def _stream(self, request: web.Request, answer: Kept, after: int | None) -> web.StreamResponse:
        keeping = answer.keeping
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        turn, answer.streams = answer.streams, answer.streams + 1
        cut_after = keeping.cuts[turn] if turn < len(keeping.cuts) else None
        try:
            sent = 0
            async for event in self._events(answer, after, is_first=turn == 0):
                for _ in range(2 if keeping.says_twice else 1):
                    data = f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
                    await response.write(data.encode("utf-8", "surrogatepass"))
                sent += 1
                await asyncio.sleep(0)
                if sent == cut_after:
                    if keeping.cut == "end":
                        break
                    _break_off(request, keeping.cut)
                    return response
            await response.write_eof()
        except (asyncio.CancelledError, ConnectionError) as gone:
            if keeping.ignores_background and answer.task is not None:
                answer.task.cancel()  # an answer that is not kept ends with its reader
            if isinstance(gone, asyncio.CancelledError):
                raise
        return response

    async def _events(self, answer: Kept, after: int | None, *, is_first: bool) -> AsyncIterator[Json]:
        keeping = answer.keeping
        at = 0
        if not is_first and after is not None and keeping.resumes != "from the first":
            numbered = [event.get("sequence_number") for event in answer.events]
            at = max((index + 1 for index, number in enumerate(numbered) if number == after), default=0)
            if keeping.resumes == "empty":
                return
            at = answer.begin_anew(at)
        async for event in self._from(answer, at):
            if is_first and keeping.loses is not None and event.get("sequence_number") == keeping.loses:
                continue
            yield event

    async def _from(self, answer: Kept, at: int) -> AsyncIterator[Json]:
        while True:
            while at < len(answer.events):
                yield answer.events[at]
                at += 1
            if answer.is_over:
                return
            async with answer.changed:
                if at >= len(answer.events) and not answer.is_over:
                    await answer.changed.wait()


def _text_before(events: list[Json]) -> str:
    """What a reader of these events has, also of one that has begun anew."""
    text = ""
    for event in events:
        if event["type"] == "response.in_progress":
            shown = "".join(part["text"] for item in event["response"]["output"] for part in item["content"])
            text = shown if shown else text
        elif event["type"] == "response.output_text.delta":
            text += event["delta"]
    return text


def _message(texts: list[str], **fields: Any) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"type": "message", "role": "assistant", "content": content, **fields}


def _error(status: int, message: str) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return web.json_response({"error": error}, status=status)


@contextlib.asynccontextmanager
async def keeping(script: Script | None = None, how: Keeping | None = None) -> AsyncIterator[ResponsesServer]:
    """A running server; it ends with the block."""
    server = ResponsesServer(script, how)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
