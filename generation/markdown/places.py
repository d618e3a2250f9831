"""Where in a Markdown text its end stands: in code or not, and what its open line holds; pure.

Read only when asked, because it is asked seldom and the text comes in many pieces.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})([^\n]*)")
_MARKS = re.compile("`+")
OPEN_LINE_CHARS = 8_000
"""Of a longer open line the beginning is forgotten, but for its first characters: it is read anew at every mark."""
_LINE_HEAD_CHARS = 100


class Place:
    def __init__(self, text: str = "") -> None:
        self._unread = [text]
        self._line = ""
        self._fence = ""
        self._breaks = 0  # line breaks at the very end
        self.last = text[-1:]
        """The last character."""

    def add(self, text: str) -> None:
        self._unread.append(text)
        self.last = text[-1:] or self.last

    @property
    def line(self) -> str:
        """The open line, without its end."""
        self._read()
        return self._line

    @property
    def breaks(self) -> int:
        """How many line breaks the text ends with."""
        self._read()
        return self._breaks

    @property
    def is_code(self) -> bool:
        """Whether what comes next is code: of a fence, of a span in the line, or indented."""
        line = self.line
        if self._fence:
            return not _closes(line, self._fence)  # what sticks to the closing fence is not code
        if line.startswith(("    ", "\t")) and not line.strip():
            return True
        return _opens_span(line) or line.rfind("<code>") > line.rfind("</code>")

    def _read(self) -> None:
        if not self._unread:
            return
        new, self._unread = "".join(self._unread), []
        if not new:
            return
        *lines, line = (self._line + new).replace("\r\n", "\n").split("\n")
        self._line = line if len(line) <= OPEN_LINE_CHARS else line[:_LINE_HEAD_CHARS] + line[-OPEN_LINE_CHARS // 2 :]
        for line in lines:
            if self._fence:
                self._fence = "" if _closes(line, self._fence) else self._fence
            elif (found := _FENCE.match(line)) and not (found[1][0] == "`" and "`" in found[2]):
                self._fence = found[1]
        self._breaks = 0 if self._line else self._breaks * (not new.strip("\n")) + len(new) - len(new.rstrip("\n"))


def _opens_span(line: str) -> bool:
    """Whether a row of backticks has no equal one behind it."""
    rows = [len(found[0]) for found in _MARKS.finditer(line)]
    at = 0
    try:
        while at < len(rows):
            at = rows.index(rows[at], at + 1) + 1
    except ValueError:
        return True
    return False


def _closes(line: str, fence: str) -> bool:
    found = _FENCE.match(line)
    return bool(found and found[1].startswith(fence) and not found[2].strip())
