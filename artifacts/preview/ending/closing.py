"""What a text leaves open at its end, and the lines that close it: for every reader of Markdown, ours and GitHub's.

A fence, a comment, raw HTML and a formula take what follows into themselves; an element that is open takes it in the
page that is made of it. Lists, quotes and tables end where a heading begins: nothing is needed for those.
"""

import re
from collections.abc import Sequence

from artifacts.preview import collector
from artifacts.preview.block import math, starts
from artifacts.preview.block.block import Block
from artifacts.preview.block.reader import Reader
from artifacts.preview.ending.page_tags import EndLine, PageTags
from artifacts.preview.ending.raw_tags import leaves_comment_open
from artifacts.preview.ending.text_blocks import TextBlocks

ROUNDS = 6  # what ends one thing may be read as part of another
MOST_ELEMENTS = 100  # that are closed; a text with more of them open is no document
_MAY_OPEN = re.compile(r"<|`{3}|~{3}|\$\$|\\\[|\\begin\{")
# What only our preview knows: a formula, a fence right below `<details>`.
_FORMULA = re.compile(r"\$\$|\\\[|\\begin\{")
_DETAILS = re.compile(r"<(?:details|summary)", re.IGNORECASE)
_FENCE = re.compile(r"`{3}|~{3}")
_NOT_GITHUB = re.compile(r"<textarea", re.IGNORECASE)
# Behind a blank line this is in nothing that was open, but for what takes all lines.
_FRESH = re.compile(r"(?:\A|\n[ \t]*\n)(?=[A-Za-z#`~<$\\])")
_HALF_TAG = re.compile(r"<[/!?A-Za-z][^<>]*+\Z")
_NAME = re.compile(r"<([A-Za-z]+)")
_HTML_ENDS = ("", "-->", "?>", ">", "]]>")
_RAW_BLOCK_TAG = starts.HTML_STARTS[starts.STANDS_ALONE - 2]


def closing(markdown: str) -> str:
    """What has to stand behind a text so that nothing of it is open; empty where it closes everything itself."""
    first = _MAY_OPEN.search(markdown)
    if first is None:
        return ""
    begin = 0
    for fresh in _FRESH.finditer(markdown, 0, first.end()):
        begin = fresh.end()
    with collector.paused():
        closed = _ClosedText(markdown[begin:])
        for _ in range(ROUNDS):
            if not closed.close():
                break
    return closed.added


class _ClosedText:
    """What is added to a text."""

    def __init__(self, text: str) -> None:
        self.added = ""
        self._text = text
        self._between = "" if text.endswith(("\n", "\r")) else "\n"
        self._github = TextBlocks(text, "github")
        self._others = [self._github]
        is_known_to_us = _FORMULA.search(text) or (_DETAILS.search(text) and _FENCE.search(text))
        self._preview = TextBlocks(text, "preview") if is_known_to_us else None

    def close(self) -> bool:
        """Closes what is open now; is there anything?"""
        before = self.added
        if len(self._others) == 1 and (self._github.reader.reads_alone or _NOT_GITHUB.search(self._text)):
            self._others.append(TextBlocks(self._text + self.added, "commonmark"))
        for blocks in self._others:
            self._add(_leaf_ends(blocks.reader))
        if self._preview is not None:
            # Not where GitHub would see a beginning in that line: our preview ends it with its section anyway.
            ends = _leaf_ends(self._preview.reader)
            twin = self._github.reader.fork()
            for line in ends:
                twin.feed(line)
            if not _leaf_ends(twin):
                self._add(ends)
        for blocks in self._others:
            self._add(_element_ends(blocks))
        return self.added != before

    def _add(self, lines: list[str]) -> None:
        if lines:
            self.added += self._between + "\n".join(lines)
            self._between = "\n"
            for blocks in (*self._others, *((self._preview,) if self._preview else ())):
                blocks.feed(lines)


# -- elements of raw HTML


def _element_ends(blocks: TextBlocks) -> list[str]:
    reader, marked = blocks.reader, blocks.marked
    if not marked:
        return []
    tags = PageTags(reader.open_blocks, marked, is_filtered=False)
    ends = tags.ends()
    if not ends and tags.is_read_otherwise:
        ends = PageTags(reader.open_blocks, marked, is_filtered=True).ends()
    if not ends or len(ends) > MOST_ELEMENTS:
        return []
    lines = [_prefix(end.containers) + end.line for end in ends]
    return [_prefix(reader.open_blocks[:-1]).rstrip(), *lines] if _needs_blank_line(reader, ends) else lines


def _needs_blank_line(reader: Reader, ends: list[EndLine]) -> bool:
    """In a table a line would be one more row; a paragraph keeps the end of what was begun outside it, and a footnote
    takes it along to the end of the page.
    """
    tip, before = reader.tip, reader.open_blocks[-2:][0].children[-2:]
    if tip.kind == "table" or (tip.kind == "paragraph" and before[0].kind == "table"):  # to some a row of it
        return True
    if any(block.kind == "footnote" and block not in ends[0].containers for block in reader.open_blocks):
        return True
    for end in ends if tip.kind == "paragraph" else ():
        if not end.name or _RAW_BLOCK_TAG.match(end.line):
            return False
        if not end.is_anywhere:
            return True
    return False


def _prefix(containers: Sequence[Block]) -> str:
    """What a line begins with that stands in these."""
    marks = {"quote": "> ", "footnote": "    "}
    return "".join(" " * block.indent if block.kind == "item" else marks.get(block.kind, "") for block in containers)


# -- blocks that take every line


def _leaf_ends(reader: Reader) -> list[str]:
    *containers, leaf = reader.open_blocks
    return [_prefix(containers) + end for end in _leaf_end(leaf) if end]


def _tag_end(text: str) -> str:
    """What ends a tag of raw HTML that was cut off."""
    tag = _HALF_TAG.search(text)
    if tag is None:
        return ""
    return next((f"{quote}>" for quote in "\"'" if tag[0].count(quote) % 2), ">")


def _leaf_end(leaf: Block) -> list[str]:
    if leaf.kind == "fence":
        return [leaf.marker * leaf.level]
    text = "\n".join(leaf.lines)
    if leaf.kind == "math":
        return math.closers(text, leaf.marker)
    if leaf.kind == "comment":
        return ["-->"]
    if leaf.kind == "html" and leaf.level <= starts.LAST_OWN_END:
        name = _NAME.match(text.lstrip())
        own = _HTML_ENDS[leaf.level - 1]
        return [own] if own else [_tag_end(text), f"</{name[1]}>" if name else ""]
    if leaf.kind == "html":
        return [_tag_end(text), "-->" if text.rfind("<!--") > text.rfind("-->") else ""]
    if leaf.kind == "paragraph":
        formula = math.closers(text, leaf.marker) if leaf.marker and not math.has_no_formula(text, leaf.marker) else []
        return ["-->" if leaves_comment_open(text) else "", *formula]
    return []
