"""A small server of the protocol that is another implementation, and breaks one rule of it where it is told to."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

TOKEN = "sg_of-the-fake"
CUT = 65_536
CREDIT = 262_144
WORDS = "A lamp, 灯台, 🎈 and e\u0301. "
CLAMPS = {"ends-at-any-cursor", "ends-at-foreign-cursor"}
STATES = {"complete": "complete", "streaming": "streaming", "paused": "partial", "idle": "pending"}


class FakeDocument:
    """A text that grows, its epoch, and whoever waits for news of it."""

    def __init__(self, pk: int, *, text: str = "", status: str = "idle", epoch: int = 1) -> None:
        self.pk, self.text, self.status, self.epoch, self.seq = pk, text, status, epoch, 1
        self.is_gone = False
        self._news = asyncio.Event()

    def change(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self, name, value)
        self.seq += 1
        self._news.set()
        self._news = asyncio.Event()

    @property
    def news(self) -> asyncio.Event:
        return self._news

    @property
    def is_over(self) -> bool:
        return self.status == "complete"

    def state(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "current_section": "",
            "sections_completed": int(self.is_over),
            "sections_total": 1,
            "tokens_generated": len(self.text),
            "cost": "0.0000",
            "cost_estimated": "0.0000",
            "last_error": "",
            "reason": "",
            "sections": [{"name": "Goals", "status": STATES[self.status], "tokens": 0, "model": ""}],
        }

    def head(self, kind: str) -> dict[str, Any]:
        return {"type": kind, "epoch": self.epoch, "seq": self.seq}

    async def grow(self) -> None:
        for number in range(60):
            await asyncio.sleep(0.01)
            if self.status != "streaming" or self.is_gone:
                return
            self.change(text=f"{self.text}{number} {WORDS}")
        self.change(status="complete")


class FakeServer:
    """`breaks` is the name of the rule that it breaks, "" for none."""

    def __init__(self, breaks: str = "") -> None:
        self.breaks = breaks
        self.documents: dict[int, FakeDocument] = {}
        self.answers: dict[str, tuple[bytes, dict[str, Any]]] = {}
        self.growing: set[asyncio.Task[None]] = set()
        self.visits = 0
        for number, text in enumerate((WORDS * 8, WORDS * 24_000), 1):
            self.documents[number] = FakeDocument(number, text=text, status="complete", epoch=2)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        routes: list[tuple[str, str, Callable[[web.Request], Any]]] = [
            ("GET", "/ws/artifacts/{id}/", self.socket),
            ("GET", "/api/artifacts/{id}/events", self.events),
            ("GET", "/api/artifacts/{id}", self.read),
            ("GET", "/api/artifacts/{id}/sections/1", self.section),
            ("PUT", "/api/artifacts/{id}/sections/1", self.edit),
            ("DELETE", "/api/artifacts/{id}", self.delete),
            ("POST", "/api/artifacts/{id}/{verb}", self.command),
            ("POST", "/api/projects", self.project),
            ("DELETE", "/api/projects/{id}", self.drop),
            ("POST", "/api/projects/{id}/artifacts", self.add),
            ("*", "/{rest:.*}", self.nothing),
        ]
        for method, path, answer in routes:
            app.router.add_route(method, path, answer)
        return app

    # Calls

    def problem(self, status: int, code: str) -> web.Response:
        if self.breaks == "errors-as-pages":
            return web.Response(status=status, text="<h1>No</h1>", content_type="text/html")
        told = {"type": f"/api/errors#{code}", "title": "No", "status": status, "detail": "No.", "code": code}
        if self.breaks == "errors-without-codes":
            del told["code"]
        return web.json_response(told, status=status, content_type="application/problem+json")

    def _refused(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.problem(401, "login_required")
        if "id" in request.match_info and "projects" not in request.path and self._document(request) is None:
            return self.problem(404, "not_found")
        return None

    def _document(self, request: web.Request) -> FakeDocument | None:
        return self.documents.get(int(request.match_info["id"]))

    async def nothing(self, request: web.Request) -> web.Response:
        is_known = re.fullmatch(r"/api/artifacts/\d+", request.path)
        return self.problem(405, "method_not_allowed") if is_known else self.problem(404, "no_such_call")

    async def read(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        document = self.documents[int(request.match_info["id"])]
        told = {
            "id": document.pk,
            "epoch": document.epoch,
            "seq": document.seq,
            "offset": len(document.text.encode()) if self.breaks == "offsets-in-bytes" else len(document.text),
            "text": document.text,
            "state": document.state(),
        }
        tag = f'"{hashlib.sha256(json.dumps(told).encode()).hexdigest()}"'
        headers = {} if self.breaks == "no-tags" else {"ETag": tag}
        if request.headers.get("If-None-Match") == tag and self.breaks != "never-304":
            return web.Response(status=304, headers=headers)
        return web.json_response(told, headers=headers)

    async def section(self, request: web.Request) -> web.Response:
        document = self.documents[int(request.match_info["id"])]
        return web.json_response(
            {"text": document.text, "sha256": hashlib.sha256(document.text.encode()).hexdigest(), "epoch": 1}
        )

    async def edit(self, request: web.Request) -> web.Response:
        document = self.documents[int(request.match_info["id"])]
        epoch = document.epoch if self.breaks == "edits-in-place" else document.epoch + 1
        document.change(text=(await request.json())["text"], epoch=epoch)
        return web.json_response({"epoch": document.epoch})

    async def delete(self, request: web.Request) -> web.Response:
        document = self.documents.pop(int(request.match_info["id"]))
        if self.breaks != "deletes-in-silence":
            document.change(is_gone=True)
        return web.Response(status=204)

    async def drop(self, request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def command(self, request: web.Request) -> web.Response:
        document = self.documents[int(request.match_info["id"])]
        if request.match_info["verb"] == "pause":
            document.change(status="paused")
            return web.json_response({"status": document.status})
        if self.breaks == "resumes-anew" and document.text:
            document.change(text="")
        document.change(status="streaming")
        self.growing.add(asyncio.create_task(document.grow()))
        return web.json_response({"task": 1}, status=202)

    async def project(self, request: web.Request) -> web.Response:
        numbers = [max(self.documents) + step for step in range(1, 7)]
        self.documents |= {number: FakeDocument(number) for number in numbers}
        return web.json_response({"id": 1, "artifacts": [{"id": number} for number in numbers]}, status=201)

    async def add(self, request: web.Request) -> web.Response:
        key, body = request.headers.get("Idempotency-Key", ""), await request.read()
        if key in self.answers and self.breaks != "does-twice":
            first, answer = self.answers[key]
            if first != body and self.breaks != "any-body":
                return self.problem(422, "idempotency_key_reused")
            return web.json_response(answer, status=201)
        number = max(self.documents) + 1
        self.documents[number] = FakeDocument(number)
        self.answers[key] = (body, {"id": number})
        return web.json_response({"id": number}, status=201)

    # Events

    async def events(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return refused
        if request.query.get("format", "text") not in ("text", "html"):
            return self.problem(422, "bad_format")
        document = self.documents[int(request.match_info["id"])]
        epoch, _, place = request.headers.get("Last-Event-ID", "").partition(":")
        if place.endswith(":end") and self.breaks != "never-204":
            return web.Response(status=204)
        offset = int(place.partition(":")[0] or 0) if epoch == str(document.epoch) else 0
        offset = 0 if self.breaks == "forgets-last-event-id" else offset
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        frames = list(self.frames(document, offset, is_page=False))
        if self.breaks == "loses-an-event" and len(frames) > 2:
            del frames[1]
        for frame in frames:
            end = frame["offset"] + len(frame.get("text", ""))
            mark = ":end" if frame["type"] == "end" else ""
            data = json.dumps(frame, ensure_ascii=False)
            await answer.write(f"id: {document.epoch}:{end}{mark}\ndata: {data}\n\n".encode())
        return answer

    # The websocket

    def frames(self, document: FakeDocument, offset: int, *, is_page: bool) -> list[dict[str, Any]]:
        """From that place to the end of what is there, and the end where there is one."""
        text = document.text
        if self.breaks == "changes-its-text":
            self.visits += 1
            text = text.replace("lamp", f"lump{self.visits % 2}", 1)
        shown = text
        if self.breaks == "resumes-one-late" and offset:
            shown = text[:offset] + text[offset + 1 :]
        head = {"v": 1, "artifact": document.pk, "state": document.state()}
        if is_page:
            tail = "<p>" if self.breaks == "leaves-a-tail" else ""
            page = {"offset": len(text), "fragments": [f"<p>{offset}{len(text)}</p>"], "tail": tail}
            if self.breaks != "pages-by-cursor":
                page["fragments"] = [f"<p>{len(text)}</p>"]
            found = [document.head("snapshot") | head | page]
        else:
            cut = len(text) if self.breaks == "frames-without-bounds" else CUT // 2
            parts = [shown[at : at + cut] for at in range(offset, len(shown), cut)] or [""]
            found = [document.head("snapshot") | head | {"offset": offset, "text": parts[0]}]
            at = offset + len(parts[0])
            for part in parts[1:]:
                found.append(document.head("delta") | {"offset": at, "text": part})
                at += len(part)
        if document.is_over:
            found.append(self._end(document, text))
        if self.breaks == "ends-early" and len(found) > 2:
            found[-2:] = reversed(found[-2:])
        if self.breaks == "loses-a-delta" and len(found) > 3:
            del found[2]
        if self.breaks == "counts-backwards" and len(found) > 1:
            found[-1] = found[-1] | {"seq": 0}
        return found

    def _end(self, document: FakeDocument, text: str) -> dict[str, Any]:
        digest = hashlib.sha256(("x" if self.breaks == "wrong-hash" else "").encode() + text.encode()).hexdigest()
        return document.head("end") | {"offset": len(text), "sha256": digest, "state": document.state()}

    def _place(self, request: web.Request, document: FakeDocument) -> int:
        epoch, offset = request.query.get("epoch", ""), request.query.get("offset", "")
        if self.breaks == "half-a-cursor" and offset.isdecimal() and not epoch:
            return int(offset)
        if not (re.fullmatch("[0-9]{1,12}", epoch) and re.fullmatch("[0-9]{1,12}", offset)):
            return 0
        if int(epoch) != document.epoch and self.breaks != "any-epoch":
            return 0
        if int(offset) > len(document.text):
            return len(document.text) if self.breaks in CLAMPS else 0
        return 0 if self.breaks == "always-all" else int(offset)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        largest = 2**26 if self.breaks == "takes-any-size" else CUT
        line = web.WebSocketResponse(max_msg_size=largest + 1, compress=False)
        await line.prepare(request)
        document = self._document(request)
        is_stranger = request.headers.get("Authorization") != f"Bearer {TOKEN}"
        if is_stranger and (self.breaks != "lets-anybody-in" or document is None):
            return await self._close(line, 4401, "login_required")
        if document is None:
            return await self._close(
                line, 4404, "login_required" if self.breaks == "one-error-for-all" else "not_found"
            )
        if request.query.get("format", "text") not in ("text", "html") and self.breaks != "any-format":
            return await self._close(line, 4409, "bad_format")
        if not request.query.get("replay", "1").isdecimal():
            return await self._close(line, 4409, "bad_replay")
        viewer = FakeViewer(self, line, document, is_page=request.query.get("format") == "html")
        showing = asyncio.create_task(viewer.show(self._place(request, document)))
        try:
            await viewer.listen()
        finally:
            showing.cancel()
        return line

    async def _close(self, line: web.WebSocketResponse, code: int, error: str) -> web.WebSocketResponse:
        if self.breaks != "closes-without-a-word":
            await line.send_str(json.dumps({"type": "error", "code": error, "detail": "No."}))
        await line.close(code=1000 if self.breaks == "closes-with-1000" else code)
        return line


class FakeViewer:
    """One websocket: what it was sent, what it acknowledged, how often it spoke nonsense."""

    def __init__(
        self, server: FakeServer, line: web.WebSocketResponse, document: FakeDocument, *, is_page: bool
    ) -> None:
        self.server, self.line, self.document, self.is_page = server, line, document, is_page
        self.credit = CREDIT
        self.acked = asyncio.Event()
        self.faults = self.messages = 0

    async def show(self, offset: int) -> None:
        document, breaks = self.document, self.server.breaks
        epoch = 0
        told: tuple[str, str] = ("", "")
        while not document.is_gone:
            news = document.news
            if document.epoch != epoch:
                for frame in self.server.frames(document, offset if not epoch else 0, is_page=self.is_page):
                    await self._send(frame)
                epoch, told = document.epoch, (document.text, document.status)
            else:
                text, status = told
                told = (document.text, document.status)
                if told[1] != status and breaks != "no-states":
                    await self._send(document.head("state") | {"state": document.state()})
                if told[0] != text:
                    added = told[0][len(text) :]
                    if breaks == "loses-a-word" and self.is_page is False and text and text.count("lamp") == 7:
                        told = (text + added, told[1])
                        await news.wait()
                        continue
                    await self._send(self._growth(len(text), added))
                ends = document.is_over or (breaks == "pauses-as-end" and document.status == "paused")
                if ends and status != document.status:
                    await self._send(self.server._end(document, document.text))
            await news.wait()
        await self.server._close(self.line, 4404, "deleted")

    def _growth(self, at: int, added: str) -> dict[str, Any]:
        if self.is_page:
            whole = at + len(added)
            page = f"<p>{id(self) if self.server.breaks == 'pages-differ' else whole}</p>"
            return self.document.head("preview") | {"offset": whole, "from": 0, "fragments": [page], "tail": ""}
        return self.document.head("delta") | {"offset": at, "text": added}

    async def _send(self, frame: dict[str, Any]) -> None:
        text = json.dumps(frame, ensure_ascii=False)
        while self.credit < 0 and self.server.breaks != "sends-without-acks":
            self.acked.clear()
            await self.acked.wait()
        self.credit -= len(text.encode())
        await (self.line.send_bytes(text.encode()) if self.server.breaks == "binary" else self.line.send_str(text))

    async def listen(self) -> None:
        async for message in self.line:
            self.messages += 1
            if self.messages > 2_000 and self.server.breaks != "takes-any-number":
                await self.server._close(self.line, 4429, "too_many_messages")
                return
            said = self._read(message)
            if said == "ack":
                self.credit = CREDIT
                self.acked.set()
            elif said == "ping":
                if self.server.breaks != "never-pongs":
                    await self.line.send_str('{"type": "pong"}')
            elif await self._object():
                return

    def _read(self, message: Any) -> str:
        if message.type != WSMsgType.TEXT:
            return ""
        try:
            said = json.loads(message.data)
        except ValueError:
            return ""
        kind = said.get("type") if isinstance(said, dict) else ""
        if kind == "ack" and self.server.breaks == "wants-exact-acks" and said["offset"] > len(self.document.text):
            return ""
        is_ack = kind == "ack" and all(isinstance(said.get(name), int) for name in ("epoch", "offset"))
        return kind if is_ack or kind == "ping" else ""

    async def _object(self) -> bool:
        """Whether that was the end of it."""
        self.faults += 1
        if self.server.breaks == "forgives-all":
            return False
        if self.faults > 1 or self.server.breaks == "forgives-nothing":
            await self.server._close(self.line, 4409, "bad_message")
            return True
        await self.line.send_str('{"type": "error", "code": "bad_message", "detail": "No."}')
        return False


@asynccontextmanager
async def serving_fake(breaks: str = "") -> AsyncIterator[str]:
    """The address of such a server, which breaks that rule."""
    server = FakeServer(breaks)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        for task in server.growing:
            task.cancel()
        await runner.cleanup()
