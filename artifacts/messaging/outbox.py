"""How a message leaves this process: in order, bounded, and without failing the transaction that posted it.

Messages are hints, so the outbox may drop them; it must not decide what is sent or to whom.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from asgiref.sync import async_to_sync

from artifacts.operating import outages
from artifacts.operating.outages import OutageKind

logger = logging.getLogger(__name__)

Send = Callable[[], Awaitable[None]]

BACKLOG = 1_000
SEND_TIMEOUT_S = 1.0
QUIET_AFTER_FAILURE_S = 1.0


class Outbox:
    """The outgoing messages of one event loop, sent by one task."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._backlog: deque[Send] = deque(maxlen=BACKLOG)
        self._task: asyncio.Task[None] | None = None

    def put(self, *sends: Send) -> None:
        """Queue messages; on the loop's own thread only."""
        self._backlog.extend(sends)
        if self._task is None or self._task.done():
            self._task = self.loop.create_task(self._drain())

    async def _drain(self) -> None:
        while self._backlog:
            if not await attempt(self._backlog.popleft()):
                # The layer is away: what waits is stale by the time it is back, and everybody looks at the database.
                await asyncio.sleep(QUIET_AFTER_FAILURE_S)
                self._backlog.clear()


async def attempt(send: Send) -> bool:
    """Send one message within the time limit; False where the layer did not take it."""
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await send()
    except Exception:  # whatever a layer's driver raises: a hint is lost, nothing else
        outages.of_layer.failed(OutageKind.LAYER)
        return False
    outages.of_layer.answered()
    return True


_outbox: Outbox | None = None
_together: ContextVar[list[Send] | None] = ContextVar("_together", default=None)


@contextmanager
def posting_together() -> Iterator[None]:
    """What is posted within is handed over at the end: the loop is woken up once for all of it."""
    sends = list[Send]()
    token = _together.set(sends)
    try:
        yield
    finally:
        _together.reset(token)
        if sends:
            post(*sends)


def attach() -> None:
    """Let the running loop send this process's messages; called when a server or worker begins on it."""
    global _outbox
    loop = asyncio.get_running_loop()
    if _outbox is None or _outbox.loop is not loop:
        _outbox = Outbox(loop)


def post(*sends: Send) -> None:
    """Hand over messages from any thread; it never raises.

    Without an attached loop (a command, a script) they are sent before returning, each within the time limit; on a
    loop's own thread (a notebook), where nothing may wait, that loop is attached.
    """
    if (held := _together.get()) is not None:
        held += sends
        return
    if (_outbox is None or not _outbox.loop.is_running()) and _is_on_a_loop():
        attach()
    if _outbox is not None and _outbox.loop.is_running():
        with suppress(RuntimeError):  # the loop closed this very moment: a hint is lost, nothing else
            _outbox.loop.call_soon_threadsafe(_outbox.put, *sends)
    else:
        for send in sends:
            async_to_sync(attempt)(send)


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
