"""Fences of code: which one is open at the end of a text, and answers that stand in one as a whole; pure."""

from __future__ import annotations

import re

FENCE_LINE = re.compile(r"^[ \t]*(?:>[ \t]?|(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_MAY_CLOSE = re.compile(r"\r?\n[ \t]*(?:`*|~*)[ \t]*(?:\r?\n\s*)?\Z")


def opened_fence(line: str, fence: str) -> str:
    """The fence that is open after the line, "" for none; `fence` is the one that was open before it."""
    found = FENCE_LINE.match(line)
    if found is None:
        return fence
    run, info = found[1], found[2]
    if fence:
        return "" if run.startswith(fence) and not info.strip() else fence
    return "" if run[0] == "`" and "`" in info else run


def open_fence(text: str) -> str:
    """The fence that is open at the end of the text, "" for none. One linear scan."""
    fence = ""
    for found in FENCE_LINE.finditer(text):
        fence = opened_fence(found[0], fence)
    return fence


class Unfenced:
    """Passes on what stands in a fence around an answer, without the line that closes it.

    `run` is the fence around the answer, "" for none, `fence` the one that the document is in where the answer goes on.
    A last line that closes a block of the document is kept where `keeps_blocks`; elsewhere the end of the section
    closes the block.
    """

    def __init__(self, run: str, fence: str = "", *, keeps_blocks: bool = True) -> None:
        self._run = run
        self._fence = fence
        self._keeps_blocks = keeps_blocks
        self._line = ""
        self._held = ""

    def feed(self, text: str) -> str:
        """What cannot be the closing line any more."""
        if not self._run:
            return text
        self._held += text
        closing = _MAY_CLOSE.search(self._held)
        end = closing.start() if closing else len(self._held)
        given, self._held = self._held[:end], self._held[end:]
        *lines, self._line = (self._line + given).split("\n")
        for line in lines:
            self._fence = opened_fence(line, self._fence)
        return given

    def end(self) -> str:
        """The rest."""
        held, self._held = self._held, ""
        last = held.strip()
        if not self._run or not last.startswith(self._run):
            return held
        fence = opened_fence(self._line, self._fence)
        return held if self._keeps_blocks and fence and not opened_fence(last, fence) else ""
