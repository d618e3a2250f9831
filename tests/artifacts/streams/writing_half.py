"""The writing half of the Durable Streams protocol, in front of ours, which only reads: so that a public suite can try
what it reads.

PUT makes a document, POST writes it with the verbs of a worker, and all that reads goes to the real server as it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
from aiohttp import web
from channels.db import database_sync_to_async
from yarl import URL

from artifacts.lifecycle import commands
from artifacts.models import Artifact, StopRequest
from artifacts.sharing import links
from artifacts.streams.offsets import offset_token
from tests.support import documents

CLOSED = "Stream-Closed"


class WrittenStream:
    """One stream: a document, the claim to write it, and the link by which it is read."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.draft = documents.opened(total=1)
        self.draft.begin(0)
        artifact = Artifact.objects.select_related("project__owner").get(pk=self.draft.pk)
        _, secret = links.share(artifact.project, artifact.project.owner)
        self.path = f"/streams/artifacts/{artifact.pk}/link/{secret}/1"
        self.is_closed = False
        self.lock = asyncio.Lock()

    def write(self, text: str, closes: bool) -> str:
        """The offset behind it."""
        if closes:
            commands.request_stop(self.draft.pk, StopRequest.CANCEL)
            self.draft.stop(text)  # both in one transaction
            self.is_closed = True
        else:
            self.draft.append(text)
        return offset_token(documents.row(self.draft.pk).length)


class WritingHalf:
    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._drafts: dict[str, WrittenStream] = {}

    async def open(self, kind: str = "text/plain") -> WrittenStream:
        """A new stream."""
        return await database_sync_to_async(WrittenStream)(kind)

    async def write(self, stream: WrittenStream, text: str, *, closes: bool = False) -> str:
        """The offset behind it."""
        return await database_sync_to_async(stream.write)(text, closes)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        draft = self._drafts.get(request.path)
        if request.method == "PUT":
            return await self._create(request)
        if draft is None:
            return await self._forward(request, "/streams/artifacts/999999999/link/none/1")
        if request.method == "POST":
            return await self._append(request, draft)
        if request.method == "DELETE":
            del self._drafts[request.path]
            await database_sync_to_async(commands.delete)(draft.draft.pk)
            return web.Response(status=204)
        return await self._forward(request, draft.path)

    async def _create(self, request: web.Request) -> web.Response:
        closes = request.headers.get(CLOSED) == "true"
        if request.path in self._drafts:
            return web.Response(status=200)
        kind = request.headers.get("Content-Type", "")
        draft = self._drafts[request.path] = await self.open(kind)
        text = (await request.read()).decode(errors="replace").replace("\0", "\ufffd")
        offset = offset_token(0)
        if text or closes:
            offset = await self.write(draft, text, closes=closes)
        head = {"Location": str(request.url), "Stream-Next-Offset": offset, "Content-Type": kind}
        return web.Response(status=201, headers=head | ({CLOSED: "true"} if closes else {}))

    async def _append(self, request: web.Request, draft: WrittenStream) -> web.Response:
        closes = request.headers.get(CLOSED) == "true"
        text = (await request.read()).decode(errors="replace").replace("\0", "\ufffd")
        async with draft.lock:
            if draft.is_closed or not (text or closes):
                return web.Response(status=409 if draft.is_closed else 400)
            offset = await self.write(draft, text, closes=closes)
        head = {"Stream-Next-Offset": offset} | ({CLOSED: "true"} if closes else {})
        return web.Response(status=204, headers=head)

    async def _forward(self, request: web.Request, path: str) -> web.StreamResponse:
        url = f"{self._origin}{path}{'?' if request.query_string else ''}{request.rel_url.raw_query_string}"
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None)) as client,
            client.request(request.method, URL(url, encoded=True), headers=headers, allow_redirects=False) as found,
        ):
            answer = web.StreamResponse(status=found.status)
            for name, value in found.headers.items():
                if name.lower() not in {"transfer-encoding", "connection", "date", "server"}:
                    answer.headers.add(name, value)
            with suppress(ConnectionError):
                await answer.prepare(request)
                async for chunk in found.content.iter_any():
                    await answer.write(chunk)
                await answer.write_eof()
            return answer


@asynccontextmanager
async def serving_writing_half(half: WritingHalf) -> AsyncIterator[str]:
    """Its origin, on a free port of the loopback."""
    application = web.Application(client_max_size=2**26)
    application.router.add_route("*", "/{path:.*}", half.answer)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
