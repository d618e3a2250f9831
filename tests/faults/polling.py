"""The one way this suite waits for other processes: look, and look again. Waiting without an end is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

POLL_S = 0.02


async def until(holds: Callable[[], bool], *, within_s: float, what: str) -> float:
    """Seconds until it held. Raises `AssertionError` where it does not in time."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise AssertionError(f"{what}: not after {within_s:g} s")
        await asyncio.sleep(POLL_S)
    return time.monotonic() - began
