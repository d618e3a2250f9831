"""When which part of a text was there: the moments of its deltas, with long silences cut short. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

SILENCE_S = 5.0
"""Nobody watches an endpoint being away: a longer silence than this lasts only so long, at speed 1."""


class Moment(NamedTuple):
    """The text reached up to `end` at so many seconds from its beginning; `seq` is the number of that write."""

    at_s: float
    end: int
    seq: int


class Timeline:
    """The moments of one text, rising."""

    def __init__(self, written: Iterable[tuple[float, int, int]]) -> None:
        """`written`: (time in seconds, end of the text, seq) of each delta, in the order of the text."""
        self.moments: list[Moment] = []
        at_s, before = 0.0, None
        for time_s, end, seq in written:
            at_s += min(SILENCE_S, max(0.0, time_s - before)) if before is not None else 0.0
            before = time_s
            self.moments.append(Moment(at_s=at_s, end=end, seq=seq))

    def after(self, place: int) -> int:
        """The index of the first moment at which there was more than `place` characters."""
        return bisect_right(self.moments, place, key=lambda moment: moment.end)

    def time_of(self, place: int) -> float:
        """When the text was so long."""
        index = self.after(place)
        return self.moments[index - 1].at_s if index else 0.0

    def seq_of(self, place: int) -> int:
        """The number of the write that brought the text so far."""
        index = self.after(place)
        return self.moments[index - 1].seq if index else 0

    def reached(self, first: int, at_s: float) -> int:
        """The index behind the last moment from `first` on that has come at that time."""
        return max(first, bisect_right(self.moments, at_s, key=lambda moment: moment.at_s))
