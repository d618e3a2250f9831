"""All settings of the continuation loop as one frozen value: delivery, limits, retries, and the clock it uses; pure."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from generation.writing.patience import Limits
from generation.writing.retries import Random, RetryPolicy
from generation.writing.turns import Delivery


@dataclass(frozen=True, kw_only=True)
class WritingPolicy:
    """What holds for every section: `turn_tokens` bounds one call of the delivery `turns`."""

    delivery: Delivery = "auto"
    turn_tokens: int = 300
    max_turns: int = 20
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Where time and chance come from; `clock` gives seconds, `Limits.deadline` is a moment of it."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Random = random.random
