"""The message that wakes workers because a task waits. A hint: who misses it finds the task when polling."""

from __future__ import annotations

from functools import partial
from operator import methodcaller

from django.db import transaction

from artifacts.messaging import outbox

WAKE_CHANNEL = "generation"
WAKE_TYPE = "generation.wake"


def wake_after_commit() -> None:
    message = methodcaller("send", WAKE_CHANNEL, {"type": WAKE_TYPE})
    transaction.on_commit(partial(outbox.post, message), robust=True)
