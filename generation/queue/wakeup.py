"""The message that wakes workers because a task waits. A hint: who misses it finds the task when polling."""

from __future__ import annotations

from functools import partial

from channels.layers import get_channel_layer
from django.db import transaction

from artifacts.messaging import outbox

WAKE_CHANNEL = "generation"
WAKE_TYPE = "generation.wake"


def wake_after_commit() -> None:
    transaction.on_commit(partial(outbox.post, _send), robust=True)


async def _send() -> None:
    # The layer is looked up here, because one that is set up wrongly raises when it is made.
    await get_channel_layer().send(WAKE_CHANNEL, {"type": WAKE_TYPE})
