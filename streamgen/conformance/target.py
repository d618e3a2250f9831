"""The server that is asked: its HTTP calls, and viewers of its documents by websocket or by events."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from streamgen.conformance.spec import Broken, ShownDocument, require

ANSWER_WAIT_S = 30.0
"""What must come, comes within this time; how fast is nobody's claim."""
NOTHING_CAME_S = 1.5
"""What must not come, did not come for so long."""
FULL_TRIES = 40
FULL_PAUSE_S = 0.25
"""A server notices a moment later that a viewer has gone; until then its place is taken."""


class ViewerClosed(Exception):
    """The server closed the websocket."""

    def __init__(self, code: int, errors: list[str]) -> None:
        super().__init__(f"closed with {code} after the errors {errors}")
        self.code = code
        self.errors = errors


class Target:
    """One server and a login. `tls` is for certificates that nobody signed."""

    def __init__(
        self,
        server: str,
        token: str,
        *,
        tls: ssl.SSLContext | None = None,
        wait_s: float = ANSWER_WAIT_S,
        quiet_s: float = NOTHING_CAME_S,
    ) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"URL must begin with http:// or https://, not {server!r}.")
        self.base = server.rstrip("/")
        self.token = token
        self.tls = tls
        self.wait_s, self.quiet_s = wait_s, quiet_s
        self._http = httpx2.AsyncClient(timeout=wait_s, verify=tls if tls is not None else True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._http.aclose()

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """Headers by their names with underscores; `authorization=""` asks without a login."""
        named = {"Authorization": f"Bearer {self.token}"} | {
            name.replace("_", "-").title(): value for name, value in headers.items()
        }
        named = {name: value for name, value in named.items() if value}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            named = {"Content-Type": "application/json"} | named
        return await self._http.request(method, f"{self.base}{path}", content=content, headers=named)

    async def read(self, path: str) -> Any:
        """The JSON of a read that must succeed."""
        answer = await self.ask("GET", path)
        require(answer.status_code == httpx2.codes.OK, f"GET {path} answered {answer.status_code}")
        return answer.json()

    @asynccontextmanager
    async def viewer(
        self,
        artifact: int,
        *,
        shown: ShownDocument | None = None,
        acks: bool = True,
        token: str | None = None,
        **query: Any,
    ) -> AsyncIterator[ProbeViewer]:
        """A viewer of a document; `query` as the protocol has it (`begin` stands for `from`)."""
        shown = shown or ShownDocument(str(query.get("format", "text")))
        scheme, _, rest = self.base.partition("://")
        fields = {"from" if name == "begin" else name: value for name, value in query.items()}
        address = f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws/artifacts/{artifact}/?{urlencode(fields)}"
        bearer = self.token if token is None else token
        async with connect(
            address,
            additional_headers={"Authorization": f"Bearer {bearer}"} if bearer else {},
            ssl=self.tls if scheme == "https" else None,
            open_timeout=self.wait_s,
            max_size=2**26,
            max_queue=None,
            compression=None,
        ) as socket:
            yield ProbeViewer(socket, shown, acks=acks, wait_s=self.wait_s)

    async def watched(self, artifact: int, **query: Any) -> ShownDocument:
        """What a viewer of a document shows at its end; it comes again where the places are taken."""
        for _ in range(FULL_TRIES):
            try:
                async with self.viewer(artifact, **query) as viewer:
                    return await viewer.until_end()
            except ViewerClosed as closed:
                if "too_many_sockets" not in closed.errors:
                    raise Broken(str(closed)) from None
            await asyncio.sleep(FULL_PAUSE_S)
        raise Broken("the server has no place for a viewer: too_many_sockets")

    async def refusal(self, artifact: int, **query: Any) -> ViewerClosed:
        """How a viewer is refused that must be."""
        try:
            async with self.viewer(artifact, **query) as viewer:
                while True:
                    frame = await viewer.frame()
                    require(frame["type"] == "error", f"a viewer that must be refused gets a {frame['type']}")
        except ViewerClosed as closed:
            return closed

    @asynccontextmanager
    async def events(self, artifact: int, *, last_id: str = "", **query: Any) -> AsyncIterator[httpx2.Response]:
        """The answer of the server-sent events."""
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Last-Event-ID": last_id} if last_id else {})
        address = f"{self.base}/api/artifacts/{artifact}/events?{urlencode(query)}"
        async with self._http.stream("GET", address, headers=headers) as answer:
            yield answer


class ProbeViewer:
    """One open websocket; every frame is held against the protocol, and acknowledged unless told otherwise."""

    def __init__(self, socket: ClientConnection, shown: ShownDocument, *, acks: bool, wait_s: float) -> None:
        self._wait_s = wait_s
        self.socket = socket
        self.shown = shown
        self.acks = acks
        self.errors: list[str] = []
        self.bytes = 0

    async def frame(self, wait_s: float | None = None) -> dict[str, Any]:
        """The next one. Raises `Broken`, `ViewerClosed`, `TimeoutError`."""
        try:
            async with asyncio.timeout(wait_s or self._wait_s):
                message = await self.socket.recv()
        except ConnectionClosed as closed:
            raise ViewerClosed(closed.rcvd.code if closed.rcvd else 1006, self.errors) from None
        self.bytes += len(message.encode("utf-8", "surrogatepass") if isinstance(message, str) else message)
        frame = self.shown.apply(message)
        if frame["type"] == "error":
            self.errors.append(frame["code"])
        if self.acks and frame["type"] in ("snapshot", "delta", "preview"):
            await self.acknowledge()
        return frame

    async def acknowledge(self) -> None:
        await self.say({"type": "ack", "epoch": self.shown.epoch, "offset": self.shown.offset})

    async def say(self, message: Any) -> None:
        """JSON, or a string as it is. A socket that the server closed meanwhile says so at the next frame."""
        try:
            await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
        except ConnectionClosed:
            return

    async def until(self, holds: Callable[[ShownDocument], object], what: str) -> ShownDocument:
        """Frames until that holds. Raises `Broken` where nothing comes any more."""
        while not holds(self.shown):
            try:
                await self.frame()
            except TimeoutError:
                raise Broken(f"{what} did not come within {self._wait_s:g} s") from None
        return self.shown

    async def until_end(self) -> ShownDocument:
        return await self.until(lambda shown: shown.is_ended, "the end")

    async def pong(self) -> bool:
        """Whether a ping is answered; other frames may come before."""
        await self.say({"type": "ping"})
        try:
            while (await self.frame())["type"] != "pong":
                pass
        except (ViewerClosed, TimeoutError):
            return False
        return True

    async def close_code(self) -> ViewerClosed:
        """How the server ends it. Raises `Broken` where it does not."""
        try:
            while True:
                await self.frame()
        except ViewerClosed as closed:
            return closed
        except TimeoutError:
            raise Broken("the server did not close the socket") from None
