"""Shows the unfinished end of a growing document: closes what is open, holds back what may still become something else.

Works on a fork of the reader, so that the document itself never sees it.
"""

import re

from artifacts.preview import limits
from artifacts.preview.block.block import Block
from artifacts.preview.block.reader import Reader

_PREFIX = re.compile(r"(?:[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])))*+[ \t]*", re.ASCII)
# A line that has said nothing yet: marks only, a number, a fence's first line, the box of a task, the name of a
# footnote or of a tag.
_UNDECIDED = re.compile(
    r"[-*_=+#>~`|: \t]*+|(?:\${1,2}|\\\[?)[ \t]*+|\\b(?:e(?:g(?:i(?:n(?:\{[A-Za-z]*+\*?+)?)?)?)?)?"
    r"|\d{1,9}[.)]?|`{3,}+[^`]*+|~{3,}.*+|\[[ xX]?\]?[ \t]*+|\[\^[^\]\s]*+\]?"
    rf"|<(?:[!/?A-Za-z][^>]{{0,{limits.HTML_TAG_CHARS}}})?",
    re.ASCII,
)
_HALF_LABEL = re.compile(r"\[(?:[^\\\[\]]|\\.)*+\]?", re.DOTALL)
_HALF_DEFINITION = re.compile(r"\[(?:[^\\\[\]]|\\.)++\]:\s*+\S*+(?:\s++[\"'(][^\n]*+)?", re.DOTALL)
# What follows a rule at the very top and looks like settings becomes a heading when the second rule comes.
FRONT_MATTER_LINE = 2
_FRONT_MATTER = re.compile(r"[\w-]+:(?:\s|\Z)")


def open_end(reader: Reader, partial: str) -> list[Block]:
    """The blocks that are still open, with what the unfinished line adds to them, closed for showing."""
    fork, fed = _with_partial(reader, partial)
    tip = fork.tip
    if tip.kind == "paragraph":
        _hold_back(fork, tip, fed)
        if reader.opens_with_rule and tip.first_line == FRONT_MATTER_LINE and _FRONT_MATTER.match("\n".join(tip.lines)):
            tip.lines.clear()
    fork.grow(fed)
    fork.finish()
    return fork.take()


def _with_partial(reader: Reader, partial: str) -> tuple[Reader, bool]:
    fork = reader.fork()
    if not partial.strip(" \t"):
        return fork, False
    if reader.tip.kind == "fence":
        mark = reader.tip.marker
        fork.feed(partial)
        if fork.tip.kind == "fence" and fork.tip.first_line == reader.tip.first_line:
            if partial.strip(" \t>").strip(mark):
                return fork, True
            return reader.fork(), False
        if not partial.strip(" \t>").strip(mark):
            return reader.fork(), False
        fork = reader.fork()
    prefix = _PREFIX.match(partial)
    if _UNDECIDED.fullmatch(partial, prefix.end() if prefix else 0):
        return fork, False
    fork.feed(partial)
    return fork, True


def _hold_back(fork: Reader, paragraph: Block, fed: bool) -> None:
    """Takes away what may become a definition or a table's header."""
    fork.take_definitions(paragraph)
    lines = paragraph.lines
    if lines and lines[0].startswith("["):
        text = "\n".join(lines)
        if _HALF_DEFINITION.fullmatch(text) or (fed and _HALF_LABEL.fullmatch(text)):
            lines.clear()
    if lines and lines[-1].startswith("|"):
        lines.pop()
