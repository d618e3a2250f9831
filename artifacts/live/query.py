"""The query of a live address: the format, the cursor to go on from, and how fast to replay. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs

from artifacts.live.close_codes import BAD_FORMAT, BAD_REPLAY, SocketRefused
from artifacts.live.replica import Cursor
from artifacts.live.viewer import Format

SLOWEST, FASTEST = 1.0, 50.0
_NUMBER = re.compile(r"[0-9]{1,12}")
_SPEED = re.compile(r"[0-9]{1,2}(\.[0-9]{1,2})?")


class Viewing(NamedTuple):
    """What a viewer asks for; with a speed it is shown how the text was written, from `begin` or its cursor on."""

    shows: Format = "text"
    cursor: Cursor | None = None
    speed: float | None = None
    begin: int = 0


def parse_query(query: bytes) -> Viewing:
    """A malformed or half cursor is none. Raises `SocketRefused` for another format or speed."""
    try:
        fields = parse_qs(query.decode("latin-1"), max_num_fields=20)
    except ValueError:
        fields = {}
    last = {name: values[-1] for name, values in fields.items()}
    shows = last.get("format", "text")
    if shows not in ("text", "html"):
        raise SocketRefused(BAD_FORMAT)
    cursor = None
    if all(_NUMBER.fullmatch(last.get(name, "")) for name in ("epoch", "offset")):
        cursor = Cursor(epoch=int(last["epoch"]), offset=int(last["offset"]))
    begin = int(last["from"]) if _NUMBER.fullmatch(last.get("from", "")) else 0
    return Viewing("text" if shows == "text" else "html", cursor, _speed(last), begin)


def _speed(last: dict[str, str]) -> float | None:
    if "replay" not in last:
        return None
    if not _SPEED.fullmatch(last["replay"]) or not SLOWEST <= float(last["replay"]) <= FASTEST:
        raise SocketRefused(BAD_REPLAY)
    return float(last["replay"])
