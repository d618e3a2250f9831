"""How a message leaves this process: in order, bounded, and without failing the transaction that posted it.

Messages are hints, so the outbox may drop them; it must not decide what is sent or to whom.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from artifacts.operating import outages
from artifacts.operating.outages import OutageKind

logger = logging.getLogger(__name__)

OutgoingMessage = Callable[[Any], Awaitable[None]]
"""Sends itself, by the channel layer that it is called with."""

BACKLOG = 1_000
SEND_TIMEOUT_S = 1.0
QUIET_AFTER_FAILURE_S = 1.0


class Outbox:
    """The outgoing messages of one event loop, sent by one task."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.backlog: deque[OutgoingMessage] = deque(maxlen=BACKLOG)
        self.is_woken = False
        """It is about to look at the backlog."""
        self._task: asyncio.Task[None] | None = None

    def put(self, *messages: OutgoingMessage) -> None:
        """Queue messages, and have all that wait sent; on the loop's own thread only."""
        self.is_woken = False
        self.backlog.extend(messages)
        if self._task is None or self._task.done():
            self._task = self.loop.create_task(send_all(self.backlog))


async def send_all(backlog: deque[OutgoingMessage], *, quiet_s: float = QUIET_AFTER_FAILURE_S) -> None:
    """Send what waits, each message within the time limit.

    Where the layer does not take one it is away: what waits `quiet_s` later is stale by the time the layer is back, and
    everybody looks at the database.
    """
    while backlog:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                # The layer is looked up here, because one that is set up wrongly raises when it is made.
                await backlog.popleft()(get_channel_layer())
        except Exception:  # whatever a layer's driver raises: a hint is lost, nothing else
            outages.of_layer.failed(OutageKind.LAYER)
            await asyncio.sleep(quiet_s)
            backlog.clear()
        else:
            outages.of_layer.answered()


_outbox: Outbox | None = None


def attach() -> None:
    """Let the running loop send this process's messages; called when a server or worker begins on it."""
    global _outbox
    loop = asyncio.get_running_loop()
    if _outbox is None or _outbox.loop is not loop:
        _outbox = Outbox(loop)


def post(message: OutgoingMessage) -> None:
    """Hand over a message from any thread; it never raises. One that comes before the loop looks wakes it up no more.

    Without an attached loop (a command, a script) it is sent before returning, within the time limit; on a loop's own
    thread (a notebook), where nothing may wait, that loop is attached.
    """
    if (_outbox is None or not _outbox.loop.is_running()) and _is_on_a_loop():
        attach()
    box = _outbox
    if box is None or not box.loop.is_running():
        async_to_sync(send_all)(deque([message]), quiet_s=0.0)
        return
    box.backlog.append(message)
    if not box.is_woken:
        box.is_woken = True
        with suppress(RuntimeError):  # the loop closed this very moment: a hint is lost, nothing else
            box.loop.call_soon_threadsafe(box.put)


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
