"""One HTTP answer that lasts, from the application within the test's own process, and the events in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asgiref.testing import ApplicationCommunicator

from streamgen.asgi import application
from tests.support.limits import WAIT_S
from tests.support.line import Headers
from tests.support.reader import Reader


@dataclass(frozen=True, kw_only=True)
class Event:
    """One server-sent event; `id` is "" where it brings none."""

    id: str
    frame: dict[str, Any]


class Over(Exception):
    """The answer is complete."""


class Answer:
    """`async with` asks; events are checked by a `Reader`, comments and `retry` are passed over."""

    def __init__(
        self,
        path: str,
        headers: Headers,
        *,
        method: str = "GET",
        body: bytes = b"",
        reader: Reader | None = None,
        app: Any = application,
        **scoped: Any,
    ) -> None:
        path, _, query = path.partition("?")
        self.reader = reader or Reader("html" if "format=html" in query else "text")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "headers": headers,
            **scoped,
        }
        self._body = body
        self._asgi = ApplicationCommunicator(app, scope)
        self._rest = b""
        self._is_over = False
        self.last_id = ""

    async def __aenter__(self) -> Answer:
        await self._asgi.send_input({"type": "http.request", "body": self._body})
        start = await self._asgi.receive_output(WAIT_S)
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._asgi.send_input({"type": "http.disconnect"})
        await self._asgi.wait(WAIT_S)

    async def chunk(self) -> bytes:
        """More of the body; raises `Over` where it is complete."""
        if self._is_over:
            raise Over
        message = await self._asgi.receive_output(WAIT_S)
        self._is_over = not message.get("more_body")
        body: bytes = message.get("body", b"")
        return body

    async def body(self) -> bytes:
        """All that is left."""
        found = b""
        try:
            while True:
                found += await self.chunk()
        except Over:
            return found

    async def event(self) -> Event:
        """The next event; raises `Over`."""
        while True:
            while b"\n\n" not in self._rest:
                self._rest += await self.chunk()
            block, _, self._rest = self._rest.partition(b"\n\n")
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
            if "data" in fields:
                self.last_id = fields.get("id", self.last_id)
                return Event(id=fields.get("id", ""), frame=self.reader.apply(fields["data"]))

    async def events(self) -> list[Event]:
        """All that still come."""
        found = []
        try:
            while True:
                found.append(await self.event())
        except Over:
            return found
