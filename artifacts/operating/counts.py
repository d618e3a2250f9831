"""What this process has counted since it began, for whoever asks: plain numbers, because they are raised where every
microsecond is paid by each viewer and flush. How they are told is `exposition`'s.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Spread:
    """How often a value fell below each bound: a histogram in the sense of Prometheus, without its lock."""

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Counts:
    """One per process; raised on its event loop."""

    def __init__(self) -> None:
        self.frames = 0
        self.frame_bytes = 0
        self.news_missed = 0
        self.flushes = 0
        self.flush_chars = 0
        self.takeovers = 0
        self.cost = 0  # in billionths
        self.commit_s = Spread()
        self.first_text_s = Spread()
        self.provider_first_text_s = Spread()
        self.provider_call_s = Spread()
        self.loop_lag_s = Spread()
        self.retries: Counter[str] = Counter()
        self.turns: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()


process_counts = Counts()
"""This process's."""
