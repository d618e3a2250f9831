"""The end of a Markdown text: which block is open there, and whether its last line and sentence are over; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Literal

WINDOW_CHARS = 6_000
"""So much of the end is looked at; only an open fence is sought from the beginning, once."""

Block = Literal["code", "table", "item", "heading", "quote", "prose"]

FENCE_LINE = re.compile(r"^[ \t]*(?:>[ \t]?|(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
ITEM = re.compile(r"([ \t]*)([-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
GOES_ON = re.compile(
    r"(?:a|an|the|of|for|to|and|or|with|in|on|at|by|from|as|is|are|was|be|that|which|not|our|your|its|vs)",
    re.IGNORECASE,
)
"""Words that no line of text ends with."""
UNSPACED = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
CLOSERS = "*_`\"'”’»)]}"
SENTENCE_ENDS = ".!?:…。！？："


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


def is_unspaced(before: str, after: str) -> bool:
    """Whether no white space stands between these two characters, because both are Chinese or Japanese."""
    return UNSPACED.match(before) is not None and UNSPACED.match(after) is not None


def without_code(text: str) -> str:
    """The text with its code blocks blanked out."""
    kept, fence = [], ""
    for line in text.split("\n"):
        was, fence = fence, opened_fence(line, fence)
        kept.append("" if was or fence else line)
    return "\n".join(kept)


def block_of(line: str) -> Block:
    """What a line outside a fence belongs to."""
    if HEADING.match(line):
        return "heading"
    if ITEM.match(line):
        return "item"
    if line.lstrip().startswith("|"):
        return "table"
    return "quote" if line.lstrip().startswith(">") else "prose"


@dataclass(frozen=True)
class Ending:
    """The end of `previous`, looked at once."""

    previous: str

    @cached_property
    def tail(self) -> str:
        return self.previous[-WINDOW_CHARS:]

    @cached_property
    def fence(self) -> str:
        return open_fence(self.previous)

    @cached_property
    def info(self) -> str:
        """The word after the open fence, "" for none."""
        found = [match for line in self.tail.split("\n") if (match := FENCE_LINE.match(line))] if self.fence else []
        return found[-1][2].strip().lower() if found else ""

    @cached_property
    def space(self) -> str:
        """The white space at the very end."""
        return self.tail[len(self.tail.rstrip()) :]

    @cached_property
    def is_line_open(self) -> bool:
        """Whether what follows would stand in the last visible line."""
        return "\n" not in self.space and bool(self.previous)

    @cached_property
    def lines(self) -> list[str]:
        """The visible lines of the window, the last one being that of the cut."""
        return [line.rstrip() for line in self.tail.rstrip().split("\n") if line.strip()]

    @property
    def line(self) -> str:
        """The last visible line."""
        return self.lines[-1] if self.lines else ""

    @cached_property
    def block(self) -> Block:
        return "code" if self.fence else block_of(self.line)

    @cached_property
    def prose(self) -> str:
        """The window without its code blocks."""
        return without_code(self.tail)

    @cached_property
    def paragraph(self) -> str:
        """The last visible paragraph: back to a blank line."""
        text = self.tail.rstrip()
        start = max(text.rfind("\n\n"), text.rfind("\n \n"))
        return text[start + 1 :].strip("\n")

    @cached_property
    def is_row_whole(self) -> bool:
        """Whether the table row that is the last line has all the cells of the table."""
        rows = list(takewhile(lambda line: block_of(line) == "table", reversed(self.lines)))
        return self.line.endswith("|") and len(rows) > 0 and rows[0].count("|") >= rows[-1].count("|") > 1

    @cached_property
    def is_formula(self) -> bool:
        """Whether a displayed formula is open."""
        return sum(line.strip() == "$$" for line in self.prose.split("\n")) % 2 == 1

    @cached_property
    def is_mid_sentence(self) -> bool:
        """Whether the line is open and its last sentence is not over."""
        visible = self.line.rstrip(CLOSERS)
        return self.is_line_open and bool(visible) and visible[-1] not in SENTENCE_ENDS
