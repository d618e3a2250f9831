"""The gate: HTML in, HTML that may be shown out. The only file that knows bleach."""

import re
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from bleach.html5lib_shim import Filter  # type: ignore[attr-defined]  # the shim has no types
from bleach.sanitizer import Cleaner

from artifacts.preview.block_tags import BLOCK_TAGS

REL = "noopener noreferrer nofollow"
SCHEMES = frozenset(("http", "https", "mailto"))
REMEMBERED_CHARS = 2_000
SANITISE_STEP_CHARS = 32_768  # that are looked at without a pause

_INLINE = ("a", "br", "code", "del", "em", "span", "strong", "sup")
_TAGS = frozenset((*_INLINE, *BLOCK_TAGS, "input"))
_CLASSES = frozenset(("task-list", "task-list-item", "footnote-ref", "reference", "raw-html", "plain", "image", "math"))
_ID = re.compile(r"(?:doc|fnref)-[^\s\"'<>&]{1,200}")
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+")


def safe_address(address: str) -> bool:
    """Does this address lead to a place, never to a program?"""
    bare = _IGNORED.sub("", address)
    scheme, colon, _ = bare.partition(":")
    if not colon or any(mark in scheme for mark in "/?#"):
        return True
    return scheme.lower() in SCHEMES


def _allowed(tag: str, name: str, value: str) -> bool:
    """May this tag have this attribute with this value?"""
    match tag, name:
        case "a", "href":
            return safe_address(value)
        case "a", "title":
            return True
        case "input", "type":
            return value == "checkbox"
        case ("input", "disabled" | "checked") | ("details", "open"):
            return True
        case "ol", "start":
            return _NUMBER.fullmatch(value) is not None
        case "th" | "td", "align":
            return value in ("left", "right", "center")
        case "pre", "data-code":
            return _NUMBER.fullmatch(value) is not None
        case _, "class":
            return value in _CLASSES
        case (("h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "li" | "a"), "id"):
            return _ID.fullmatch(value) is not None
    return False


# The tags of blocks carry nothing of the document but a number or a heading's id: they are read exactly as they are
# written here, and what stands between them is cleaned piece by piece.
_BLOCK_TAG = re.compile(
    rf"""(</?(?:{"|".join(BLOCK_TAGS)})>
    |<h[1-6]\ id="doc-[\w-]+">|<ol\ start="\d{{1,9}}">|<t[hd]\ align="(?:left|right|center)">
    |<ul\ class="task-list">|<ol\ class="task-list"(?:\ start="\d{{1,9}}")?>|<li\ class="task-list-item">
    |<p\ class="(?:raw-html|math)">|<pre\ class="plain">|<pre\ data-code="\d{{1,9}}">|<details\ open>
    |<input(?:\ checked)?\ disabled\ type="checkbox">)""",
    re.VERBOSE,
)
# Escaped text and tags without attributes: cleaning would give this back as it is.
_PAIRS = {f"<{tag}>": f"</{tag}>" for tag in ("code", "del", "em", "strong")} | {"<span ": "</span>"}
_SPAN = '<span class="(?:reference|math)">'
_CLEAN = re.compile(rf"(?:[^<>&]|&(?:amp|lt|gt|quot);|</?(?:code|del|em|strong)>|{_SPAN}|</span>|<br>)*+")
# A piece with any other tag was cut at the wrong places: then all is cleaned as one.
_NOT_INLINE = re.compile(rf"<(?!/?(?:{'|'.join(_INLINE)})[ >])")


class _Rel(Filter):  # type: ignore[misc]
    """Every link that leaves the document says so; a link without an address is none."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for token in super().__iter__():
            if token["type"] == "StartTag" and token["name"] == "a":
                address = token["data"].get((None, "href"), "#")
                if not address.startswith("#"):
                    token["data"][(None, "rel")] = REL
            yield token


class _Cleaners(threading.local):
    """A cleaner keeps its state in itself: one for each thread."""

    def __init__(self) -> None:
        self.one = Cleaner(tags=_TAGS, attributes=_allowed, protocols=SCHEMES, filters=[_Rel])


_cleaners = _Cleaners()


def sanitise(html: str) -> str:
    """The HTML with nothing in it but what the allow-list knows."""
    pieces = _split(html)
    if not _well_nested(pieces[1::2]):
        return cleaned(html)
    for place in range(0, len(pieces), 2):
        piece = pieces[place]
        if _is_clean(piece) and all(piece.count(tag) == piece.count(end) for tag, end in _PAIRS.items()):
            continue
        if _NOT_INLINE.search(piece):
            return cleaned(html)
        pieces[place] = _remembered(piece) if len(piece) <= REMEMBERED_CHARS else cleaned(piece)
    return "".join(pieces)


def _split(html: str) -> list[str]:
    """Pieces and block tags in turn. One tag at a time: while an expression runs, nothing else does."""
    pieces, place = list[str](), 0
    for tag in _BLOCK_TAG.finditer(html):
        pieces += [html[place : tag.start()], tag[0]]
        place = tag.end()
    return [*pieces, html[place:]]


def _is_clean(piece: str) -> bool:
    place = 0
    while place < len(piece):
        found = _CLEAN.match(piece, place, place + SANITISE_STEP_CHARS)
        if found is None or found.end() == place:
            return False
        place = found.end()
    return True


def _well_nested(tags: list[str]) -> bool:
    open_tags: list[str] = []
    for tag in tags:
        if tag.startswith("</"):
            if not open_tags or open_tags.pop() != tag[2:-1]:
                return False
        elif not tag.startswith(("<hr", "<input")):
            open_tags.append(tag[1:].split(" ", 1)[0].rstrip(">"))
    return not open_tags


def cleaned(html: str) -> str:
    """The HTML as bleach leaves it."""
    return str(_cleaners.one.clean(html))


# The end of a live document is cleaned again and again, and most of it is the same.
_remembered = lru_cache(maxsize=4096)(cleaned)


def forget() -> None:
    """Cleans all anew from here on, as a new process does: for who measures."""
    _remembered.cache_clear()
