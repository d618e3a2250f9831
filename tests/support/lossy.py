"""A channel layer as bad as channel layers may be: it drops messages, doubles them, and delivers them late."""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar

from channels.layers import InMemoryChannelLayer


class LossyLayer(InMemoryChannelLayer):
    """The dice say what happens to a message; the weights are those of: deliver, drop, double, keep for later."""

    dice: ClassVar[Random] = Random(0)
    weights: ClassVar[tuple[int, int, int, int]] = (1, 1, 1, 1)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._late: list[tuple[str, dict[str, Any]]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        (times,) = self.dice.choices([1, 0, 2, -1], self.weights)
        if times < 0:
            self._late.append((group, message))
        for _ in range(times):
            await super().group_send(group, message)
        if self._late and self.dice.random() < 0.5:
            late = self._late.pop(self.dice.randrange(len(self._late)))
            await super().group_send(*late)
