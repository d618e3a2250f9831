"""The query of a websocket's address: the format, and the cursor to go on from. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from artifacts.live.close_codes import (
    BAD_FORMAT,
    SocketRefused,
)
from artifacts.live.replica import Cursor
from artifacts.live.viewer import Format


def parse_query(query: bytes) -> tuple[Format, Cursor | None]:
    """Format and cursor; a malformed or half cursor is none. Raises `SocketRefused` for another format."""
    try:
        fields = parse_qs(query.decode("latin-1"), max_num_fields=20)
    except ValueError:
        fields = {}
    shows = fields.get("format", ["text"])[-1]
    if shows not in ("text", "html"):
        raise SocketRefused(BAD_FORMAT)
    numbers = [fields.get(name, [""])[-1] for name in ("epoch", "offset")]
    if not all(re.fullmatch(r"[0-9]{1,12}", number) for number in numbers):
        return ("text" if shows == "text" else "html"), None
    return ("text" if shows == "text" else "html"), Cursor(epoch=int(numbers[0]), offset=int(numbers[1]))
