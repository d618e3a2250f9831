"""The text that is streamed: plain words, and marks that say when they were written."""

from __future__ import annotations

import re
import time

FILL = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa. " * 60
MARK = re.compile(r"@@(\d{19}) ")
MARK_CHARS = 22


def marked(chars: int, number: int) -> str:
    """So many characters, 22 at least, that begin with the time of their making; each is another text."""
    mark = f"@@{time.monotonic_ns():019d} "
    return mark + plain(chars - MARK_CHARS, number) if chars > MARK_CHARS else mark


def plain(chars: int, number: int) -> str:
    begin = number * 7 % 97
    return (FILL[begin:] * (1 + chars // (len(FILL) - 97)))[:chars]
