"""The tags of the page that a browser makes of a text's blocks, Markdown's own and the raw ones, one after the other:
what of them stays open.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from artifacts.preview.block import tables
from artifacts.preview.block.block import Block
from artifacts.preview.ending.open_elements import (
    HTML_IN_FOREIGN,
    KNOWN,
    RAW_TEXT,
    OpenElement,
    OpenElements,
)
from artifacts.preview.ending.raw_tags import RawTags

MOST_OPEN = 200  # at any time; a text with more of them open is no document
# A tag as a browser reads it, perhaps without its end; a comment; what a browser takes for one.
_TOKEN = re.compile(
    r"<(/?)([A-Za-z][^\s/>]*+)"
    r"((?:[^>=]++|=\s*+(?:\"[^\"]*+(?:\"|(?P<double>\Z))|'[^']*+(?:'|(?P<single>\Z)))?+)*+)(>?)"
    r"|<!--(?:-?>)?|<(?:[!?]|/(?=[^A-Za-z]))"
)
_HOLDS_NOTHING = re.compile(r"<(?:br|img|input|wbr)\b", re.IGNORECASE)
_COMMENT_END = re.compile(r"--!?>")
# The end of the table for these; the next of its kind ends the others.
_SILENT = frozenset(("p", "tr", "td", "th", "tbody", "thead", "tfoot", "caption", "colgroup"))
_CLOSED = KNOWN | HTML_IN_FOREIGN

Containers = tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _TagOrigin:
    containers: Containers
    block: Block | None = None  # whose own element it is


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    """What takes all that follows into itself: a comment, raw text, a tag without its end."""

    containers: Containers
    comment: bool = False
    name: str = ""  # of raw text
    tag: re.Match[str] | None = None
    quote: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndLine:
    """A line that ends something, and what of Markdown it has to stand in."""

    line: str
    name: str = ""
    containers: Sequence[Block] = ()
    is_anywhere: bool = True  # it works in a paragraph, too


class PageTags:
    """Reads the blocks of a text; `ends` is what its end leaves open.

    `is_filtered`: as GitHub does it, where the tags of raw text are shown and a tag without an end is text.
    """

    def __init__(self, open_blocks: list[Block], marked: list[int], *, is_filtered: bool) -> None:
        """`marked` are the lines with a `<` in them; what has none holds no tag."""
        self._elements = OpenElements[_TagOrigin]()
        self._open_blocks = set(map(id, open_blocks))
        self._marked = marked
        self._is_filtered = is_filtered
        self._held: _Held | None = None
        self.is_read_otherwise = False  # by a reader who filters
        self._read_all(open_blocks[0], ())

    def ends(self) -> list[EndLine]:
        held, elements = self._held, self._elements
        if self._is_too_deep:
            return []
        ends = list[EndLine]()
        if held is not None:
            line = f"</{held.name}>" if held.name else "<!-- -->" if held.comment else f"<!--{held.quote}><!-- -->"
            ends.append(EndLine(line=line, name=held.name, containers=self._still_open(held.containers)))
        paragraph = elements.begin_block("h2")
        elements.text()
        for one in reversed(elements.stack):
            if one.name == "p":
                paragraph = one
            if self._stays(one):
                # Few end tags reach what stands around a paragraph.
                is_anywhere = elements.is_ended_anywhere(one)
                names = [one.name] if paragraph is None or is_anywhere else ["p", one.name]
                containers = self._still_open(one.origin.containers)
                ends += [
                    EndLine(line=f"</{name}>", name=name, containers=containers, is_anywhere=is_anywhere)
                    for name in names
                ]
                paragraph = None
        return ends

    def _stays(self, element: OpenElement[_TagOrigin]) -> bool:
        """Is it open until a tag ends it, and is that not Markdown's own?"""
        block = element.origin.block
        is_own = block is not None and id(block) in self._open_blocks
        return not is_own and element.name in _CLOSED and element.name not in _SILENT

    @property
    def _is_too_deep(self) -> bool:
        return len(self._elements.stack) > MOST_OPEN

    def _still_open(self, containers: Containers) -> list[Block]:
        return list(takewhile(lambda block: id(block) in self._open_blocks, containers))

    # -- Markdown's own tags

    def _read_all(self, holder: Block, containers: Containers, *, tight: bool = False) -> None:
        inner = (*containers, holder) if holder.kind != "document" else ()
        children = holder.children
        for place, block in enumerate(children):
            if self._is_too_deep:
                return
            after = _begin(children[place + 1]) if place + 1 < len(children) else 0
            if self._has_marks(_begin(block), after):
                self._read(block, inner, tight=tight)
            elif not (tight and block.kind == "paragraph") and self._passes():
                self._elements.text()
                self._elements.begin_block("h2" if block.kind == "heading" else "p")

    def _has_marks(self, begin: int, after: int) -> bool:
        place = bisect_left(self._marked, begin)
        return place < len(self._marked) and (not after or self._marked[place] < after)

    def _read(self, block: Block, containers: Containers, *, tight: bool) -> None:
        match block.kind:
            case "html" | "comment":
                self._piece("\n".join(block.lines), containers)
            case "paragraph" | "heading":
                name = "" if tight and block.kind == "paragraph" else f"h{block.level}" if block.level else "p"
                self._text("\n".join(block.lines), name, containers)
            case "quote":
                self._holder("blockquote", block, containers)
            case "list":
                self._start("ol" if block.ordered else "ul", containers, block)
                inner = (*containers, block)
                for item in block.children:
                    self._holder("li", item, inner, tight=not block.loose)
                self._end("ol" if block.ordered else "ul", block)
            case "footnote":
                self._read_all(block, containers)
            case "table":
                self._table(block, containers)
            case _:
                if self._passes():
                    self._elements.text()
                    self._elements.begin_block("p")

    def _holder(self, name: str, block: Block, containers: Containers, *, tight: bool = False) -> None:
        self._start(name, containers, block)
        self._read_all(block, containers, tight=tight)
        self._end(name, block)

    def _table(self, block: Block, containers: Containers) -> None:
        self._start("table", containers, block)
        for line in block.lines:
            if "<" not in line:
                continue
            self._start("tr", containers, block)
            for cell in tables.split_row(line):
                self._text(cell, "td", containers, block)
            self._end("tr")
        self._end("table")

    def _text(self, text: str, name: str, containers: Containers, block: Block | None = None) -> None:
        if name:
            self._start(name, containers, block)
        for tag in RawTags(text) if "<" in text else ():
            if self._is_too_deep:
                return
            if self._held is not None or not _HOLDS_NOTHING.match(tag):
                self._piece(tag, containers)
        if name:
            self._end(name)

    def _passes(self) -> bool:
        """Does a tag of Markdown's own reach the page?"""
        held = self._held
        if held is None:
            return True
        if held.tag is not None and not held.quote:
            self._held = None
            self._take(held.tag, held.containers)  # this tag is its end
        return False

    def _start(self, name: str, containers: Containers, block: Block | None = None) -> None:
        if self._passes():
            self._elements.text()  # the end of a line stands between the blocks
            self._elements.start(name, _TagOrigin(containers, block))

    def _end(self, name: str, block: Block | None = None) -> None:
        if (block is None or id(block) not in self._open_blocks) and self._passes():
            self._elements.end(name)

    # -- raw HTML

    def _piece(self, text: str, containers: Containers) -> None:
        if self._held is None:
            self._elements.text()
        place = self._release(text)
        while place >= 0 and not self._is_too_deep and (found := _TOKEN.search(text, place)):
            place = found.end()
            if found[2]:
                self._tag(found, containers)
            elif found[0] == "<!--":
                self._held = _Held(comment=True, containers=containers)
            elif not found[0].startswith("<!--"):
                end = text.find(">", place)
                if end < 0 and not self._is_filtered:
                    self._hold(_Held(tag=found, containers=containers))
                place = end if end >= 0 else len(text)
            if self._held is not None:
                place = self._release(text, place)

    def _release(self, text: str, place: int = 0) -> int:
        """Where in a piece ends what takes it in; -1 where it takes all."""
        held = self._held
        if held is None:
            return place
        if held.comment:
            end = _COMMENT_END.search(text, place)
        elif held.name:
            end = re.compile(rf"</{held.name}(?=[\s/>])[^>]*+>?", re.IGNORECASE).search(text, place)
        else:
            end = re.compile(rf"{held.quote}[^>]*+>").search(text, place)
        if end is None:
            return -1
        self._held = None
        if held.tag is not None:
            self._take(held.tag, held.containers)
        return end.end()

    def _hold(self, held: _Held) -> None:
        self._held, self.is_read_otherwise = held, True

    def _tag(self, found: re.Match[str], containers: Containers) -> None:
        if not found[6]:
            if not self._is_filtered:
                quote = '"' if found["double"] is not None else "'" if found["single"] is not None else ""
                self._hold(_Held(tag=found, quote=quote, containers=containers))
            return
        self._take(found, containers)

    def _take(self, found: re.Match[str], containers: Containers) -> None:
        """A whole tag."""
        if not found[2]:
            return
        name, elements = found[2].lower(), self._elements
        if name in RAW_TEXT and not elements.in_foreign:
            if name == "xmp":
                elements.close_p()
            # Nothing ends plaintext; GitHub shows the tag.
            if not (self._is_filtered or found[1] or name == "plaintext"):
                self._hold(_Held(name=name, containers=containers))
        elif found[1]:
            elements.end(name)
        else:
            elements.start(name, _TagOrigin(containers), is_closed=found[3].endswith("/"))


def _begin(block: Block) -> int:
    return block.first_line - 1 if block.kind == "table" else block.first_line
