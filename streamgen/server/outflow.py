"""What servers do with a long answer beside ASGI's `send`: how fast it leaves the process, and how it is cut off.

Uvicorn's `send` waits for a slow reader by itself; Daphne's never does, so there we listen to Twisted.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import Any


class UvicornOutflow:
    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    async def drained(self) -> None:
        """The next `send` waits."""

    def abort(self) -> None:
        self._transport.abort()


class DaphneOutflow:
    """A producer, as Twisted calls whoever writes: it is told when more than 64 KiB wait, and when they have gone.

    Whoever finishes the request takes it out again.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._may_write = asyncio.Event()
        self._may_write.set()

    async def drained(self) -> None:
        if self._request.producer is None and self._request.channel is not None:
            self._request.registerProducer(self, True)
        await self._may_write.wait()

    def abort(self) -> None:
        if self._request.channel is not None:
            self._request.channel.transport.abortConnection()

    # For Twisted

    def pauseProducing(self) -> None:
        self._may_write.clear()

    def resumeProducing(self) -> None:
        self._may_write.set()

    def stopProducing(self) -> None:
        """The client has gone."""
        self._may_write.set()


def outflow_of(send: Any) -> UvicornOutflow | DaphneOutflow | None:
    """Of the answer behind ASGI's `send`; None where its server is another one."""
    daphne = sys.modules.get("daphne.http_protocol")
    if isinstance(send, partial):
        request = send.args[0] if send.args else None
        return DaphneOutflow(request) if daphne is not None and isinstance(request, daphne.WebRequest) else None
    transport: Any = getattr(getattr(send, "__self__", None), "transport", None)  # uvloop's is no asyncio.Transport
    return UvicornOutflow(transport) if hasattr(transport, "abort") else None
