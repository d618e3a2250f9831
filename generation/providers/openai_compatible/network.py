"""The sockets below the HTTP client: one read brings all that has come, as one piece of a body.

Who reads on after a while finds what came meanwhile in the kernel, and is woken up once for all of it.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import deque
from typing import Any

import httpcore2
import httpx2

from generation.providers.openai_compatible.answer.chunks import JoinedChunks


def read_whole(client: httpx2.AsyncClient) -> None:
    """Have the client read so. Its transports take no network as an argument; one that hides it reads as it would."""
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)
        if isinstance(pool, httpcore2.AsyncConnectionPool):
            pool._network_backend = _Network()


_MOST_BYTES = 65_536


class _Network(httpcore2.AnyIOBackend):
    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        return EndpointConnection(await super().connect_tcp(*args, **options))


def connection_of(response: httpx2.Response) -> EndpointConnection | None:
    """Where the rest of a body can be had from without waiting, once its first portion came; the client reads the rest
    of that.
    """
    stream = response.extensions.get("network_stream")
    is_plain = response.headers.get("content-encoding", "identity") == "identity"
    return stream if isinstance(stream, EndpointConnection) and is_plain else None


class EndpointConnection(httpcore2.AsyncNetworkStream):
    """A connection. While a body comes, most of it need not go through the client, which pauses the socket between two
    reads of its own: then the socket is read here, chunk by chunk, so that to the client nothing has come.
    """

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._tls: ssl.SSLObject | None = stream.get_extra_info("ssl_object")
        self._socket = _PausedSocket.below(stream)
        self._chunks = JoinedChunks()

    def ready(self) -> bytes:
        """What has come of a chunked body that began already; b"" where nothing has, and where the client has to look:
        at the end, at a fault, at a body that is not chunked.
        """
        if self._socket is None or not self._chunks.is_between:
            return b""
        data = self._socket.read()
        if self._tls is not None:
            data = self._records(_MOST_BYTES)
        return self._chunks.content(data) if data else b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # the interface's
        if left := self._chunks.left():
            return left
        while data := await self._stream.read(max_bytes, timeout):
            if joined := self._chunks.feed(data + self._records(max_bytes)):
                return joined
        return self._chunks.rest()

    def _records(self, max_bytes: int) -> bytes:
        """What is there already behind the first record: a read of TLS gives one, and each piece of a stream is one."""
        records = list[bytes]()
        try:
            while self._tls and (record := self._tls.read(max_bytes)):
                records.append(record)
        except ssl.SSLError:
            pass  # no more is there, or the next read says what is wrong
        return b"".join(records)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # the interface's
        self._chunks = JoinedChunks()  # what follows a request is a new response
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *args: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        return EndpointConnection(await self._stream.start_tls(*args, **options))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _PausedSocket:
    """The socket of a connection between two reads of anyio, which pauses its transport then and has an empty queue:
    what comes stays in the kernel until somebody asks.
    """

    def __init__(
        self, transport: asyncio.Transport, queue: deque[bytes], descriptor: int, bio: ssl.MemoryBIO | None
    ) -> None:
        self._transport = transport
        self._queue = queue
        self._descriptor = descriptor
        self._bio = bio

    @classmethod
    def below(cls, stream: httpcore2.AsyncNetworkStream) -> _PausedSocket | None:
        """None where it is not to be had: anyio shows no such thing, so that another version of it may be different."""
        found: Any = getattr(stream, "_stream", None)
        bio = getattr(found, "_read_bio", None)
        found = found if bio is None else found.transport_stream
        transport: Any = getattr(found, "_transport", None)
        queue: Any = getattr(getattr(found, "_protocol", None), "read_queue", None)
        kernel = stream.get_extra_info("socket")
        is_known = hasattr(transport, "is_reading") and isinstance(queue, deque) and kernel is not None
        return cls(transport, queue, kernel.fileno(), bio) if is_known else None

    def read(self) -> bytes:
        """What the kernel has; over TLS it is put where it is decrypted. b"" where there is nothing, or an end."""
        # A descriptor that is closed may be another's by now.
        if self._queue or self._transport.is_closing() or self._transport.is_reading():
            return b""
        try:
            data = os.read(self._descriptor, _MOST_BYTES)
        except OSError:  # nothing is there, or the next read says what is wrong
            return b""
        if self._bio is not None and data:
            self._bio.write(data)
        return data
