"""One object for each event loop: what belongs to a loop's tasks must never be touched from another loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Call it on a loop to get that loop's object, made when it is first asked for."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[asyncio.AbstractEventLoop, T] = {}

    def __call__(self) -> T:
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            for old in [known for known in self._made if known.is_closed()]:
                del self._made[old]
            self._made[loop] = self._make()
        return self._made[loop]

    def use(self, made: T) -> None:
        """Let the running loop have this one, for whoever needs other times than the usual ones."""
        self._made[asyncio.get_running_loop()] = made
