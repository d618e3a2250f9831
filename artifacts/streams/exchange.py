"""One HTTP request under ASGI, and its answer: at once, or one that lasts and goes out as fast as it is read.

It knows no document and no server: `streamgen.server.outflow` has what servers do beside ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from django.conf import settings
from django.utils.http import parse_etags

from artifacts.accounts.admission import Credentials
from artifacts.live.close_codes import GOING_AWAY, SocketEnding

Headers = Iterable[tuple[str, str]]

STALL_S = 60.0
"""A reader that takes nothing for so long is cut off; it may come again and go on."""


class Outflow(Protocol):
    """What a server does with an answer beside ASGI's `send`."""

    async def drained(self) -> None:
        """Wait until what was sent has left this process, but for a bounded rest."""

    def abort(self) -> None:
        """End the connection, whatever still waits to be sent."""


class Refused(Exception):
    """The request is answered with an error, before anything else was sent."""

    def __init__(self, status: int, detail: str, *, code: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.headers = headers or {}


def refusal(ending: SocketEnding) -> Refused:
    """What a socket would be closed for, as an answer over HTTP."""
    if ending is GOING_AWAY:
        detail = "The server is going away, or its database is for a moment. Come again."
        return Refused(503, detail, code="unavailable", headers={"Retry-After": "1"})
    status = {4409: 422}.get(ending.close_code, ending.close_code - 4_000)
    return Refused(status, ending.detail, code=ending.error)


class Stalled(Exception):
    """The reader takes nothing."""


class Exchange:
    """What was asked, and the answer."""

    def __init__(self, scope: Any, receive: Any, send: Any, *, always: Mapping[str, str] | None = None) -> None:
        """`always`: headers of every answer."""
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.credentials: Credentials = scope["credentials"]
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._outflow: Outflow | None = scope.get("outflow")
        self._receive, self._send = receive, send
        self._always = (always or {}).items()

    def header(self, name: str) -> str:
        """The last one of that name, "" for none."""
        found = [value for key, value in self._headers if key == name.lower().encode()]
        return found[-1].decode("latin-1").strip() if found else ""

    def demand_method(self, *allowed: str) -> None:
        """Raises `Refused` for another one."""
        if self.method not in allowed:
            detail = f"{self.method} is not allowed here; allowed: {', '.join(allowed)}."
            raise Refused(405, detail, code="method_not_allowed", headers={"Allow": ", ".join(allowed)})

    async def request_content(self) -> bytes:
        """All that the client sends. Raises `Refused` as soon as it is more than Django would take."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        parts: list[bytes] = []
        received = 0
        is_all = False
        while not is_all:
            message = await self._receive()
            parts.append(message.get("body", b""))
            received += len(parts[-1])
            if limit is not None and received > limit:
                raise Refused(413, f"The body may have {limit / 1_000_000:g} MB at most.", code="too_large")
            is_all = not message.get("more_body", False)  # also where it has gone
        return b"".join(parts)

    async def gone(self) -> None:
        """Wait until the client has gone, or the answer is complete."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """All of the answer; to a read whose answer the client knows already, by its `ETag`, only that it does."""
        headers = list(headers)
        if status == 200 and self.method in ("GET", "HEAD") and self._knows(dict(headers).get("ETag", "")):
            status = 304
        if self.method == "HEAD" or status in {204, 304}:
            await self.begin(status, headers)
            body = b""
        else:
            await self.begin(status, [*headers, ("Content-Length", str(len(body)))])
        await self._send({"type": "http.response.body", "body": body})

    def _knows(self, tag: str) -> bool:
        """Whether `If-None-Match` names that answer; a cache on the way may have made a weak tag of it."""
        said = self.header("if-none-match")
        return bool(tag) and (said == "*" or tag in {one.removeprefix("W/") for one in parse_etags(said)})

    async def begin(self, status: int, headers: Headers) -> None:
        """The head of the answer."""
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in (*headers, *self._always)]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, body: bytes) -> None:
        """More of the body. Returns when a bounded rest is all that waits; raises `Stalled`."""
        try:
            async with asyncio.timeout(STALL_S):
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
                if self._outflow is not None:
                    await self._outflow.drained()
        except TimeoutError:
            raise Stalled from None

    async def finish(self) -> None:
        """Nothing more comes."""
        await self._send({"type": "http.response.body", "body": b""})

    async def abort(self) -> None:
        """End the connection, whatever still waits to be sent."""
        if self._outflow is not None:
            self._outflow.abort()
            await asyncio.sleep(0)  # the server hears of it in its own turn
