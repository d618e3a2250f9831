"""The straight way from a frame to the network, past ASGI's `send`, under the servers that are known here.

It uses what these servers do not promise, so `known` tries it out first: where anything is not as it was, there is no
wire, and frames go by `send`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from artifacts.live.wire import Wire, framed

logger = logging.getLogger(__name__)

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TRIAL_S = 5.0


class WithWires:
    """An ASGI application for websockets whose scope has the `wire`, where there is one."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(dict(scope, wire=known.wire_of(send)), receive, send)


def _uvicorns_class() -> type:
    from uvicorn.protocols.websockets.websockets_sansio_impl import (  # noqa: PLC0415  other servers run without it
        WebSocketsSansIOProtocol,
    )

    return WebSocketsSansIOProtocol


def _twisteds_class() -> type:
    # Importing it earlier would install another reactor than Daphne's.
    from twisted.internet.abstract import FileDescriptor  # noqa: PLC0415

    return FileDescriptor


class KnownServers:
    """Either server's class for websockets, once it was tried out."""

    def __init__(self) -> None:
        self.uvicorn: type | None = None
        self.daphne: type | None = None

    def wire_of(self, send: Any) -> Wire | None:
        """The wire behind ASGI's `send`."""
        if self.uvicorn is not None and type(protocol := getattr(send, "__self__", None)) is self.uvicorn:
            return UvicornWire(protocol)
        if (
            self.daphne is not None
            and isinstance(send, partial)
            and send.args
            and isinstance(send.args[0], self.daphne)
        ):
            return DaphneWire(send.args[0])
        return None

    async def try_uvicorn(self, find: Callable[[], type] = _uvicorns_class) -> None:
        """Have uvicorn's class speak to a transport of ours, and compare. Called when uvicorn begins."""
        if "uvicorn" not in sys.modules:
            return
        try:
            async with asyncio.timeout(TRIAL_S):
                self.uvicorn = await _tried_uvicorn(find())
        except Exception as error:  # whatever is not as it was
            logger.warning("This uvicorn is not known, frames take the long way: %s", type(error).__name__)

    def try_daphne(self, find: Callable[[], type] = _twisteds_class) -> None:
        """Have a descriptor of Twisted's write to nowhere. Called where Daphne's reactor is installed."""
        try:
            self.daphne = _tried_daphne(find())
        except Exception as error:  # the same
            logger.warning("This Twisted is not known, frames take the long way: %s", type(error).__name__)


known = KnownServers()
"""This process's."""


class NotAsItWas(Exception):
    """A server does not do what its wire relies on."""


class UvicornWire:
    """Writes where uvicorn's own `send` would write the same bytes, if it did not have to make them for each viewer.

    Where the client agreed on compression, frames go as they are all the same, as RFC 7692 lets them.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        self._is_closing = protocol.transport.is_closing
        self._is_writable = protocol.writable.is_set

    def take(self, message: bytes) -> bool:
        protocol = self._protocol
        is_open = protocol.handshake_complete and not (protocol.close_sent or protocol.disconnected)
        if not is_open or self._is_closing() or not self._is_writable():
            return False
        self._transport.write(message)
        return True


class DaphneWire:
    """Writes at once where nothing waits to be written: Twisted's own `write` would do it by way of its reactor."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        self._is_plain = hasattr(self._transport, "_tempDataLen")  # not so behind TLS

    def take(self, message: bytes) -> bool:
        if self._protocol.state != self._protocol.STATE_OPEN:
            return False
        rest: Any = message
        if self._is_plain and _has_nothing_to_write(self._transport):
            sent = self._transport.writeSomeData(message)
            if sent == len(message):
                return True
            if isinstance(sent, int) and sent > 0:
                rest = message[sent:]
        self._transport.write(rest)  # where the client has gone, it is found out there
        return True


def _has_nothing_to_write(transport: Any) -> bool:
    return not (transport._tempDataLen or transport.dataBuffer or transport.disconnecting) and bool(transport.connected)


def _tried_daphne(descriptors: Any) -> type:
    """Daphne's class; raises where Twisted's does not do what is expected."""
    from daphne.ws_protocol import WebSocketProtocol  # noqa: PLC0415  see above

    class OneByte(descriptors):  # type: ignore[misc]
        connected = 1

        def writeSomeData(self, data: bytes) -> int:
            return 1

    class Reactor:
        def addWriter(self, writer: object) -> None: ...
        def removeWriter(self, writer: object) -> None: ...

    descriptor: Any = OneByte(Reactor())
    found = [_has_nothing_to_write(descriptor)]
    descriptor.write(b"ab")
    found.append(not _has_nothing_to_write(descriptor))
    descriptor.doWrite()
    found.append(not _has_nothing_to_write(descriptor))
    descriptor.doWrite()
    found.append(_has_nothing_to_write(descriptor))
    if not all(found):
        raise NotAsItWas
    known_class: type = WebSocketProtocol
    return known_class


async def _tried_uvicorn(protocols: Any) -> type:
    """That class; raises where it does not do what is expected."""
    from uvicorn.config import Config  # noqa: PLC0415  other servers run without it
    from uvicorn.server import ServerState  # noqa: PLC0415  the same

    outcome: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            wire = UvicornWire(protocol)
            found = [not wire.take(framed(b"too early"))]
            await receive()
            await send({"type": "websocket.accept"})
            transport.written.clear()
            await send({"type": "websocket.send", "text": "by send"})
            found.append(wire.take(framed(b"by wire")))
            found.append(transport.written == [framed(b"by send"), framed(b"by wire")])
            protocol.pause_writing()
            found.append(not wire.take(framed(b"too much")))
            protocol.resume_writing()
            found.append(wire.take(framed(b"more")))
            await send({"type": "websocket.close"})
            found.append(not wire.take(framed(b"too late")))
            outcome.set_result(found)
        except Exception as error:  # uvicorn would log it
            outcome.set_exception(error)

    config = Config(app, log_config=None)
    config.load()
    transport = _Transport()
    protocol = protocols(config=config, server_state=ServerState(), app_state={})
    protocol.logger = protocol.conn.logger = logging.Logger("quiet", logging.CRITICAL)
    protocol.connection_made(transport)
    protocol.data_received(HANDSHAKE)
    try:
        if not all(await outcome):
            raise NotAsItWas
    finally:
        protocol.connection_lost(None)
    tried: type = protocols
    return tried


class _Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass
