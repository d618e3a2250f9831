"""While something is away, asks whether it is back: an outage ends also in a process that nobody asks for anything."""

from __future__ import annotations

import asyncio

from artifacts.messaging.per_loop import PerLoop
from artifacts.operating import outages
from streamgen.operating import readiness

AWAY_LOOK_EVERY_S = 2.0


class Recovery:
    """Of one event loop; `begin` may be called again and again. It costs nothing while nothing is away."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asking: asyncio.Task[object] | None = None
        self._has_begun = False

    def begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._ask_again()

    def _ask_again(self) -> None:
        is_away = outages.of_database.kind is not None or outages.of_layer.kind is not None
        if is_away and (self._asking is None or self._asking.done()):
            self._asking = self._loop.create_task(readiness.current().found())
        self._loop.call_later(AWAY_LOOK_EVERY_S, self._ask_again)


current = PerLoop(Recovery)
"""The running loop's."""
