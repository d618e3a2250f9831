"""What lives in a server process beside its requests: the embedded worker, and the goodbye to everybody connected.

Servers differ in how they begin and end: uvicorn speaks the lifespan protocol, Daphne is reached through its reactor.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings

from artifacts.live import connections
from artifacts.live.close_codes import GOING_AWAY
from artifacts.messaging import outbox
from artifacts.operating import heap, loop_lag, open_files
from generation.providers import ChosenProvider
from generation.worker.worker import Embedded
from streamgen.operating import recovery
from streamgen.server import wires


class Lifespan:
    """One per process. Without a layer to others the worker lives in here; both may be changed before it begins."""

    def __init__(self) -> None:
        self.runs_worker = _is_alone() and settings.STREAMGEN_CONCURRENCY > 0
        self.chosen: ChosenProvider | None = None
        self._embedded: Embedded | None = None
        self._goodbye: asyncio.Future[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running loop; further calls change nothing."""
        outbox.attach()
        loop_lag.current().begin()
        heap.letting_go().begin()
        open_files.watch().begin()
        recovery.current().begin()
        if self.runs_worker and self._embedded is None:
            self._embedded = Embedded(self.chosen)
            self._embedded.start()

    async def speak(self, scope: Any, receive: Any, send: Any) -> None:
        """Begin and end with a server that tells us when: ASGI's lifespan."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                self.hook_signals()
                await wires.known.try_uvicorn()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def stop(self) -> None:
        """Tell viewers to come back later, and let the worker give its tasks back; further calls wait for the first."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.wait([self._ending])

    def hook_signals(self) -> None:
        """Under uvicorn: it waits for answers under way before it tells that it ends, and streams would not end by
        themselves. So they are told when it is; who else listens for the signal hears it first.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(before := signal.getsignal(number)):
                signal.signal(number, partial(self._on_signal, before, loop))

    def _on_signal(self, before: Callable[..., Any], loop: asyncio.AbstractEventLoop, number: int, frame: Any) -> None:
        before(number, frame)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._say_goodbye)

    def _say_goodbye(self) -> None:
        if self._goodbye is None:
            self._goodbye = asyncio.ensure_future(connections.current().close_all(GOING_AWAY))

    async def _end(self) -> None:
        await connections.current().close_all(GOING_AWAY)
        if self._embedded is not None:
            await self._embedded.stop()

    def hook_daphne(self, *, ours: Callable[[Any], bool] | None = None) -> None:
        """Where Daphne's reactor is installed, begin when it runs, end before it stops, and bound what comes in.

        With `ours` only the websockets whose scope it says are: all else that comes in is a host's.
        """
        if "daphne.server" not in sys.modules:
            return
        # Importing them earlier would install another reactor than Daphne's.
        from daphne.server import Server  # noqa: PLC0415
        from twisted.internet import defer, reactor  # noqa: PLC0415  the same

        from streamgen.server.departure import depart  # noqa: PLC0415  the same
        from streamgen.server.incoming import bound, bound_only  # noqa: PLC0415  the same

        if ours is None:
            bound()
        else:
            bound_only(ours)
        wires.known.try_daphne()

        cancel_all = Server.kill_all_applications

        def cancel_after_goodbye(server: Any) -> Any:
            """The stock command cancels every socket at the moment in which it is to be told to come back."""
            goodbye: Any = defer.Deferred.fromFuture(asyncio.ensure_future(depart(server, self.stop)))
            return goodbye.addCallback(lambda _: cancel_all(server))

        Server.kill_all_applications = cancel_after_goodbye
        # Its access log, which the stock command writes, names the secrets that stand in addresses.
        Server.log_action = lambda *_: None
        twisted: Any = reactor
        twisted.callWhenRunning(twisted.callLater, 0, self.start)


def _is_alone() -> bool:
    """Whether news stays in this process: then the worker has to be in it, too."""
    layer = settings.CHANNEL_LAYERS["default"]["BACKEND"]
    return layer in {"artifacts.messaging.memory.MemoryLayer", "channels.layers.InMemoryChannelLayer"}


this_process = Lifespan()
