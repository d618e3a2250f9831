"""The one thing that tells a run to end; who sets it does nothing else about it. It is an `asyncio.Event`, so that what
waits can wait for it too.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from artifacts.models import StreamStatus


class ArtifactHead(Protocol):
    """What whoever saw the artifact says of it: an event, a poll, the result of an own write."""

    @property
    def fence(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def stop_requested(self) -> str: ...


class StopSignal(asyncio.Event):
    """Set where the claim with this `fence` is to be written no further.

    By `observe` for what became of the artifact, by `shut_down` for the process, by `exhaust` for the project's budget,
    by `set` for trouble of one's own.
    """

    def __init__(self, fence: int) -> None:
        super().__init__()
        self._fence = fence
        self.is_shutdown = False
        self.is_over_budget = False

    def observe(self, seen: ArtifactHead | None) -> None:
        """What was seen of the artifact; None where it is gone. All but plain going on sets the signal."""
        if seen is not None and seen.fence < self._fence:
            return  # late news of the time before this claim, such as its own order to begin
        goes_on = (
            seen is not None
            and seen.fence == self._fence
            and seen.status == StreamStatus.STREAMING
            and not seen.stop_requested
        )
        if not goes_on:
            self.set()

    def shut_down(self) -> None:
        """The process ends: what is written goes back to the queue."""
        self.is_shutdown = True
        self.set()

    def exhaust(self) -> None:
        """The budget of the project is used up."""
        self.is_over_budget = True
        self.set()
