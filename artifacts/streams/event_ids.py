"""The ids of server-sent events: which cursor a reader stands at, so that it goes on by its last one; and their bytes.

Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from artifacts.live.replica import Cursor

_ID = re.compile(r"([0-9]{1,12}):([0-9]{1,12})(:end)?")


class EventId(NamedTuple):
    """`EPOCH:OFFSET`, and `:end` behind it where the reader has everything, the `end` frame too."""

    cursor: Cursor
    is_end: bool = False

    def __str__(self) -> str:
        return f"{self.cursor.epoch}:{self.cursor.offset}{':end' if self.is_end else ''}"


def parse_event_id(said: str) -> EventId | None:
    """None where it is none of ours: then everything comes."""
    found = _ID.fullmatch(said)
    return found and EventId(Cursor(epoch=int(found[1]), offset=int(found[2])), is_end=found[3] is not None)


def event(event_id: EventId | None, payload: bytes) -> bytes:
    """One event, as it travels. JSON escapes line ends, so a frame is one line."""
    line = b"data: " + payload + b"\n\n"
    return f"id: {event_id}\n".encode() + line if event_id else line
