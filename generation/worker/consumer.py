"""The consumer on the channel `generation`: its message says that a task waits. It never waits for one itself."""

from __future__ import annotations

import asyncio

from channels.consumer import AsyncConsumer


class GenerationConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """Hosted by `generation.worker.worker`, which puts the supervisor's `wakeup` into the scope."""

    channel_layer_alias = ""  # it answers nobody, so it needs no channel of its own

    async def generation_wake(self, message: dict[str, str]) -> None:
        wakeup: asyncio.Event = self.scope["wakeup"]
        wakeup.set()
