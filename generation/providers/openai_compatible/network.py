"""The sockets below the HTTP client: one read brings all that has come, as one piece of a body.

Who reads on after a while finds what came meanwhile in the kernel, and is woken up once for all of it.
"""

from __future__ import annotations

import ssl
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


class _Network(httpcore2.AnyIOBackend):
    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore2.AsyncNetworkStream:
        return _Stream(await super().connect_tcp(*args, **options))


class _Stream(httpcore2.AsyncNetworkStream):
    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._tls: ssl.SSLObject | None = stream.get_extra_info("ssl_object")
        self._chunks = JoinedChunks()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # the interface's
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
        return _Stream(await self._stream.start_tls(*args, **options))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
