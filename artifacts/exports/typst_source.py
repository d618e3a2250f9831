"""A document in the language of Typst, which sets it as a PDF; pure.

Typst's language can compute and read files: so all of a document's own words are quoted strings here, never markup.
"""

from __future__ import annotations

import re

from artifacts.exports.properties import FileProperties
from artifacts.exports.tree import (
    Node,
    address_of,
    is_right_to_left,
    language_of,
    runs,
    start_of,
    storable,
    table_of,
)

COLOURED_CODE_CHARS = 20_000
"""A longer block of code is set without colours."""
MOST_NESTED = 10
"""Typst refuses what is nested much deeper; deeper quotes, lists and marks stand at this level."""
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}\Z", re.ASCII)
_WHITE = re.compile(r"[ \t\r\n]+")
_INLINE = {"strong": "strong", "em": "emph", "del": "strike", "sup": "super"}

_HEAD = """\
#set page(paper: "a4", margin: (x: 24mm, y: 25mm), numbering: "1")
#set text(font: ("Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans CJK SC", "Noto Emoji"), size: 10.5pt)
#set par(leading: 0.7em, spacing: 1.15em)
#set heading(bookmarked: true)
#set list(indent: 6pt)
#set enum(indent: 6pt)
#set table(stroke: 0.5pt + luma(190), inset: 6pt)
#show table.cell.where(y: 0): set text(weight: "bold")
#show raw: set text(font: ("DejaVu Sans Mono", "Noto Sans CJK SC", "Noto Emoji"), size: 1.1em)
#show raw.where(block: true): code => block(fill: luma(245), inset: 8pt, radius: 3pt, width: 100%, code)
#show raw.where(block: true): set par(leading: 0.55em)
#show link: set text(fill: rgb("#1d4f91"))
#show heading: set block(above: 1.5em, below: 0.8em)
#show quote.where(block: true): content => block(stroke: (left: 2pt + luma(200)), inset: (left: 10pt), content.body)
"""


def typst_source(properties: FileProperties, body: Node) -> str:
    name = quoted(storable(properties.title))
    title = _directed(f'#text(size: 22pt, weight: "bold")[#{name}]', properties.title)
    return f"{_HEAD}#set document({_described(properties)})\n{title}\n#v(8pt)\n\n{_blocks(body.children)}"


def _described(properties: FileProperties) -> str:
    parts = [f"title: {quoted(storable(properties.title))}"]
    if author := properties.line("author"):
        parts.append(f"author: {quoted(author)}")
    if subject := properties.line("subject"):
        parts.append(f"description: {quoted(subject)}")
    if (at := properties.time("modified")) is not None:
        day = f"year: {at.year}, month: {at.month}, day: {at.day}"
        parts.append(f"date: datetime({day}, hour: {at.hour}, minute: {at.minute}, second: {at.second})")
    return ", ".join(parts)


def quoted(text: str) -> str:
    """A string of Typst."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'.replace("\r", "").replace("\n", "\\n").replace("\t", "\\t")


def _blocks(children: list[Node | str], depth: int = 0) -> str:
    """`depth`: how many quotes, lists and marks it stands in."""
    return "".join(
        f"{_block(one, depth) if isinstance(one, Node) else _paragraph(one, depth)}\n\n" for one in runs(children)
    )


def _paragraph(children: list[Node | str], depth: int) -> str:
    return _directed(_line(children, depth), Node(tag="p", children=children).text)


def _directed(content: str, text: str) -> str:
    return f"#[#set text(dir: rtl);{content}\n\n]" if is_right_to_left(text) else content


def _block(node: Node, depth: int) -> str:
    match node.tag:
        case "p":
            return _code(node.text, "", block=True) if "math" in node.classes else _paragraph(node.children, depth)
        case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
            return _directed(f"#heading(level: {node.tag[1]})[{_line(node.children, depth)}]", node.text)
        case "hr":
            return "#line(length: 100%, stroke: 0.5pt + luma(190))"
        case "pre":
            return _code(node.text.removesuffix("\n"), language_of(node), block=True)
        case "table":
            return _table(node, depth)
        case "summary":
            return f"#strong[{_line(node.children, depth)}]"
        case "section":
            notes = _blocks(node.children, depth)
            return f"#line(length: 30%, stroke: 0.5pt)\n\n#[#set text(size: 0.9em)\n{notes}]"
        case "blockquote" if depth < MOST_NESTED:
            return f"#quote(block: true)[{_blocks(node.children, depth + 1)}]"
        case "ul" if depth < MOST_NESTED:
            marker = "marker: [], " if "task-list" in node.classes else ""
            return _directed(f"#list({marker}{_items(node, depth + 1)})", node.text)
        case "ol" if depth < MOST_NESTED:
            return _directed(f"#enum(start: {start_of(node)}, {_items(node, depth + 1)})", node.text)
        case _:
            return _blocks(node.children, depth)


def _items(node: Node, depth: int) -> str:
    """In a list that runs from the right, an item of another script still runs from the left."""
    is_rtl = is_right_to_left(node.text)
    items = [item for item in node.elements if item.tag == "li"]
    turned = ["#set text(dir: ltr);" if is_rtl and not is_right_to_left(item.text) else "" for item in items]
    return ", ".join(f"[{turn}{_blocks(item.children, depth)}]" for turn, item in zip(turned, items, strict=True))


def _table(node: Node, depth: int) -> str:
    head, body = table_of(node)
    first = next(iter((*head, *body)), [])
    if not first:
        return ""
    aligns = ", ".join(cell.attributes.get("align", "start") for cell in first)
    cells = ", ".join(_cell(cell, depth) for row in body for cell in row)
    header = ", ".join(_cell(cell, depth) for row in head for cell in row)
    return f"#table(columns: {len(first)}, align: ({aligns},), table.header({header}), {cells})"


def _cell(cell: Node, depth: int) -> str:
    return f"[{_directed(_line(cell.children, depth), cell.text)}]"


def _line(children: list[Node | str], depth: int) -> str:
    written, is_first = list[str](), False
    for child in children:
        if isinstance(child, str):
            written.append(_words(child.lstrip() if is_first else child))
        else:
            written.append(_inline(child, depth))
        is_first = isinstance(child, Node) and child.tag == "br"
    return "".join(written)


def _words(text: str) -> str:
    return f"#{quoted(_WHITE.sub(' ', text))}" if text else ""


def _inline(node: Node, depth: int) -> str:
    match node.tag:
        case "br":
            return "#linebreak()"
        case "input":
            return '#"☑"' if "checked" in node.attributes else '#"☐"'
        case "code":
            return _code(node.text, "", block=False)
        case "span" if "math" in node.classes:
            return _code(node.text, "", block=False)
        case "a" if "footnote-back" in node.classes:
            return ""
        case "a" if address := address_of(node):
            return f"#link({quoted(address)})[{_line(node.children, depth)}]"
        case tag if tag in _INLINE and depth < MOST_NESTED:
            return f"#{_INLINE[tag]}[{_line(node.children, depth + 1)}]"
        case _:
            return _line(node.children, depth)


def _code(text: str, language: str, *, block: bool) -> str:
    coloured = language and len(text) <= COLOURED_CODE_CHARS and _LANGUAGE.match(language)
    lang = f"lang: {quoted(language)}, " if coloured else ""
    return f"#raw(block: {'true' if block else 'false'}, {lang}{quoted(text)})"
