"""The straight way to the network: it writes what `send` would, it gives way where `send` would wait, and where a
server is not as it is known there is none.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from twisted.internet.abstract import FileDescriptor
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from artifacts.live.wire import framed
from streamgen.server.wires import DaphneWire, KnownServers, UvicornWire


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 262_144])
def test_message_is_framed_as_a_websocket_library_frames_it(size: int) -> None:
    payload = b"x" * size
    assert framed(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


@pytest.mark.asyncio
async def test_uvicorn_that_is_installed_is_known(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    known = KnownServers()
    await known.try_uvicorn()
    assert not caplog.records, "the trial is nobody's connection"
    config = uvicorn.Config(lambda *_: None, log_config=None)
    config.load()
    protocol = WebSocketsSansIOProtocol(config, uvicorn.server.ServerState(), {})
    protocol.transport = asyncio.Transport()
    assert isinstance(known.wire_of(protocol.send), UvicornWire)


@pytest.mark.asyncio
async def test_uvicorn_that_writes_otherwise_is_left_to_send(caplog: pytest.LogCaptureFixture) -> None:
    class Other(WebSocketsSansIOProtocol):
        def pause_writing(self) -> None:
            """As if it waited for another thing."""

    known = KnownServers()
    await known.try_uvicorn(lambda: Other)
    assert known.uvicorn is None
    assert "frames take the long way: NotAsItWas" in caplog.text


def test_twisted_that_is_installed_is_known() -> None:
    known = KnownServers()
    known.try_daphne()
    assert known.daphne is not None
    protocol = known.daphne.__new__(known.daphne)
    protocol.transport = Descriptor()
    assert isinstance(known.wire_of(partial(print, protocol)), DaphneWire)


def test_twisted_that_keeps_its_books_otherwise_is_left_to_send(caplog: pytest.LogCaptureFixture) -> None:
    class Other(FileDescriptor):
        def write(self, data: bytes) -> None:
            """As if it kept it elsewhere."""

    known = KnownServers()
    known.try_daphne(lambda: Other)
    assert known.daphne is None
    assert "frames take the long way: NotAsItWas" in caplog.text


def test_unknown_server_has_no_wire() -> None:
    async def send(message: dict[str, Any]) -> None: ...

    known = KnownServers()
    known.try_daphne()
    assert known.wire_of(send) is None
    assert known.wire_of(partial(send, object())) is None


class Descriptor:
    """A transport of Twisted's whose network takes so many bytes at a time."""

    connected, disconnecting, dataBuffer = 1, 0, b""

    def __init__(self, takes: int | Exception = 10**6) -> None:
        self.takes = takes
        self.sent, self.waiting = b"", b""

    @property
    def _tempDataLen(self) -> int:
        return len(self.waiting)

    def writeSomeData(self, data: bytes) -> int | Exception:
        if isinstance(self.takes, Exception):
            return self.takes
        self.sent += data[: self.takes]
        return min(self.takes, len(data))

    def write(self, data: bytes) -> None:
        self.waiting += data


@pytest.mark.parametrize("takes", [0, 1, 5, 6, 100])
def test_what_the_network_does_not_take_at_once_waits_in_order(takes: int) -> None:
    transport = Descriptor(takes)
    wire = DaphneWire(SimpleNamespace(transport=transport, state=3, STATE_OPEN=3))
    assert wire.take(b"first ")
    assert wire.take(b"second")
    assert transport.sent + transport.waiting == b"first second"


def test_client_that_has_gone_is_found_out_by_the_transport() -> None:
    transport = Descriptor(ConnectionError("gone"))
    assert DaphneWire(SimpleNamespace(transport=transport, state=3, STATE_OPEN=3)).take(b"frame")
    assert transport.waiting == b"frame"


def test_socket_that_closes_is_left_to_send() -> None:
    transport = Descriptor()
    assert not DaphneWire(SimpleNamespace(transport=transport, state=2, STATE_OPEN=3)).take(b"frame")
    assert not transport.sent
