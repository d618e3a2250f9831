"""The end of a server under Daphne: nobody new comes in, whoever watches is told, and what is under way is answered.

Nothing is lost on a connection that a proxy keeps: an idle one is closed before another request comes by it, and what
is answered last says that nothing follows. It must not be imported where Daphne's reactor is not the one that runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from daphne.http_protocol import WebRequest
from twisted.internet import reactor
from twisted.internet.tcp import Port

REQUESTS_S = 5.0
"""Requests under way may take so long to be answered before the process ends."""
REQUEST_CANCEL_S = 1.0
LOOK_AGAIN_S = 0.01
LAST_WORDS_S = 0.05
"""So long what was answered last has to reach the network: Twisted writes it in its next round."""


class KeptConnections:
    """The HTTP connections of this process by which requests have come."""

    def __init__(self) -> None:
        self.is_closing = False
        self._channels: WeakSet[Any] = WeakSet()

    def note(self, request: Any) -> None:
        self._channels.add(request.channel)

    def close(self) -> None:
        """Those without a request at once, the others after it."""
        self.is_closing = True
        for channel in list(self._channels):
            if not channel.requests and getattr(channel.transport, "connected", False):
                channel.loseConnection()
        for request in self._requests():
            self.mark_last(request)

    @property
    def have_requests(self) -> bool:
        """Whether one is still coming, or its answer still going."""
        return bool(self._requests())

    def _requests(self) -> list[Any]:
        """Without those that became a websocket, or whose client has left."""
        requests = [request for channel in list(self._channels) for request in channel.requests]
        return [request for request in requests if request.channel is not None and request.transport is not None]

    def mark_last(self, request: Any) -> None:
        """After this one the connection ends, and its answer says so where it has not begun."""
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        request.channel.persistent = False


kept_connections = KeptConnections()
"""This process's."""


async def depart(server: Any, say_goodbye: Callable[[], Awaitable[None]]) -> None:
    """Returns when everybody is told and answered, or has been waited for long enough."""
    running: Any = reactor
    ports: list[Any] = [reader for reader in running.getReaders() if isinstance(reader, Port)]
    for port in ports:
        port.stopListening()
    kept_connections.close()
    await asyncio.gather(say_goodbye(), _answered(server))
    alive = _alive(server)
    for instance in alive:
        instance.cancel()
    if alive:
        await asyncio.wait(alive, timeout=REQUEST_CANCEL_S)
    await asyncio.sleep(LAST_WORDS_S)


async def _answered(server: Any) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(REQUESTS_S):
            while (requests := _alive(server, WebRequest)) or kept_connections.have_requests:
                if requests:
                    await asyncio.wait(requests)
                await asyncio.sleep(LOOK_AGAIN_S)


def _alive(server: Any, kind: type = object) -> list[asyncio.Task[Any]]:
    """What still runs for connections of that kind."""
    running = [each.get("application_instance") for key, each in server.connections.items() if isinstance(key, kind)]
    return [instance for instance in running if instance is not None and not instance.done()]
