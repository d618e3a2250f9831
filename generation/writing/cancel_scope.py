"""Cuts a wait short: by a stop, by the deadline, or for taking too long. It cancels only what it was given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")


class Cut(Exception):
    """A wait that was cut short. Cut ├── Stopped ├── DeadlinePassed └── TooSlow"""


class Stopped(Cut):
    """The stop was set."""


class DeadlinePassed(Cut):
    """The deadline came."""


class TooSlow(Cut):
    """The wait took longer than it may."""


class Guard:
    """Guards waits one at a time. Enter it around all of them, so that it hears the stop."""

    def __init__(self, *, stop: asyncio.Event, deadline: float | None, clock: Callable[[], float]) -> None:
        self._stop = stop
        self._deadline = deadline
        self._clock = clock
        self._scope: asyncio.Timeout | None = None
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
        scope = self._scope
        if scope is not None and not scope.expired():
            scope.reschedule(asyncio.get_running_loop().time())

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def now_s(self) -> float:
        return self._clock()

    def left_s(self) -> float | None:
        """Seconds until the deadline, or None without one."""
        return None if self._deadline is None else self._deadline - self._clock()

    async def wait(self, begin: Callable[[], Awaitable[T]], *, at_most_s: float | None = None) -> T:
        """Await what `begin` gives, unless a Cut comes first; what is awaited is then cancelled."""
        if self.stopped:
            raise Stopped
        left_s = self.left_s()
        if left_s is not None and left_s <= 0:
            raise DeadlinePassed
        patience = [seconds for seconds in (left_s, at_most_s) if seconds is not None]
        try:
            async with asyncio.timeout(min(patience, default=None)) as scope:
                self._scope = scope
                return await begin()
        except TimeoutError:
            if not scope.expired():
                raise  # somebody else's
            raise self._cause(left_s, at_most_s) from None
        finally:
            self._scope = None

    def _cause(self, left_s: float | None, at_most_s: float | None) -> Cut:
        if self.stopped:
            return Stopped()
        if at_most_s is not None and (left_s is None or at_most_s <= left_s):
            return TooSlow()
        return DeadlinePassed()
