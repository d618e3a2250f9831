"""Measures how late an event loop is: it asks to be woken in a while, and sees when it is."""

from __future__ import annotations

import asyncio

from artifacts.messaging.per_loop import PerLoop
from artifacts.operating.counts import process_counts

EVERY_S = 0.5


class LoopLag:
    """Of one event loop; `begin` may be called again and again."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due_s = 0.0

    def begin(self) -> None:
        if not self._due_s:
            self._ask_again()

    def _ask_again(self) -> None:
        self._due_s = self._loop.time() + EVERY_S
        self._loop.call_at(self._due_s, self._woken)

    def _woken(self) -> None:
        process_counts.loop_lag_s.add(max(0.0, self._loop.time() - self._due_s))
        self._ask_again()


current = PerLoop(LoopLag)
"""The running loop's."""
