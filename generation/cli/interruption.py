"""What Ctrl-C asks of a document that a terminal follows: first a pause, then a cancel, then an end of the process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from artifacts.models import StreamStatus
from generation.cli.follow import INTERRUPTED

MOST_PRESSES = 2
"""Who presses Ctrl-C once more than there are verbs wants the process to end."""
AGAIN_S = 3
"""A terminal on which a document was paused waits so long for a second Ctrl-C."""

Verb = Callable[[], Coroutine[Any, Any, object]]


class Interruption:
    """`remark` says where it stands. The verbs raise nothing where the document ended at the same moment."""

    def __init__(self, pause: Verb, cancel: Verb) -> None:
        self.remark = ""
        self._verbs = [
            (pause, "Pausing. Ctrl-C again cancels the document."),
            (cancel, "Cancelling. What is written stays."),
        ]
        self._asked: list[asyncio.Task[object]] = []
        self._cancelled = asyncio.Event()

    def on_signal(self) -> None:
        if len(self._asked) == len(self._verbs):
            os._exit(INTERRUPTED)  # at once; what is committed stays
        verb, self.remark = self._verbs[len(self._asked)]
        self._asked.append(asyncio.get_running_loop().create_task(verb()))
        if len(self._asked) == len(self._verbs):
            self._cancelled.set()

    async def outcome(
        self, seen: str, status: Callable[[], Coroutine[Any, Any, str]], *, offer: Callable[[str], None] | None = None
    ) -> str:
        """What became of a document that was seen to end in this status, once all is done that was asked for.

        With `offer`, which shows a line, what Ctrl-C paused can be cancelled for some seconds yet.
        """
        while self._asked:
            done = len(self._asked)
            await asyncio.gather(*self._asked)
            seen = await status()
            if offer is not None and done == 1 and seen == StreamStatus.PAUSED:
                offer(f"Ctrl-C again within {AGAIN_S} seconds cancels the document.")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._cancelled.wait(), AGAIN_S)
            if len(self._asked) == done:
                break
        return seen


class EarlyInterrupts:
    """Ctrl-C that comes before somebody listens is kept for who does."""

    def __init__(self) -> None:
        self._count = 0
        self._before: Any = None

    def begin(self) -> None:
        """Also once more: a loop that ends takes the handler away."""
        before = signal.signal(signal.SIGINT, self._on_signal)
        self._before = self._before or before

    def deliver(self, on_signal: Callable[[], None]) -> None:
        for _ in range(self._count):
            on_signal()
        self._count = 0

    def end(self) -> None:
        if self._before:
            signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, *_: object) -> None:
        self._count += 1
        if self._count > MOST_PRESSES:
            os._exit(INTERRUPTED)  # what is committed stays
