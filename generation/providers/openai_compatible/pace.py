"""How long a stream is left alone between two reads: what gathers in the kernel meanwhile costs one wake-up; pure."""

from __future__ import annotations

LEAST_S, MOST_S = 0.01, 0.3
"""The rests of an answer grow from the one to the other, each twice the last: its beginning is waited for."""
OVER_A_FLUSH = 1.1
"""A rest is so many flushes long, so that what a read brings is flushed at once and waits for no more."""
BUSY_TIMES = 4
"""Who takes long to take a text has much to do: a rest is so many times as long."""
FULL_BYTES = 16_384
"""There is more behind a read of so much, and nothing to wait for."""


class Pace:
    """Of one answer, whose text is flushed every `flush_s`, and at once where it has `flush_chars` characters; without
    the one or the other it is read as it comes.
    """

    def __init__(self, flush_s: float, flush_chars: int) -> None:
        self._flush_s = flush_s * OVER_A_FLUSH
        self._flush_chars = flush_chars
        self._grown_s = LEAST_S

    def rest_s(self, read_bytes: int, chars: int, taken_s: float) -> float:
        """After a read of so many bytes with so much text, which took so long to be taken."""
        if read_bytes >= FULL_BYTES or not self._flush_s:
            return 0.0
        if chars >= self._flush_chars:  # it filled a flush, so that its beginning has waited for nothing
            self._grown_s = self._grown_s / 2 if self._grown_s > LEAST_S else 0.0
        rest_s = min(self._grown_s, max(self._flush_s, BUSY_TIMES * taken_s), MOST_S)
        if chars * 2 < self._flush_chars:
            self._grown_s = min(2 * max(self._grown_s, LEAST_S), MOST_S)
        return rest_s
