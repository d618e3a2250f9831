"""A text as one kind of reader sees it, for what it leaves open: what cannot matter for that is passed over."""

import re
from collections.abc import Sequence
from functools import cache

from artifacts.preview.block import math, starts
from artifacts.preview.block.block import VERBATIM, Block, ReaderRules
from artifacts.preview.block.lines import Lines
from artifacts.preview.block.reader import Reader

# At the beginning of a line in a paragraph: what may be another block, or has to be looked at.
_MAY_BEGIN = frozenset(" \t#`~*+-_=<>0123456789|:[")
_MATH_MARKS = ("$$", "\\[", "\\begin{")
# A tag alone on its line, that begins no block with an end of its own.
_TAG_LINE = re.compile(
    rf"(?!</?(?:script|pre|style|textarea|details|summary)\b)(?:{starts.OPEN_TAG}|{starts.CLOSE_TAG})\s*$", re.I
)


class TextBlocks:
    """The blocks of a text; more lines may come."""

    def __init__(self, text: str, rules: ReaderRules) -> None:
        self.reader = Reader(rules)
        self.marked: list[int] = []  # the lines with a `<` in them
        lines = Lines()
        self.feed([*lines.feed(text), *([lines.partial] if lines.partial else [])])

    def feed(self, lines: Sequence[str]) -> None:
        place = 0
        while place < len(lines):
            place = self._pass(lines, place) or self._read(lines, place)

    def _read(self, lines: Sequence[str], place: int) -> int:
        """Reads a line; the first one behind it that has to be read."""
        reader = self.reader
        self._mark(lines[place])
        reader.feed(lines[place])
        tip, place = reader.tip, place + 1
        if tip.kind in VERBATIM and all(block.kind == "details" for block in reader.open_blocks[1:-1]):
            after = _behind_leaf(tip, lines, place)
        elif tip.kind == "paragraph" and len(reader.open_blocks) == 2:
            after = self._behind_text(tip, lines, place)
        else:
            return place
        reader.pass_lines(lines[place:after])
        return after

    def _mark(self, line: str) -> None:
        if "<" in line:
            self.marked.append(self.reader.line_number + 1)

    def _pass(self, lines: Sequence[str], place: int) -> int:
        """Behind a block that begins here, at the top, and leaves nothing open; 0 where there is none."""
        reader, line = self.reader, lines[place]
        if line.startswith("<"):
            if len(reader.open_blocks) > 1 or lines[place + 1 : place + 2] != [""] or not _TAG_LINE.match(line):
                return 0
            self._mark(line)
            reader.pass_blocks(lines[place : place + 2], Block("html", level=starts.STANDS_ALONE, lines=[line]))
            return place + 2
        if not line.startswith(("```", "~~~", "$$", "\\[")) or reader.tip.kind in VERBATIM or reader.tip.marker:
            return 0
        if any(block.kind == "details" for block in reader.open_blocks):
            return 0
        after = _behind_block(lines, place, reader.rules)
        if after:
            reader.pass_blocks(lines[place:after])
        return after

    def _behind_text(self, paragraph: Block, lines: Sequence[str], place: int) -> int:
        """The first line from here that may not go on in a paragraph at the top."""
        is_preview = self.reader.rules == "preview"
        for after in range(place, len(lines)):
            line = lines[after]
            if not line or "<" in line or (line[0] in _MAY_BEGIN and not paragraph.marker):
                return after
            if is_preview and (paragraph.marker or any(mark in line for mark in _MATH_MARKS)):
                if line[0] in " \t$\\" or paragraph.marker not in ("", "$", "\\"):
                    return after
                paragraph.marker = math.open_after(line, paragraph.marker)
        return len(lines)


@cache
def _fence_end(mark: str, length: int) -> re.Pattern[str]:
    return re.compile(rf" {{0,3}}{mark}{{{length},}}[ \t]*$")


def _behind_block(lines: Sequence[str], place: int, rules: ReaderRules) -> int:
    """Behind the end of a fence or a formula that begins here; 0 where there is none."""
    if fence := starts.FENCE.match(lines[place]):
        is_end = _fence_end(fence[0][0], len(fence[0])).match
        return next((after + 1 for after in range(place + 1, len(lines)) if is_end(lines[after])), 0)
    if rules == "preview" and math.BLOCK.match(lines[place]):
        end = math.BLOCK_CLOSERS[lines[place][0]]
        after = next((after for after in range(place + 1, len(lines)) if end in lines[after]), 0)
        return after + 1 if after and lines[after].strip(" \t") == end else 0
    return 0


def _behind_leaf(leaf: Block, lines: Sequence[str], place: int) -> int:
    """The first line from here that may not go on in a block that takes all lines."""
    end = len(lines)
    if leaf.kind == "fence":
        is_end = _fence_end(leaf.marker, leaf.level).match
        return next((after for after in range(place, end) if is_end(lines[after])), end)
    if leaf.kind == "comment":
        return next((after for after in range(place, end) if "-->" in lines[after]), end)
    if leaf.kind == "math" and (closer := math.BLOCK_CLOSERS.get(leaf.marker)):
        return next((after for after in range(place, end) if closer in lines[after]), end)
    if leaf.kind == "html" and leaf.level > starts.LAST_OWN_END:
        return next((after for after in range(place, end) if not lines[after].strip(" \t")), end)
    if leaf.kind == "html":
        is_own_end = starts.HTML_ENDS[leaf.level - 1].search
        return next((after for after in range(place, end) if is_own_end(lines[after])), end)
    return place
