"""Cuts the HTML of one large fragment into several that stand by themselves, so that no frame of a viewer is too large.

It knows HTML as the sanitiser leaves it, nothing of Markdown. What is open at a cut is closed there and opened again
behind it, with the class `continued`; every word stays. A beginning is cut the same way whatever follows it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

PIECE_CHARS = 60_000
"""The most a piece has, but for tags that are opened again; one tag is never cut. Four bytes each fit into a frame."""
STEP_CHARS = 1_024  # a text without line ends may be cut so often
REOPENED_CHARS = 2_000  # nothing is cut where this much in tags would be repeated

_TAG = re.compile(r"""<(/?)([a-z][a-z0-9]*)((?:[^"'<>]++|"[^"]*+"|'[^']*+')*+)>""")
_VOID = frozenset(("br", "hr", "input"))
_CONTINUED = frozenset(("p", "pre", "ul", "ol", "li", "table", "blockquote", "details"))  # the blocks that show it
_ID = re.compile(r' id="[^"]*"')
_START = re.compile(r' start="(\d+)"')
_HALF_ENTITY = re.compile(r"&[#\w]{0,31}\Z")


@dataclass(frozen=True, slots=True)
class _Open:
    """An element that is open; of a list, how many items have begun."""

    name: str
    attributes: str
    items: int = 0


_Place = tuple[int, bool, tuple[_Open, ...]]
"""Where the HTML may be cut, whether a line ends there, and what is open."""


def in_pieces(html: str) -> list[str]:
    """The HTML in well-formed pieces, joined as they are; one piece where it is small, none where there is nothing."""
    if len(html) <= PIECE_CHARS:
        return [html] if html else []
    found, begin, head = list[str](), 0, ""
    best: _Place | None = None
    for place in _places(html, _content_end(html)):
        if place[0] - begin > PIECE_CHARS and best is not None:
            found.append(head + html[begin : best[0]] + _closed(best[2]))
            begin, head, best = best[0], _opened_again(best[2], html[best[0]]), None
        if (place[0] - begin) * 2 >= PIECE_CHARS and (best is None or _rank(place) <= _rank(best)):
            best = place
    if best is not None and len(html) - begin > PIECE_CHARS:
        found.append(head + html[begin : best[0]] + _closed(best[2]))
        begin, head = best[0], _opened_again(best[2], html[best[0]])
    return [*found, head + html[begin:]]


def _rank(place: _Place) -> tuple[int, bool]:
    """Best is between blocks that are open in nothing, then at the end of a line."""
    return len(place[2]), not place[1]


def _content_end(html: str) -> int:
    """Where nothing follows any more but ends of elements."""
    end = len(html)
    while html.endswith(">", 0, end) and html.startswith("</", start := html.rfind("<", 0, end)):
        end = start
    return end


def _places(html: str, end: int) -> Iterator[_Place]:
    stack: list[_Open] = []
    place = 0
    for tag in _TAG.finditer(html, 0, end):
        now = tuple(stack)
        if _may_be_repeated(now):
            for at, ends_line in _places_in_text(html, place, tag.start()):
                yield at, ends_line, now
        _step(stack, tag)
        place = tag.end()
        if place < end and _may_be_repeated(stack):
            yield place, False, tuple(stack)
    if _may_be_repeated(stack):
        for at, ends_line in _places_in_text(html, place, end):
            yield at, ends_line, tuple(stack)


def _places_in_text(html: str, begin: int, end: int) -> Iterator[tuple[int, bool]]:
    """After every line, and in long lines after a word, else between two characters; never within an entity."""
    place = begin
    while place < end:
        line = html.find("\n", place, min(end, place + STEP_CHARS)) + 1
        step = line or place + STEP_CHARS
        if step >= end:
            return
        if not line:
            step = html.rfind(" ", place + STEP_CHARS // 2, step) + 1 or step
            if half := _HALF_ENTITY.search(html, step - 32, step):
                step = half.start()
        yield step, bool(line)
        place = step


def _step(stack: list[_Open], tag: re.Match[str]) -> None:
    name = tag[2]
    if tag[1]:
        if stack and stack[-1].name == name:
            stack.pop()
    elif name not in _VOID:
        if name == "li" and stack:
            stack[-1] = replace(stack[-1], items=stack[-1].items + 1)
        stack.append(_Open(name, tag[3]))


def _may_be_repeated(stack: list[_Open] | tuple[_Open, ...]) -> bool:
    return sum(len(element.attributes) for element in stack) <= REOPENED_CHARS


def _closed(elements: tuple[_Open, ...]) -> str:
    return "".join(f"</{element.name}>" for element in reversed(elements))


def _opened_again(elements: tuple[_Open, ...], following: str) -> str:
    """Their tags: without ids, lists go on counting."""
    tags = ""
    for depth, element in enumerate(elements):
        attributes = _ID.sub("", element.attributes)
        if element.name == "ol":
            first = int(start[1]) if (start := _START.search(attributes)) else 1
            in_item = len(elements) > depth + 1  # the item that goes on is counted again
            attributes = f'{_START.sub("", attributes)} start="{first + element.items - in_item}"'
        if element.name in _CONTINUED:
            before, has_class, after = attributes.partition(' class="')
            attributes = f'{before} class="continued{" " if has_class else chr(34)}{after}'
        tags += f"<{element.name}{attributes}>"
    # A browser drops a line break right behind this tag.
    return tags + ("\n" if elements and elements[-1].name == "pre" and following == "\n" else "")
