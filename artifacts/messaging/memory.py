"""Channels' in-memory layer for a process with many documents: no message costs a task, or a look at every group.

What has expired goes once a second, when somebody receives, instead of with each message; who is full loses a message,
as before.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer

SWEEP_EVERY_S = 1.0


class MemoryLayer(InMemoryChannelLayer):  # type: ignore[misc]  # Channels has no types
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._swept_at_s = float("-inf")

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        # What has expired is looked for by who receives.
        for channel in list(self.groups.get(group, ())):
            with suppress(ChannelFull):
                await self.send(channel, message)
            await asyncio.sleep(0)  # who receives has its turn before the next one: a channel holds so many

    def _clean_expired(self) -> None:
        now_s = time.monotonic()
        if now_s - self._swept_at_s >= SWEEP_EVERY_S:
            self._swept_at_s = now_s
            super()._clean_expired()
