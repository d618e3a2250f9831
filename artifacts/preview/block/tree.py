"""Blocks into Python-Markdown's element tree. Inline markup is marked for the inline step, all else is literal."""

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

from artifacts.preview import limits
from artifacts.preview.block import math, tables
from artifacts.preview.block.block import Block
from artifacts.preview.block.link_definitions import plain

_TASK = re.compile(r"\[([ xX])\][ \t\n]+")
_LANGUAGE = re.compile(r"[\w.+#-]+")
_SUMMARY_TAG = re.compile(r"</?(?:b|strong|i|em|u|code|kbd|sub|sup|span|h[1-6]|p)(?:\s[^<>]*)?>", re.IGNORECASE)


class Source(str):
    """Text of a tree that the inline step still has to read."""

    __slots__ = ("growing",)
    growing: bool


def source(text: str, growing: bool) -> Source:
    marked = Source(text)
    marked.growing = growing
    return marked


def literal(text: str) -> str:
    """Text for the tree as it is: Python-Markdown's serializer would leave what looks like an entity."""
    return text.replace("&", "&amp;")


class Builder:
    """Builds the elements of blocks. `code` is where the text of code blocks goes; the tree holds their numbers."""

    def __init__(self) -> None:
        self.code: list[tuple[str, str]] = []

    def build(self, parent: Element, block: Block) -> None:
        """Adds a block to `parent`."""
        _BUILD[block.kind](self, parent, block)

    def build_all(self, parent: Element, blocks: list[Block]) -> None:
        for block in blocks:
            self.build(parent, block)

    def _paragraph(self, parent: Element, block: Block) -> None:
        text = _lines(block)
        if math.is_whole(text):
            SubElement(parent, "p", {"class": "math"}).text = literal(str(text))
        else:
            SubElement(parent, "p").text = text

    def _heading(self, parent: Element, block: Block) -> None:
        if text := _lines(block):  # one without text is nothing to see and nothing to jump to
            SubElement(parent, f"h{block.level}").text = text

    def _rule(self, parent: Element, block: Block) -> None:
        SubElement(parent, "hr")

    def _quote(self, parent: Element, block: Block) -> None:
        self.build_all(SubElement(parent, "blockquote"), block.children)

    def _code(self, parent: Element, block: Block) -> None:
        language = _LANGUAGE.match(plain(block.info)) if block.info else None
        SubElement(parent, "pre", {"data-code": str(len(self.code))})
        self.code.append(
            ("\n".join([*block.lines, ""]) if block.lines else "", language[0].lower() if language else "")
        )

    def _raw(self, parent: Element, block: Block) -> None:
        SubElement(parent, "p", {"class": "raw-html"}).text = literal("\n".join(block.lines).strip("\n"))

    def _math(self, parent: Element, block: Block) -> None:
        SubElement(parent, "p", {"class": "math"}).text = literal("\n".join(block.lines).rstrip())

    def _list(self, parent: Element, block: Block) -> None:
        element = SubElement(parent, "ol" if block.ordered else "ul")
        if block.ordered and block.start != 1:
            element.set("start", str(block.start))
        for item in block.children:
            if self._item(element, item, block.loose):
                element.set("class", "task-list")

    def _item(self, parent: Element, item: Block, loose: bool) -> bool:
        """Adds an item; is it a task?"""
        element = SubElement(parent, "li")
        first = item.children[0] if item.children else None
        task = _TASK.match("\n".join(first.lines)) if first and first.kind == "paragraph" else None
        if task:
            element.set("class", "task-list-item")
        for child in item.children:
            if child.kind != "paragraph":
                self.build(element, child)
                continue
            text = _lines(child)
            holder = SubElement(element, "p") if loose or _ends_with_text(element) else element
            if task and child is first:
                box = SubElement(holder, "input", {"type": "checkbox", "disabled": "disabled"})
                if task[1] != " ":
                    box.set("checked", "checked")
                rest = text[task.end() :]
                box.tail = source(f" {rest}" if rest else "", text.growing)
            else:
                _append(holder, text)
        return task is not None

    def _table(self, parent: Element, block: Block) -> None:
        table = SubElement(parent, "table")
        body = None
        filled = len(block.lines) * len(block.align) <= limits.ELEMENT_ALLOWANCE + sum(map(len, block.lines))
        for number, line in enumerate(block.lines):
            growing = block.growing and number == len(block.lines) - 1
            if number == 0:
                row = SubElement(SubElement(table, "thead"), "tr")
            else:
                body = SubElement(table, "tbody") if body is None else body
                row = SubElement(body, "tr")
            cells = _cells(line, len(block.align))
            for place, align in enumerate(block.align[: None if filled else len(cells)]):
                cell = SubElement(row, "th" if number == 0 else "td", {"align": align} if align else {})
                if place < len(cells):
                    cell.text = source(cells[place], growing and place == len(cells) - 1)

    def _details(self, parent: Element, block: Block) -> None:
        # Open: a reader of a live document sees all of it, and so does a printer.
        self.build_all(SubElement(parent, "details", {"open": "open"}), block.children)

    def _summary(self, parent: Element, block: Block) -> None:
        text = _SUMMARY_TAG.sub("", " ".join(block.lines)).strip()
        SubElement(parent, "summary").text = source(text, block.growing)


def _ends_with_text(element: Element) -> bool:
    return bool(element[-1].tail if len(element) else element.text)


def _append(parent: Element, text: Source) -> None:
    if len(parent):
        parent[-1].tail = text
    else:
        parent.text = text


def _lines(block: Block) -> Source:
    return source("\n".join(block.lines).strip(" \t"), block.growing)


def _cells(line: str, columns: int) -> list[str]:
    """The cells of a row. What stands in cells too many stays in the last one, so that nothing is lost."""
    cells = tables.split_row(line)
    if len(cells) > columns and any(cells[columns:]):
        cells[columns - 1 :] = [" | ".join(cells[columns - 1 :])]
    return cells


_BUILD: dict[str, Callable[[Builder, Element, Block], None]] = {
    "paragraph": Builder._paragraph,
    "heading": Builder._heading,
    "rule": Builder._rule,
    "quote": Builder._quote,
    "fence": Builder._code,
    "code": Builder._code,
    "math": Builder._math,
    "html": Builder._raw,
    "comment": Builder._raw,
    "list": Builder._list,
    "table": Builder._table,
    "details": Builder._details,
    "summary": Builder._summary,
}
