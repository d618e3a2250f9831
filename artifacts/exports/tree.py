"""The preview's HTML as a tree, and what both kinds of files have to know of it; pure.

The HTML was sanitised: its tags are few and well nested.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from artifacts.preview.block_tags import BLOCK_TAGS

_VOID = frozenset(("br", "hr", "input"))
_BLOCKS = frozenset((*BLOCK_TAGS, "section"))  # the preview puts one around footnotes
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s\"<>\\^`{|}]+\Z", re.IGNORECASE)
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
LINKED_CHARS = 2_000
DIRECTION_CHARS = 500
"""So far into a paragraph a letter is looked for that has a direction."""


@dataclass(kw_only=True)
class Node:
    """An element. Text is a child of type `str`."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    @property
    def classes(self) -> frozenset[str]:
        return frozenset(self.attributes.get("class", "").split())

    @property
    def elements(self) -> list[Node]:
        return [child for child in self.children if isinstance(child, Node)]

    @property
    def is_block(self) -> bool:
        return self.tag in _BLOCKS

    @property
    def text(self) -> str:
        return "".join(self._texts())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child._texts()


class _TreeBuilder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node(tag="body")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag=tag, attributes={name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and len(self._open) > 1:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(storable(data))


def storable(text: str) -> str:
    """Without what no XML may hold."""
    return _NOT_TEXT.sub("", text)


def parse_html(html: str) -> Node:
    builder = _TreeBuilder()
    builder.feed(html)
    builder.close()
    return builder.root


def runs(children: list[Node | str]) -> Iterator[Node | list[Node | str]]:
    """Blocks as they are; what stands between them as lists of inline children, without lists of white space."""
    line = list[Node | str]()
    for child in children:
        if isinstance(child, Node) and child.is_block:
            if _says_something(line):
                yield line
            line = []
            yield child
        else:
            line.append(child)
    if _says_something(line):
        yield line


def address_of(link: Node) -> str:
    """Where a link leads to outside of the document; "" for any other."""
    address = link.attributes.get("href", "")
    return address if len(address) <= LINKED_CHARS and _ADDRESS.match(address) else ""


def is_right_to_left(text: str) -> bool:
    """By the first letter that has a direction, as browsers decide it."""
    for character in text[:DIRECTION_CHARS]:
        match unicodedata.bidirectional(character):
            case "R" | "AL":
                return True
            case "L":
                return False
    return False


def language_of(pre: Node) -> str:
    """The language that a block of code says it is in, or ""."""
    for code in pre.elements:
        for name in code.classes:
            if name.startswith("language-"):
                return name.removeprefix("language-")
    return ""


def table_of(table: Node) -> tuple[list[list[Node]], list[list[Node]]]:
    """Rows of the head and of the body, each of as many cells as the widest has."""
    head, body = list[list[Node]](), list[list[Node]]()
    for part in table.elements:
        (head if part.tag == "thead" else body).extend([row.elements for row in part.elements if row.tag == "tr"])
    columns = max((len(row) for row in (*head, *body)), default=0)
    for row in (*head, *body):
        row.extend(Node(tag="td") for _ in range(columns - len(row)))
    return head, body


def start_of(ordered: Node) -> int:
    return int(ordered.attributes.get("start") or 1)


def _says_something(line: list[Node | str]) -> bool:
    return any(isinstance(child, Node) or child.strip() for child in line)
