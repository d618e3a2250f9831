"""What a text leaves open at its end, and the lines that close it: for every reader of Markdown, ours and GitHub's.

A fence, a comment, raw HTML and a formula take what follows into themselves; an element that is open takes it in the
page that is made of it. Lists, quotes and tables end where a heading begins: nothing is needed for those.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from artifacts.preview.block import math, starts
from artifacts.preview.block.block import Block
from artifacts.preview.block.lines import Lines
from artifacts.preview.block.reader import Reader
from artifacts.preview.inline.inline import leaves_comment_open, raw_html

_BLOCK_ELEMENTS = frozenset(
    (
        *("details", "summary", "div", "section", "article", "aside", "main", "header", "footer", "nav", "center"),
        *("figure", "figcaption", "fieldset", "form", "table", "ul", "ol", "dl", "blockquote", "pre", "dialog"),
        *("address", "select", "svg", "li", "dt", "dd", "menu", "hgroup", "object", "button"),
    )
)
# The next of its kind ends one of these, and so does what it stands in.
_ITEMS = {"li": frozenset(("ul", "ol")), "dt": frozenset(("dl",)), "dd": frozenset(("dl",))}
# A browser opens these again in whatever follows, until they are closed.
_FORMATTING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
)
_PHRASING = frozenset(
    (
        *("span", "sub", "sup", "kbd", "mark", "del", "ins", "q", "cite", "abbr", "var", "samp", "dfn", "bdo", "bdi"),
        *("ruby", "label"),
    )
)
_RAW_TEXT = frozenset(("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"))
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)(?:\s[^<>]*?)?(/?)>|<!--")
ROUNDS = 4  # what ends one thing may be read as part of another
MOST_ELEMENTS = 100  # that are closed; a text with more of them open is no document
_COMMENT_END = re.compile("-->")
_HALF_TAG = re.compile(r"<[/!?A-Za-z][^<>]*+\Z")
_NAME = re.compile(r"<([A-Za-z]+)")
_HTML_ENDS = ("", "-->", "?>", ">", "]]>")
_PARTS = frozenset(("quote", "item", "footnote"))  # an element that is open in one ends with it


def closing(markdown: str) -> str:
    """What has to stand behind a text so that nothing of it is open; empty where it closes everything itself."""
    text = markdown
    for _ in range(ROUNDS):
        closed = _closed(text)
        if closed == text:
            break
        text = closed
    return text[len(markdown) :]


def _closed(text: str) -> str:
    text += _lines_after(text, _leaf_ends(_read(text, as_github=True)))
    # What only our preview has open, a formula or a fence right below `<details>`: but not where GitHub would see a
    # beginning in that line. Our preview ends it with its section anyway.
    ours = text + _lines_after(text, _leaf_ends(_read(text, as_github=False)))
    if ours != text and not _leaf_ends(_read(ours, as_github=True)):
        text = ours
    return text + _lines_after(text, _element_ends(_read(text, as_github=True)))


def _read(text: str, *, as_github: bool) -> Reader:
    lines, reader = Lines(), Reader(as_github=as_github)
    for line in lines.feed(text):
        reader.feed(line)
    if lines.partial:
        reader.feed(lines.partial)
    return reader


def _lines_after(text: str, ends: list[str]) -> str:
    """The lines, behind the end of the text's last line."""
    if not ends:
        return ""
    return ("" if text.endswith(("\n", "\r")) else "\n") + "\n".join(ends)


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
    text = "\n".join(leaf.lines)
    if leaf.kind == "fence":
        return [leaf.marker * leaf.level]
    if leaf.kind == "math":
        return [math.CLOSERS[leaf.marker]]
    if leaf.kind == "comment":
        return ["-->"]
    if leaf.kind == "html" and leaf.level <= starts.LAST_OWN_END:
        name = _NAME.match(text.lstrip())
        own = _HTML_ENDS[leaf.level - 1]
        return [own] if own else [_tag_end(text), f"</{name[1]}>" if name else ""]
    if leaf.kind == "html":
        return [_tag_end(text), "-->" if text.rfind("<!--") > text.rfind("-->") else ""]
    if leaf.kind == "paragraph":
        mark = {"$": "$$", "\\": "\\["}.get(leaf.marker, "")
        formula = mark and text.rpartition(mark)[2].strip()
        return ["-->" if leaves_comment_open(text) else "", math.CLOSERS[leaf.marker] if formula else ""]
    return []


# -- elements of raw HTML


@dataclass(frozen=True, kw_only=True, slots=True)
class _Element:
    name: str
    containers: tuple[Block, ...]


class _Elements:
    """The elements that are open while the blocks of a text are walked through."""

    def __init__(self, open_blocks: list[Block]) -> None:
        self.open: list[_Element] = []
        self.comment: tuple[Block, ...] | None = None  # where one was begun by raw HTML that ended at a blank line
        self._open_blocks = set(map(id, open_blocks))

    def walk(self, block: Block, containers: tuple[Block, ...]) -> None:
        if block.kind in ("html", "comment"):
            self._scan("\n".join(block.lines), containers)
        elif block.kind in ("paragraph", "heading"):
            depth = len(self.open)
            for piece in raw_html("\n".join(block.lines)):
                self._scan(piece, containers)
            self._leave(depth, containers, _BLOCK_ELEMENTS | _FORMATTING | _RAW_TEXT)
        depth, inner = len(self.open), (*containers, block)
        for child in block.children:
            self.walk(child, inner)
        if block.kind in _PARTS and id(block) not in self._open_blocks:
            self._leave(depth, containers, _FORMATTING)

    def still_open(self, containers: tuple[Block, ...]) -> list[Block]:
        return list(takewhile(lambda block: id(block) in self._open_blocks, containers))

    def _leave(self, depth: int, containers: tuple[Block, ...], stay: frozenset[str]) -> None:
        self.open[depth:] = [
            _Element(name=element.name, containers=containers) for element in self.open[depth:] if element.name in stay
        ]

    def _scan(self, text: str, containers: tuple[Block, ...]) -> None:
        place, endless = 0, set[str]()
        while found := (_TAG if self.comment is None else _COMMENT_END).search(text, place):
            place = found.end()
            if found[0] == "-->":
                self.comment = None
            elif found[0] == "<!--":
                self.comment = containers
            elif found[1]:
                self._end(found[2].lower())
            elif not found[3]:
                name = found[2].lower()
                self._begin(name, containers)
                # It holds nothing but text. GitHub shows its tags and reads on in it: one without an end is read too.
                if name in _RAW_TEXT and name not in endless:
                    end = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(text, place)
                    if end is None:
                        endless.add(name)
                    else:
                        self._end(name)
                        place = end.end()

    def _begin(self, name: str, containers: tuple[Block, ...]) -> None:
        if name in _ITEMS:
            self._end(name, within=_ITEMS[name])
        if name in _BLOCK_ELEMENTS or name in _FORMATTING or name in _PHRASING or name in _RAW_TEXT:
            self.open.append(_Element(name=name, containers=containers))

    def _end(self, name: str, *, within: frozenset[str] = frozenset()) -> None:
        if not any(element.name == name for element in self.open[-MOST_ELEMENTS:]):
            return
        while self.open and self.open[-1].name not in within:
            if self.open.pop().name == name:
                return


def _element_ends(reader: Reader) -> list[str]:
    document, tip = reader.open_blocks[0], reader.tip
    elements = _Elements(reader.open_blocks)
    elements.walk(document, ())
    ends = [] if elements.comment is None else [_prefix(elements.still_open(elements.comment)) + "<!-- -->"]
    if len(elements.open) <= MOST_ELEMENTS:
        ends += [_prefix(element.containers) + f"</{element.name}>" for element in reversed(elements.open)]
    # In a table a line would be one more row; a paragraph keeps the end of what was begun outside it.
    phrasing = any(element.name in _PHRASING for element in elements.open)
    if ends and (tip.kind == "table" or (tip.kind == "paragraph" and phrasing)):
        ends.insert(0, _prefix(reader.open_blocks[:-1]).rstrip())
    return ends
