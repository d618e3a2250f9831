"""An OpenAI-compatible server on a real socket: writes known texts, misbehaves by script, remembers every call.

It uses nothing of the project. In a test: `async with serving(Script(...)) as server: server.base_url`. As a process:
`python -m tests.support.endpoint.openai_server --port 0 --script FILE` prints its port, gives what it remembers at
`/_requests` and takes another script at `/_script`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from aiohttp import web

from tests.support.endpoint.openai_script import (
    ABSENT,
    Behaviour,
    Json,
    Request,
    Script,
    Written,
    limit_of,
    position_in,
    section_in,
    tokens,
)


class _Refusal(Exception):
    def __init__(self, status: int, message: str, **fields: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}
        }


class OpenAIServer:
    """The server. `script` may be replaced at any time; `requests` grows with every call."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.requests: list[Request] = []
        self.port = 0
        self.looks = 0
        """How often the list of models was asked for."""
        self._taken: dict[str, int] = {}
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self, port: int = 0) -> None:
        app = self._application()
        # The handler of a client that goes away is cancelled at once: that is how it is noticed.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/_requests", self._remembered)
        app.router.add_put("/_script", self._take_script)
        return app

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def until(self, condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
        """Wait until the condition over this server's requests holds."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(condition)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # The endpoints

    async def _models(self, request: web.Request) -> web.Response:
        self.looks += 1
        names = self.script.models or ("test-model",)
        data = [{"id": name, "object": "model", "owned_by": self.script.software} for name in names]
        return web.json_response({"object": "list", "data": data})

    async def _remembered(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(one) for one in self.requests])

    async def _take_script(self, request: web.Request) -> web.Response:
        self.script = Script.from_json(await request.json())
        self._taken.clear()
        return web.json_response({})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            return web.json_response({"error": {"message": "not JSON"}}, status=400)
        call = Request(
            number=len(self.requests),
            body=body,
            authorization=request.headers.get("Authorization"),
            peer=str(request.transport and request.transport.get_extra_info("peername")),
        )
        self.requests.append(call)
        try:
            return await self._answer(request, call)
        except _Refusal as refusal:
            call.state, call.problem = "refused", str(refusal)
            return web.json_response(refusal.body, status=refusal.status)
        except _Broken as broken:
            call.state = "cut"
            _break_off(request, broken.how)
            return broken.response
        except (asyncio.CancelledError, ConnectionError):
            if call.state == "open":
                call.state = "gone"
            raise
        finally:
            call.ended_at = time.monotonic()
            await asyncio.shield(self._tell())

    async def _answer(self, request: web.Request, call: Request) -> web.StreamResponse:
        self._check(call)
        call.section = section_in(call, self.script.texts)
        behaviour = self._behaviour(call)
        await self._tell()
        sender = _Sender(request, call, behaviour, self._tell)
        if behaviour.hang_up:
            raise _Broken(behaviour.cut, web.Response())
        if behaviour.stall == "headers":
            await _for_ever()
        if behaviour.status != 200 or behaviour.body is not None:
            call.state = "answered" if behaviour.status == 200 else "refused"
            return web.Response(
                status=behaviour.status,
                headers=behaviour.headers,
                body=(behaviour.body if behaviour.body is not None else _sorry(behaviour.status)).encode("latin-1"),
                content_type=behaviour.content_type,
            )
        text, call.position = self._text(call, behaviour)
        written = Written.up_to(text[call.position :], call, behaviour)
        if call.streamed and not behaviour.ignores_stream:
            return await sender.stream(written)
        echoed = (call.begun or "") if self.script.echoes_prefix and self.script.prefill == "plain" else ""
        return await sender.whole(written, echoed)

    # What to answer

    def _check(self, call: Request) -> None:
        script, body = self.script, call.body
        if script.key and call.authorization != f"Bearer {script.key}":
            raise _Refusal(401, f"Incorrect API key provided: {call.authorization}.", code="invalid_api_key")
        if script.models and body.get("model") not in script.models:
            raise _Refusal(404, f"The model `{body.get('model')}` does not exist.", code="model_not_found")
        for parameter in script.refuses:
            if body.get(parameter):
                raise _Refusal(
                    400,
                    f"Unsupported parameter: '{parameter}' is not supported here.",
                    param=parameter,
                    code="unsupported_parameter",
                )
        if script.most_tokens is not None and limit_of(body) > script.most_tokens:
            raise _Refusal(
                400, f"max_tokens is too large: {limit_of(body)}. At most {script.most_tokens} are supported."
            )
        asked = len(tokens(call.prompt))
        if script.context_tokens is not None and asked + limit_of(body) > script.context_tokens:
            raise _Refusal(
                400,
                f"'max_tokens' or 'max_completion_tokens' is too large: {limit_of(body)}. This model's maximum context "
                f"length is {script.context_tokens} tokens and your request has {asked} input tokens.",
            )
        if script.prefill == "refused" and call.begun is not None:
            raise _Refusal(400, "Assistant response prefill is incompatible with enable_thinking.")

    def _behaviour(self, call: Request) -> Behaviour:
        of_section = self.script.by_section.get(call.section, ())
        for key, several in ((f"section {call.section}", of_section), ("all", self.script.behaviours)):
            taken = self._taken.get(key, 0)
            if taken < len(several):
                self._taken[key] = taken + 1
                return several[taken]
        return self.script.default

    def _text(self, call: Request, behaviour: Behaviour) -> tuple[str, int]:
        if behaviour.text is not None:
            return behaviour.text, 0
        text = self.script.texts.get(call.section)
        if text is None:
            taken = self._taken.get("replies", 0)
            self._taken["replies"] = taken + 1
            return self.script.replies[min(taken, len(self.script.replies) - 1)], 0
        if self.script.prefill == "ignored" and call.begun is not None:
            said = self.script.says_first
            return said + (text[self._after_begun(call, text) :] if said else text), 0
        if self._is_prefilled(call):
            return text, self._after_begun(call, text)
        return text, position_in(text, call, self.script.reprompt)

    def _is_prefilled(self, call: Request) -> bool:
        if call.begun is None:
            return False
        return {
            "plain": True,
            "vllm": bool(call.body.get("continue_final_message")) and call.body.get("add_generation_prompt") is False,
            "prefix": bool(call.body["messages"][-1].get("prefix")),
        }.get(self.script.prefill, False)

    def _after_begun(self, call: Request, text: str) -> int:
        """Where the begun answer ends in the text; it may lack the beginning (a heading that was dropped)."""
        begun = call.begun or ""
        at = 0 if text.startswith(begun) else text.find(begun)
        if at < 0:
            raise _Refusal(400, "the begun answer is not what this server wrote")
        return at + len(begun)


class _Sender:
    """Sends one answer, and breaks where the behaviour says so."""

    def __init__(
        self, request: web.Request, call: Request, behaviour: Behaviour, tell: Callable[[], Awaitable[None]]
    ) -> None:
        self._request, self._call, self._behaviour, self._tell = request, call, behaviour, tell
        self._bytes_sent = 0

    async def whole(self, written: Written, echoed: str) -> web.StreamResponse:
        behaviour, call = self._behaviour, self._call
        if behaviour.stall:
            await _for_ever()
        await asyncio.sleep(behaviour.pause_s * len(written.pieces))
        text = "".join(written.pieces)
        message = _saying(behaviour, echoed + text)
        if behaviour.tool_call:
            message |= {"content": None, "tool_calls": [_TOOL_CALL]}
        choice: Json = {"index": 0, "message": {"role": "assistant", **message}}
        if written.finish != ABSENT:
            choice["finish_reason"] = written.finish
        document = _envelope(call, "chat.completion") | {"choices": [choice]}
        if written.usage != ABSENT:
            document["usage"] = written.usage
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(self._request)
        await self._write(response, json.dumps(document).encode())
        call.sent = text
        return await self._end(response)

    async def stream(self, written: Written) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **self._behaviour.headers})
        await response.prepare(self._request)
        if self._behaviour.stall == "first_piece":
            await _for_ever()
        await self._write(response, self._event({"role": "assistant", "content": ""}))
        await self._think(response)
        for number, piece in enumerate(written.pieces):
            await self._before_piece(response, number)
            await self._write(response, self._event(_saying(self._behaviour, piece)))
            self._call.sent += piece
            await self._tell()
        await self._before_piece(response, len(written.pieces))
        for event in self._last_events(written):
            await self._write(response, event)
        return await self._end(response)

    async def _think(self, response: web.StreamResponse) -> None:
        behaviour = self._behaviour
        if behaviour.reasoning and behaviour.reasoning_field == "tag":
            for part in tokens(f"<think>\n{behaviour.reasoning}\n</think>\n\n"):
                await asyncio.sleep(behaviour.think_pause_s)
                await self._write(response, self._event({"content": part}))
        elif behaviour.reasoning:
            for part in tokens(behaviour.reasoning):
                await asyncio.sleep(behaviour.think_pause_s)
                await self._write(response, self._event({behaviour.reasoning_field: part}))

    async def _before_piece(self, response: web.StreamResponse, number: int) -> None:
        behaviour = self._behaviour
        await asyncio.sleep(behaviour.pause_s)
        if (raw := behaviour.insert.get(number)) is not None:
            await self._write(response, raw.encode("latin-1"))
        if behaviour.cut_after_pieces == number:
            await self._cut(response)
        if behaviour.stall == "pieces" and behaviour.stall_after == number:
            await _for_ever()

    def _last_events(self, written: Written) -> Iterator[bytes]:
        behaviour = self._behaviour
        if behaviour.refusal:
            yield self._event({"refusal": behaviour.refusal})
        if behaviour.tool_call:
            yield self._event({"tool_calls": [_TOOL_CALL]})
        if written.finish != ABSENT:
            yield self._event({}, finish=written.finish)
        if written.usage != ABSENT and (self._call.body.get("stream_options") or {}).get("include_usage"):
            yield self._data(_envelope(self._call, "chat.completion.chunk") | {"choices": [], "usage": written.usage})
        if behaviour.done:
            yield self._line("data: [DONE]")

    def _event(self, delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return self._data(_envelope(self._call, "chat.completion.chunk") | {"choices": [choice]})

    def _data(self, payload: Json) -> bytes:
        comment = self._line(": still here") if self._behaviour.comments else b""
        return comment + self._line("data: " + json.dumps(payload, ensure_ascii=False))

    def _line(self, line: str) -> bytes:
        return (line + self._behaviour.newline * 2).encode()

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        behaviour = self._behaviour
        left = None if behaviour.cut_after_bytes is None else behaviour.cut_after_bytes - self._bytes_sent
        is_last = left is not None and len(data) >= left
        data = data[:left] if is_last else data
        step = behaviour.chunk_bytes or len(data) or 1
        for at in range(0, len(data), step):
            await response.write(data[at : at + step])
            await asyncio.sleep(0)
        self._bytes_sent += len(data)
        if is_last:
            await self._cut(response)

    async def _cut(self, response: web.StreamResponse) -> NoReturn:
        if self._behaviour.cut == "end":
            await response.write_eof()
        raise _Broken(self._behaviour.cut, response)

    async def _end(self, response: web.StreamResponse) -> web.StreamResponse:
        await response.write_eof()
        self._call.state = "answered"
        return response


class _Broken(Exception):
    """The connection is to break now. aiohttp wants a response all the same; this one goes nowhere."""

    def __init__(self, how: str, response: web.StreamResponse) -> None:
        super().__init__(how)
        self.how = how
        self.response = response


def _break_off(request: web.Request, how: str) -> None:
    transport = request.transport
    if transport is None or how == "end":
        return
    if how == "reset":
        # Linger 0: the other side gets a reset instead of an orderly end.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.close()


_TOOL_CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}


def _saying(behaviour: Behaviour, text: str) -> Json:
    return {"content": [{"type": "text", "text": text}] if behaviour.content == "parts" else text}


def _envelope(call: Request, kind: str) -> Json:
    return {"id": f"chatcmpl-{call.number}", "object": kind, "created": 1, "model": call.body.get("model")}


def _sorry(status: int) -> str:
    return json.dumps({"error": {"message": f"error {status}", "type": "error", "param": None, "code": None}})


async def _for_ever() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


@contextlib.asynccontextmanager
async def serving_endpoint(script: Script | None = None, port: int = 0) -> AsyncIterator[OpenAIServer]:
    """A running server; it ends with the block."""
    server = OpenAIServer(script)
    await server.start(port)
    try:
        yield server
    finally:
        await server.stop()


async def _main(port: int, script: Script) -> None:
    async with serving_endpoint(script, port) as server:
        print(server.port, flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=Path, help="a JSON file with the fields of Script")
    arguments = parser.parse_args()
    told = json.loads(arguments.script.read_text("utf-8")) if arguments.script else {}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.port, Script.from_json(told)))
