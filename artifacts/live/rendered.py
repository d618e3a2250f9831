"""The HTML of a growing document as its viewers see it: numbered versions, and what changed since any of them.

Pure: it renders nothing and sends nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import takewhile

from artifacts.preview import Update


class Page:
    """Fragments and a tail. Each fragment knows the version that put it there, so no viewer needs a queue."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.version = 0
        self.length = 0
        """How much of the text is shown, in code points."""
        self.is_final = False
        self.fragments: list[str] = []
        self.tail = ""
        self._versions: list[int] = []

    def apply(self, update: Update, *, length: int, is_final: bool) -> None:
        """The next version: fragments from `update.first` on are replaced, and so is the tail."""
        self.version += 1
        pairs = zip(self.fragments[update.first :], update.fragments, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        first, fresh = update.first + same, update.fragments[same:]
        self.fragments[first:] = fresh
        # Everything behind the first change is stamped anew, so the stamps never fall from left to right.
        self._versions[first:] = [self.version] * len(fresh)
        self.tail, self.length, self.is_final = update.tail, length, is_final

    @property
    def html(self) -> str:
        """All of it as one."""
        return "".join(self.fragments) + self.tail

    def first_changed_since(self, version: int) -> int:
        """The index from which a viewer of `version` must replace its fragments."""
        return bisect_right(self._versions, version)
