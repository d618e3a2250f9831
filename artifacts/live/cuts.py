"""Cuts what is too long for one frame: text by characters and bytes, a page between its fragments. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from artifacts.live.protocol import FRAME_BYTES, AnyFrame, Frame, as_json, frame_of, size_of
from artifacts.live.rendered import Page


def text_frame(make: Callable[[str], AnyFrame], text: str, begin: int) -> Frame:
    """The frame of a beginning of `text`, which begins at `begin`: all of it, or half of it as often as it takes.

    A character is up to six bytes (an escape), and a snapshot carries the state too.
    """
    while True:
        frame = frame_of(as_json(make(text)), offset=begin + len(text))
        if frame.size <= FRAME_BYTES or len(text) <= 1:
            return frame
        text = text[: len(text) // 2]


def page_frame(envelope: Mapping[str, object], page: Page, first: int, *, floor: int, may_be_empty: bool) -> Frame:
    """The frame with as many fragments from `first` on as fit, and with the tail where that was all of them.

    A fragment, or the tail, that is larger than a frame gets one to itself: beside nothing else, and not beside the
    state of a snapshot, which `may_be_empty`. The offset grows from part to part, from `floor` up to what the page
    shows, so that a viewer can acknowledge each.
    """
    bare = as_json({**envelope, "offset": page.length, "fragments": [], "tail": "", "more": True})
    pieces, room = _that_fit(islice(page.fragments, first, None), FRAME_BYTES - size_of(bare), may_be_empty)
    upto, tail = first + len(pieces), as_json(page.tail)
    is_alone = not pieces and not may_be_empty
    more = upto < len(page.fragments) or not (is_alone or not page.tail or size_of(tail) <= room)
    offset = max(floor, page.length * upto // (len(page.fragments) + 1)) if more else page.length
    head = as_json({**envelope, "offset": offset}).removesuffix("}")
    end = '"","more":true' if more else tail
    text = f'{head},"fragments":[{",".join(pieces)}],"tail":{end}}}'
    return frame_of(text, offset=offset, upto=upto, more=more)


def _that_fit(fragments: Iterable[str], room: int, may_be_none: bool) -> tuple[list[str], int]:
    """The first fragments, encoded, and the room that they leave; at least one unless there `may_be_none`."""
    pieces = list[str]()
    for fragment in fragments:
        piece = as_json(fragment)
        size = size_of(piece) + 1
        if size > room and (pieces or may_be_none):
            break
        pieces.append(piece)
        room -= size
    return pieces, room
