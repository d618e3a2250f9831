"""Cuts a wait short: by a stop, by the deadline, or for taking too long. It cancels only what it was given."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

from generation.errors import DeadlinePassed, Stopped, TooSlow, WaitCut

T = TypeVar("T")


class CancelScope:
    """Cuts waits short, one at a time. Enter it around all of them, so that the stop reaches it."""

    def __init__(self, *, stop: asyncio.Event, deadline: float | None, clock: Callable[[], float]) -> None:
        self._stop = stop
        self._deadline = math.inf if deadline is None else deadline
        self._clock = clock
        self._timeout: asyncio.Timeout | None = None
        self._listener: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    async def _listen(self) -> None:
        await self._stop.wait()
        timeout = self._timeout
        if timeout is not None and not timeout.expired():
            timeout.reschedule(asyncio.get_running_loop().time())

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - self._clock()

    async def wait(self, begin: Callable[[], Awaitable[T]], *, at_most_s: float = math.inf) -> T:
        """Await what `begin` gives, unless a WaitCut comes first; what is awaited is then cancelled."""
        if self._stop.is_set():
            raise Stopped
        left_s = self._deadline - self._clock()
        if left_s <= 0:
            raise DeadlinePassed
        patience_s = min(left_s, at_most_s)
        try:
            async with asyncio.timeout(None if patience_s == math.inf else patience_s) as timeout:
                self._timeout = timeout
                return await begin()
        except TimeoutError:
            if not timeout.expired():
                raise  # somebody else's
            raise self._cause(left_s, at_most_s) from None
        finally:
            self._timeout = None

    def _cause(self, left_s: float, at_most_s: float) -> WaitCut:
        if self.stopped:
            return Stopped()
        return TooSlow() if at_most_s <= left_s else DeadlinePassed()
