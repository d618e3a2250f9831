"""The consumer on the channel `generation`: a wake fills the free slots. It never waits for a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels.consumer import AsyncConsumer

if TYPE_CHECKING:
    from generation.worker.supervisor import Slots


class GenerationConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """Hosted by `generation.worker.worker`, which puts its `slots` into the scope."""

    channel_layer_alias = ""  # it answers nobody, so it needs no channel of its own

    async def generation_wake(self, message: dict[str, str]) -> None:
        slots: Slots = self.scope["slots"]
        slots.wake()
