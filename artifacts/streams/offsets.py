"""Places in a Durable Stream: its offsets, the chunks that its text falls into, and the cursors of whoever waits.

Pure: time comes in, in seconds since 1970.
"""

from __future__ import annotations

import re
from zlib import crc32

CHUNK_CHARS = 65_536
"""A chunk begins at a multiple of this. A full one never changes, and has an address at which everybody reads it."""
TICK_S = 0.5
"""Whoever waits is answered at the next of these moments: so all of them get the same text, and go on alike."""
CURSORS_SINCE = 1_728_432_000
"""The protocol's own beginning of time: 9 October 2024, UTC."""
LONGEST_JUMP_S = 3_600

_OFFSET = re.compile(r"[0-9]{16}")


class BadOffset(Exception):
    """Not an offset of any stream here."""


def offset_token(place: int) -> str:
    """The place as the protocol has it: a string that sorts as the number does. Code points, so none is ever split."""
    return f"{place:016}"


def parse_offset(token: str) -> int | None:
    """The place; None for `now`. Raises `BadOffset`."""
    if token == "now":
        return None
    if token == "-1":
        return 0
    if not _OFFSET.fullmatch(token):
        raise BadOffset
    return int(token)


def chunk_end(place: int) -> int:
    """Where the chunk of that place ends."""
    return (place // CHUNK_CHARS + 1) * CHUNK_CHARS


def tick(now: float) -> int:
    """The number of the present tick."""
    return int(now // TICK_S)


def next_tick(now: float) -> float:
    """When the next one begins."""
    return (tick(now) + 1) * TICK_S


def next_cursor(now: float, said: str) -> str:
    """The number of the present tick; one that is greater than what a client said, and the same for all who said it.

    So nobody goes round in circles between the answers that a cache keeps.
    """
    current = int((now - CURSORS_SINCE) // TICK_S)
    if re.fullmatch(r"[0-9]{1,18}", said) and int(said) >= current:
        current = int(said) + 1 + crc32(said.encode()) % int(LONGEST_JUMP_S / TICK_S)
    return str(current)
