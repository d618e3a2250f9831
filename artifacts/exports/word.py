"""A document for Word and its kin. The only file that knows python-docx, which brings the styles and packs the parts.

The body is written as one text and read once: paragraph by paragraph through the library costs many times as much.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import docx
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from artifacts.exports.properties import FileProperties
from artifacts.exports.tree import Node, address_of, is_right_to_left, runs, start_of, storable, table_of

PRODUCT = "streamgen"
LEVELS = 9
"""Word's lists are no deeper; what is deeper stands at the last level."""
TWIPS_A_LEVEL = 360
MOST_LINKS = 2_000
"""The library looks through all links for each new one; those behind are text."""
_WHITE = re.compile(r"[ \t\r\n]+")
_BULLETS, _NUMBERS, _TASKS = 101, 102, 103
_PROPERTIES = {
    "code": '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas"/><w:noProof/>',
    "strong": "<w:b/><w:bCs/>",
    "em": "<w:i/><w:iCs/>",
    "del": "<w:strike/>",
    "link": '<w:color w:val="1D4F91"/><w:u w:val="single"/>',
    "small": '<w:sz w:val="18"/><w:szCs w:val="18"/>',
    "sup": '<w:vertAlign w:val="superscript"/>',
    "rtl": "<w:rtl/>",
}
"""Of a run, each mark's."""
_ORDER = ("rFonts", "b", "bCs", "i", "iCs", "strike", "noProof", "color", "sz", "szCs", "u", "vertAlign", "rtl")
"""The order in which the format wants them."""
_PROPERTY = re.compile(r"<w:(\w+)[^>]*/>")
_NONE = frozenset[str]()
_SHADED = '<w:shd w:val="clear" w:color="auto" w:fill="F4F4F4"/>'
_RULE = '<w:pBdr><w:bottom w:val="single" w:sz="6" w:space="1" w:color="BEBEBE"/></w:pBdr>'
_BORDERS = "".join(
    f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="BEBEBE"/>'
    for side in ("top", "left", "bottom", "right", "insideH", "insideV")
)


@dataclass(frozen=True, kw_only=True)
class BlockPlace:
    """Where a block stands: how far indented, and in which list as the first block of an item."""

    level: int = 0
    numbering: int = 0
    list_level: int = -1
    marks: frozenset[str] = _NONE


def word_file(properties: FileProperties, body: Node) -> bytes:
    title = storable(properties.title)
    document = docx.Document()
    _describe(document.core_properties, properties)
    writer = _WordBody(lambda url: document.part.relate_to(url, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
    paragraphs = writer.paragraph([title], style="Title") + writer.blocks(body.children, BlockPlace())
    numbering: Any = document.part.numbering_part.element
    for definition in parse_xml(f"<w:numbering {nsdecls('w')}>{_ABSTRACT}</w:numbering>"):
        numbering.insert(0, definition)  # all of them stand before the lists that use them
    for number in parse_xml(f"<w:numbering {nsdecls('w')}>{''.join(writer.lists)}</w:numbering>"):
        numbering.append(number)
    parsed = parse_xml(f"<w:body {nsdecls('w', 'r')}>{paragraphs}</w:body>")
    section = document.element.body[-1]
    for element in list(parsed):
        section.addprevious(element)
    packed = io.BytesIO()
    document.save(packed)
    return _dated(packed, document.core_properties.modified)


def _dated(packed: io.BytesIO, at: datetime) -> bytes:
    """The same with the document's time at each part, not that of its packing: the same document is the same file."""
    dated = io.BytesIO()
    with zipfile.ZipFile(packed) as parts, zipfile.ZipFile(dated, "w") as archive:
        for part in parts.infolist():
            entry = zipfile.ZipInfo(part.filename, at.timetuple()[:6])
            archive.writestr(entry, parts.read(part), part.compress_type)
    return dated.getvalue()


def _describe(core: Any, properties: FileProperties) -> None:
    """The library's template has its own author, and was made in 2013."""
    core.title, core.subject = properties.line("title"), properties.line("subject")
    core.author = core.last_modified_by = properties.line("author") or PRODUCT
    core.comments, core.keywords, core.revision = "", "", 1
    now = datetime.now(UTC).replace(microsecond=0)
    core.created = (properties.time("created") or now).replace(tzinfo=None)
    core.modified = (properties.time("modified") or now).replace(tzinfo=None)


class _WordBody:
    """The body as WordprocessingML; `lists` are the definitions of the lists that it uses."""

    def __init__(self, relate: Callable[[str], str]) -> None:
        self.lists: list[str] = []
        self._relate = relate
        self._links: dict[str, str] = {}

    def blocks(self, children: list[Node | str], place: BlockPlace) -> str:
        written = list[str]()
        for one in runs(children):
            written.append(self.block(one, place) if isinstance(one, Node) else self.paragraph(one, place))
            place = replace(place, numbering=0)  # only the first block of an item has its number
        return "".join(written)

    def block(self, node: Node, place: BlockPlace) -> str:
        match node.tag:
            case "p" if "math" in node.classes:
                return self._code(node.text, place)
            case "p" | "summary":
                bold = frozenset(("strong",)) if node.tag == "summary" else _NONE
                return self.paragraph(node.children, replace(place, marks=place.marks | bold))
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                return self.paragraph(node.children, place, style=f"Heading{node.tag[1]}")
            case "hr":
                return f"<w:p><w:pPr>{_RULE}</w:pPr></w:p>"
            case "pre":
                return self._code(node.text.removesuffix("\n"), place)
            case "blockquote":
                return self.blocks(node.children, replace(place, level=place.level + 1))
            case "ul" | "ol":
                return self._list(node, place)
            case "table":
                return self._table(node)
            case "section":
                return f"<w:p><w:pPr>{_RULE}</w:pPr></w:p>" + self.blocks(
                    node.children, replace(place, marks=frozenset(("small",)))
                )
            case _:
                return self.blocks(node.children, place)

    def paragraph(
        self, children: list[Node | str], place: BlockPlace | None = None, *, style: str = "", align: str = ""
    ) -> str:
        place = place or BlockPlace()
        is_rtl = is_right_to_left(Node(tag="p", children=children).text)
        own = f'<w:pStyle w:val="{style}"/>' if style else ""
        if place.numbering:
            level = min(place.list_level, LEVELS - 1)
            own += f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{place.numbering}"/></w:numPr>'
        own += "<w:bidi/>" if is_rtl else ""
        own += "" if place.numbering else _indented(place)
        own += f'<w:jc w:val="{align}"/>' if align else ""
        return f"<w:p><w:pPr>{own}</w:pPr>{self._line(children, place.marks | ({'rtl'} if is_rtl else set()))}</w:p>"

    def _line(self, children: list[Node | str], marks: frozenset[str]) -> str:
        return "".join(
            _run(_WHITE.sub(" ", child), marks) if isinstance(child, str) else self._inline(child, marks)
            for child in children
        )

    def _inline(self, node: Node, marks: frozenset[str]) -> str:
        match node.tag:
            case "br":
                return "<w:r><w:br/></w:r>"
            case "input":
                return _run("☑" if "checked" in node.attributes else "☐", marks)
            case "code":
                return _run(node.text, marks | {"code"})
            case "span" if "math" in node.classes:
                return _run(node.text, marks | {"code"})
            case "a" if "footnote-back" in node.classes:
                return ""
            case "a" if address := address_of(node):
                inside = self._line(node.children, marks | {"link"})
                number = self._link(address)
                return f"<w:hyperlink r:id={quoteattr(number)}>{inside}</w:hyperlink>" if number else inside
            case "strong" | "em" | "del" | "sup":
                return self._line(node.children, marks | {node.tag})
            case _:
                return self._line(node.children, marks)

    def _link(self, address: str) -> str:
        if address not in self._links and len(self._links) < MOST_LINKS:
            self._links[address] = self._relate(address)
        return self._links.get(address, "")

    def _code(self, text: str, place: BlockPlace) -> str:
        lines = text.replace("\r", "").split("\n")
        content = "<w:r><w:br/></w:r>".join(_run(line, frozenset(("code",))) for line in lines)
        return f'<w:p><w:pPr>{_SHADED}<w:bidi w:val="0"/>{_indented(place)}<w:jc w:val="left"/></w:pPr>{content}</w:p>'

    def _list(self, node: Node, place: BlockPlace) -> str:
        """Each list has a definition of its own, else the second would go on counting where the first ended."""
        number = len(self.lists) + 1_001
        kind = _NUMBERS if node.tag == "ol" else _TASKS if "task-list" in node.classes else _BULLETS
        level = place.list_level + 1
        start = f'<w:startOverride w:val="{start_of(node)}"/>'
        override = (
            f'<w:lvlOverride w:ilvl="{min(level, LEVELS - 1)}">{start}</w:lvlOverride>' if node.tag == "ol" else ""
        )
        self.lists.append(f'<w:num w:numId="{number}"><w:abstractNumId w:val="{kind}"/>{override}</w:num>')
        inside = replace(place, numbering=number, list_level=level, level=place.level + 1)
        return "".join(
            self.blocks(item.children, inside) or self.paragraph([""], inside)
            for item in node.elements
            if item.tag == "li"
        )

    def _table(self, node: Node) -> str:
        head, body = table_of(node)
        columns = max((len(row) for row in (*head, *body)), default=0)
        if not columns:
            return ""
        rows = [self._row(row, is_head=True) for row in head] + [self._row(row, is_head=False) for row in body]
        grid = "<w:gridCol/>" * columns
        properties = f'<w:tblPr><w:tblW w:w="0" w:type="auto"/><w:tblBorders>{_BORDERS}</w:tblBorders></w:tblPr>'
        # A paragraph behind it, else two tables in a row would become one.
        return f"<w:tbl>{properties}<w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl><w:p/>"

    def _row(self, cells: list[Node], *, is_head: bool) -> str:
        place = BlockPlace(marks=frozenset(("strong",)) if is_head else _NONE)
        aligns = [cell.attributes.get("align", "") for cell in cells]
        written = "".join(
            f"<w:tc>{self.paragraph(cell.children, place, align=align)}</w:tc>"
            for cell, align in zip(cells, aligns, strict=True)
        )
        return f"<w:tr>{'<w:trPr><w:tblHeader/></w:trPr>' if is_head else ''}{written}</w:tr>"


def _indented(place: BlockPlace) -> str:
    return f'<w:ind w:left="{place.level * TWIPS_A_LEVEL}"/>' if place.level else ""


def _run(text: str, marks: frozenset[str]) -> str:
    return f'<w:r>{_run_properties(marks)}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>' if text else ""


@cache
def _run_properties(marks: frozenset[str]) -> str:
    found = [one for mark in marks for one in _PROPERTY.finditer(_PROPERTIES[mark])]
    return f"<w:rPr>{''.join(one[0] for one in sorted(found, key=lambda one: _ORDER.index(one[1])))}</w:rPr>"


def _abstract(number: int, kind: str, texts: list[str]) -> str:
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/>'
        '<w:lvlJc w:val="left"/>'
        f'<w:pPr><w:ind w:left="{(level + 1) * TWIPS_A_LEVEL}" w:hanging="{TWIPS_A_LEVEL}"/></w:pPr></w:lvl>'
        for level, text in enumerate(texts)
    )
    return f'<w:abstractNum w:abstractNumId="{number}"><w:multiLevelType w:val="multilevel"/>{levels}</w:abstractNum>'


_ABSTRACT = "".join(
    (
        _abstract(_BULLETS, "bullet", [("•", "◦", "▪")[level % 3] for level in range(LEVELS)]),
        _abstract(_NUMBERS, "decimal", [f"%{level + 1}." for level in range(LEVELS)]),
        _abstract(_TASKS, "none", [""] * LEVELS),
    )
)
