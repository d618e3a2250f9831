"""How much a client may say: a bucket of allowances that fills up again. Pure: the time comes in."""

from __future__ import annotations


class RateLimit:
    """How many messages a client may send: `at_once`, filled up again by `per_second`."""

    def __init__(self, *, at_once: int, per_second: float) -> None:
        self._at_once = at_once
        self._per_second = per_second
        self._left = float(at_once)
        self._counted_at = 0.0

    def take(self, now: float) -> bool:
        self._left = min(self._at_once, self._left + (now - self._counted_at) * self._per_second)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
