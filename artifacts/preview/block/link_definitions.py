"""Link definitions, `[label]: address "title"`, and what they share with links: labels, addresses, titles, entities.

Says what they look like and how labels are compared. Keeps nothing.
"""

import re
from dataclasses import dataclass
from html.entities import html5

from artifacts.preview.block.lines import shown

LABEL_MAX = 999
ADDRESS_PARENTHESES = 32
MAX_CHARACTER = 0x10FFFF

_LABEL = re.compile(rf"\[((?:[^\\\[\]]|\\.){{1,{LABEL_MAX}}}+)\]", re.DOTALL)
_GAP = re.compile(r"[ \t]*+(?:\n[ \t]*+)?")
_ANGLED = re.compile(r"<((?:[^<>\n\\]|\\.)*+)>")
_PLAIN_PIECE = re.compile(r"(?:[^\\()\x00- \x7f]|\\[!-/:-@\[-`{-~]|\\)++")
_TITLE = re.compile(r'"((?:[^"\\]|\\.)*+)"|\'((?:[^\'\\]|\\.)*+)\'|\(((?:[^()\\]|\\.)*+)\)', re.DOTALL)
_LINE_END = re.compile(r"[ \t]*+(?:\n|\Z)")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_ESCAPED_OR_ENTITY = re.compile(rf"\\([!-/:-@\[-`{{-~])|{_ENTITY.pattern}")
_SPACE = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """Where a label leads."""

    address: str
    title: str | None
    line: int = 0  # of the document, where it was read


def label_key(label: str) -> str:
    """Two labels are the same when their keys are."""
    return _SPACE.sub(" ", label.strip(" \t\r\n")).casefold()


def entity_at(text: str, start: int) -> str:
    """The entity that begins here, as it is written; nothing if there is none."""
    found = _ENTITY.match(text, start)
    return found[0] if found else ""


def entity(source: str) -> str:
    """The character of an entity, `source` itself when there is none such."""
    if source[1] != "#":
        return html5.get(source[1:], source)
    number = int(source[3:-1], 16) if source[2] in "xX" else int(source[2:-1])
    character = chr(number) if number <= MAX_CHARACTER else "\ufffd"
    return shown(character)


def plain(source: str) -> str:
    """An address, a title or an info string without its backslashes and entities."""
    if "\\" not in source and "&" not in source:
        return source
    return _ESCAPED_OR_ENTITY.sub(lambda match: match[1] or entity(match[0]), source)


def address_at(text: str, start: int) -> tuple[str, int] | None:
    """The address that begins here and where it ends."""
    if text.startswith("<", start):
        match = _ANGLED.match(text, start)
        return (match[1], match.end()) if match else None
    depth, index = 0, start
    while True:
        match = _PLAIN_PIECE.match(text, index)
        if match:
            index = match.end()
        character = text[index : index + 1]
        if character == "(":
            depth += 1
            if depth > ADDRESS_PARENTHESES:
                return None
        elif character == ")" and depth:
            depth -= 1
        else:
            break
        index += 1
    return (text[start:index], index) if index > start and not depth else None


def title_at(text: str, start: int) -> tuple[str, int] | None:
    """The quoted title that begins here and where it ends."""
    match = _TITLE.match(text, start)
    if match is None or "\n\n" in match[0]:
        return None
    return (match[1] or match[2] or match[3] or "", match.end())


def gap_end(text: str, start: int) -> int:
    """The end of the white space that begins here, at most one line end in it."""
    match = _GAP.match(text, start)
    return match.end() if match else start


def definition_at(text: str, start: int) -> tuple[str, Definition, int] | None:
    """The label's key, the definition that begins here and where it ends (behind its line end)."""
    label = _LABEL.match(text, start)
    if label is None or not text.startswith(":", label.end()) or not label[1].strip(" \t\n"):
        return None
    address = address_at(text, gap_end(text, label.end() + 1))
    if address is None:
        return None
    title, end = None, _LINE_END.match(text, address[1])
    after = gap_end(text, address[1])
    if after > address[1] and (found := title_at(text, after)):
        title_end = _LINE_END.match(text, found[1])
        if title_end:
            title, end = plain(found[0]), title_end
    if end is None:
        return None
    return label_key(label[1]), Definition(address=plain(address[0]), title=title), end.end()
