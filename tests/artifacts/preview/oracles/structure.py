"""The structure of a document, as cmark-gfm sees it and as the preview's HTML shows it, in one form to compare."""

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from cmarkgfm import _cmark, cmark

# One entry: the containers it stands in, what it is, its text.
Entry = tuple[str, str, str]

_SPACE = re.compile(r"\s+")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_VOID = frozenset(("br", "hr", "input", "img"))
_MARKUP = {"emph": "em", "strong": "strong", "strikethrough": "del", "link": "a"}
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_TABLE = ("table", "thead", "tbody", "tr", "th", "td")
_BLOCKS = frozenset(
    (*_HEADINGS, *_TABLE, "p", "hr", "blockquote", "ul", "ol", "li", "pre", "details", "summary", "section")
)


def _marked(name: str, text: str) -> Iterator[str]:
    """Inline markup counts too: its name stands around its text."""
    yield f"\N{LEFT-POINTING ANGLE BRACKET}{name} {text}\N{RIGHT-POINTING ANGLE BRACKET}"


_MARKED = re.compile("\N{LEFT-POINTING ANGLE BRACKET}\\w+ |\N{RIGHT-POINTING ANGLE BRACKET}")


def _words(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


# -- cmark-gfm; its Python package shows HTML only, so the tree is walked in the library itself

_library = ctypes.CDLL(_cmark.__file__)
_POINTER, _STRING, _NUMBER = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
for _name, _result in (
    ("cmark_parser_new", _POINTER),
    ("cmark_parser_finish", _POINTER),
    ("cmark_find_syntax_extension", _POINTER),
    ("cmark_node_first_child", _POINTER),
    ("cmark_node_next", _POINTER),
    ("cmark_node_get_type_string", _STRING),
    ("cmark_node_get_literal", _STRING),
    ("cmark_node_get_url", _STRING),
    ("cmark_node_get_fence_info", _STRING),
    ("cmark_node_get_heading_level", _NUMBER),
    ("cmark_node_get_list_type", _NUMBER),
    ("cmark_node_get_list_start", _NUMBER),
    ("cmark_node_get_list_tight", _NUMBER),
):
    getattr(_library, _name).restype = _result


def _ask(name: str, node: int) -> Any:
    return getattr(_library, f"cmark_{name}")(_POINTER(node))


def _children(node: int) -> Iterator[int]:
    child = _ask("node_first_child", node)
    while child:
        yield child
        child = _ask("node_next", child)


def _kind(node: int) -> str:
    kind: bytes = _ask("node_get_type_string", node)
    return kind.decode()


def _said(node: int, name: str) -> str:
    value: bytes | None = _ask(name, node)
    return (value or b"").decode("utf-8", "replace")


def github_entries(text: str) -> list[Entry]:
    """What cmark-gfm makes of a text, with GitHub's extensions."""
    _library.cmark_gfm_core_extensions_ensure_registered()
    options = cmark.Options.CMARK_OPT_FOOTNOTES | cmark.Options.CMARK_OPT_UNSAFE
    parser = _library.cmark_parser_new(_NUMBER(options))
    for extension in (b"table", b"strikethrough", b"autolink", b"tasklist"):
        found = _library.cmark_find_syntax_extension(extension)
        _library.cmark_parser_attach_syntax_extension(_POINTER(parser), _POINTER(found))
    source = text.encode()
    _library.cmark_parser_feed(_POINTER(parser), source, ctypes.c_size_t(len(source)))
    root = _library.cmark_parser_finish(_POINTER(parser))
    entries: list[Entry] = []
    _walk(root, "", entries)
    _library.cmark_node_free(_POINTER(root))
    _library.cmark_parser_free(_POINTER(parser))
    return entries


def _walk(node: int, path: str, entries: list[Entry], *, tight: bool = False) -> None:
    for child in _children(node):
        kind = _kind(child)
        if kind == "paragraph":
            entries.append((path, "tight" if tight else "p", _inline_text(child)))
        elif kind == "heading":
            if words := _inline_text(child):
                entries.append((path, f"h{_ask('node_get_heading_level', child)}", words))
        elif kind == "code_block":
            entries.append((path, "pre", _said(child, "node_get_literal").rstrip("\n")))
        elif kind == "html_block":
            if words := _words(_COMMENT.sub("", _said(child, "node_get_literal"))):
                entries.append((path, "html", words))
        elif kind == "thematic_break":
            entries.append((path, "hr", ""))
        elif kind == "block_quote":
            _walk(child, f"{path} quote", entries)
        elif kind == "list":
            ordered = _ask("node_get_list_type", child) == 2
            name = f"ol{_ask('node_get_list_start', child)}" if ordered else "ul"
            entries.append((path, name, ""))
            _walk(child, f"{path} {name}", entries, tight=bool(_ask("node_get_list_tight", child)))
        elif kind in ("item", "tasklist"):
            entries.append((path, "task" if kind == "tasklist" else "li", ""))
            _walk(child, f"{path} li", entries, tight=tight)
        elif kind == "table":
            entries.append((path, "table", ""))
            for row in _children(child):
                head = _kind(row) == "table_header"
                entries += [(f"{path} table", "th" if head else "td", _inline_text(cell)) for cell in _children(row)]
        else:
            _walk(child, f"{path} note", entries)


def _inline_text(node: int) -> str:
    return _words("".join(_inline_pieces(node)))


def _inline_pieces(node: int) -> Iterator[str]:
    for child in _children(node):
        kind = _kind(child)
        if kind in ("softbreak", "linebreak"):
            yield " "
        elif kind == "html_inline":
            literal = _said(child, "node_get_literal")
            yield " " if _BREAK.fullmatch(literal) else _COMMENT.sub("", literal)
        elif kind == "image":
            alt = _MARKED.sub("", "".join(_inline_pieces(child)))
            yield alt or _said(child, "node_get_url")
        elif kind == "text":
            yield _said(child, "node_get_literal")
        elif kind == "code":
            yield from _marked("code", _said(child, "node_get_literal"))
        elif kind == "<unknown>":
            yield "[note]"
        else:
            yield from _marked(_MARKUP[kind], "".join(_inline_pieces(child)))


# -- the preview's HTML


@dataclass
class Node:
    """An element; its children are elements and strings."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list["Node | str"] = field(default_factory=list)

    def text(self) -> str:
        if self.tag == "br":
            return " "
        if self.tag == "sup":
            return "[note]"
        if self.attributes.get("class") == "footnote-back":
            return ""
        text = "".join(child if isinstance(child, str) else child.text() for child in self.children)
        if self.tag in ("em", "strong", "del", "code", "a") and self.attributes.get("class") != "image":
            return "".join(_marked(self.tag, text))
        return text


def _letters(node: Node) -> Iterator[str]:
    for child in node.children:
        if isinstance(child, str):
            yield child
        else:
            yield from _letters(child)


class _TreeParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("root")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in _VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1].tag != tag:
            raise ValueError(f"</{tag}> closes <{self.open[-1].tag}>")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def tree(html: str) -> Node:
    """The HTML as a tree; HTML that is not well nested is an error."""
    parser = _TreeParser()
    parser.feed(html)
    parser.close()
    if len(parser.open) != 1:
        raise ValueError(f"<{parser.open[-1].tag}> is not closed")
    return parser.open[0]


def preview_entries(html: str) -> list[Entry]:
    """What the preview's HTML shows."""
    entries: list[Entry] = []
    _walk_html(tree(html), "", entries)
    return entries


def _elements(node: Node) -> Iterator[Node]:
    return (child for child in node.children if isinstance(child, Node))


def _walk_html(node: Node, path: str, entries: list[Entry]) -> None:
    run: list[str] = []
    for child in node.children:
        if isinstance(child, str):
            run.append(child)
        elif child.tag not in _BLOCKS:
            run.append(child.text())
        else:
            _end_run(run, path, entries)
            _block(child, path, entries)
    _end_run(run, path, entries)


def _end_run(run: list[str], path: str, entries: list[Entry]) -> None:
    if words := _words("".join(run)):
        entries.append((path, "tight", words))
    run.clear()


def _block(node: Node, path: str, entries: list[Entry]) -> None:
    tag = node.tag
    if tag == "p":
        kind = "html" if node.attributes.get("class") == "raw-html" else "p"
        if words := _words(node.text()):
            entries.append((path, kind, words))
    elif tag in ("h1", "h2", "h3", "h4", "h5", "h6", "th", "td", "summary"):
        entries.append((path, tag, _words(node.text())))
    elif tag == "hr":
        entries.append((path, "hr", ""))
    elif tag == "pre":
        code = next(_elements(node), node)
        entries.append((path, "pre", "".join(_letters(code)).rstrip("\n")))
    elif tag in ("ul", "ol"):
        name = "ul" if tag == "ul" else f"ol{node.attributes.get('start') or 1}"
        entries.append((path, name, ""))
        _walk_html(node, f"{path} {name}", entries)
    elif tag == "li":
        entries.append((path, "task" if node.attributes.get("class") == "task-list-item" else "li", ""))
        _walk_html(node, f"{path} li", entries)
    elif tag == "table":
        entries.append((path, "table", ""))
        _walk_html(node, f"{path} table", entries)
    elif tag == "section":
        for note in _elements(next(_elements(node))):
            _walk_html(note, f"{path} note", entries)
    elif tag in ("thead", "tbody", "tr", "details"):
        _walk_html(node, path, entries)
    else:
        _walk_html(node, f"{path} quote", entries)
