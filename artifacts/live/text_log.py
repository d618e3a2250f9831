"""The text of one epoch as it arrives: in chunks, cut at any offset in O(log n), hashed as it grows. Pure."""

from __future__ import annotations

import hashlib
from bisect import bisect_right


class Transcript:
    """Grows at its end only. Offsets count Unicode code points."""

    def __init__(self, text: str = "") -> None:
        self.length = 0
        self._chunks: list[str] = []
        self._starts: list[int] = []
        self._hash = hashlib.sha256()
        self.append(text)

    def append(self, text: str) -> None:
        if not text:
            return
        self._chunks.append(text)
        self._starts.append(self.length)
        self._hash.update(text.encode())
        self.length += len(text)

    def cut(self, start: int, stop: int) -> str:
        """The text from `start` up to `stop`; both must lie within it."""
        if not 0 <= start <= stop <= self.length:
            raise ValueError(f"no text from {start} to {stop} in {self.length} characters")
        if start == stop:
            return ""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, stop - 1) - 1
        if first == last:
            begin = self._starts[first]
            return self._chunks[first][start - begin : stop - begin]
        head = self._chunks[first][start - self._starts[first] :]
        end = self._chunks[last][: stop - self._starts[last]]
        return "".join([head, *self._chunks[first + 1 : last], end])

    def sha256(self) -> str:
        """Of the UTF-8 of the whole text, as hexadecimal digits."""
        return self._hash.hexdigest()
