"""The events of a streamed answer: bytes in any portions to the data of each event; pure.

Server-sent events, and what endpoints make of them: any line ends, comments, data over several lines, events parted by
one line break, `data: data: {`, bare lines of JSON, and a missing end of the last line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

MAX_EVENT_BYTES = 2_000_000
"""One event, or one whole JSON answer. 32 000 tokens are about 150 KB; what is longer is not an answer."""
CROWDED_BYTES, MOST_EVENT_VALUES = 100_000, 50_000
"""JSON is read in one call into C: what is so long, and holds so many values, would hold up everything else."""

_IDLE = re.compile(
    r"[\W_]*(?:null|none|ping|pong|keep.?alive|heart.?beat|connect\w*|open|start\w*|processing|waiting|queued|ok)?[\W_]*",
    re.I,
)
"""Bare words that only keep a stream open."""
_MOST_WORD_CHARS, _MOST_TROUBLE_CHARS = 40, 4_000
_TROUBLE = re.compile(r"error|exception|fail|time.?out|timed out|limit|unavailable|overload|denied|invalid", re.I)
_DONE_WORDS = (b"DONE", b"[EOS]", b"[END]")
_NAMED_AGAIN = re.compile(rb"(?:\s*+data:)++\s*+")
_BETWEEN = re.compile(r"(?:\s++|data:)++")
_ODD_STARTS = (b" ", b"\t", b"D")
"""Of a field whose name is indented or written large."""


class Events:
    """Raises `ValueError` for an event that is too large."""

    def __init__(self) -> None:
        self._open_line: list[bytes] = []
        self.open_bytes = 0
        self._data: list[bytes] = []
        self._after_cr = False
        self._is_dense = False  # events are parted by one line break: each line is one
        self.is_within = False
        """An event stands open."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if not chunk:
            return
        if not self.is_within and (plain := _plain_events(chunk)):
            yield from plain
            return
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        # `bytes.splitlines` knows exactly the three line ends of the format; `str.splitlines` knows many more.
        for line in chunk.splitlines(keepends=True):
            if line[0] in b"\r\n" and not (self._open_line or self._data):
                self.open_bytes = 0  # no event has begun
                continue
            self._open_line.append(line)
            self.open_bytes += len(line)
            if self.open_bytes > MAX_EVENT_BYTES:
                raise ValueError("event too large")
            if line.endswith((b"\n", b"\r")):
                yield from self._end_line()
        self.is_within = bool(self._open_line or self._data or self._after_cr)

    def finish(self) -> Iterator[bytes]:
        """The event that stands open when the body ends."""
        yield from self._end_line()
        yield from self._end_line()

    def _end_line(self) -> Iterator[bytes]:
        line = b"".join(self._open_line).rstrip(b"\r\n")
        self._open_line.clear()
        if line[:1] in _ODD_STARTS and line.lstrip(b" \t")[:5].lower() == b"data:":
            line = b"data:" + line.lstrip(b" \t")[5:]
        if line.startswith(b"data:"):
            data = line[6:] if line[5:6] == b" " else line[5:]
            data = data[named.end() :] if (named := _NAMED_AGAIN.match(data)) else data
            if self._data and _begins_anew(self._data[-1], data):
                self._is_dense = True
                yield from self._end_event()
            self._data.append(data)
            if self._is_dense and _is_closed(data):
                yield from self._end_event()
        elif line.startswith(b"{"):  # no field begins so: JSON of a server, or of a proxy in the middle of a stream
            yield from self._end_event()
            self._data.append(line)
            yield from self._end_event()
        elif not line:
            yield from self._end_event()
        # Anything else is a comment (":") or a field that says nothing here (event, id, retry).

    def _end_event(self) -> Iterator[bytes]:
        data, self._data, self.open_bytes = b"\n".join(self._data), [], 0
        if data.strip():
            yield data


def _plain_events(chunk: bytes) -> list[bytes]:
    """The data of whole events as most servers write them, a line of JSON each; [] where one of them is another."""
    *events, rest = chunk.split(b"\n\n")
    if rest or b"\r" in chunk or len(chunk) > MAX_EVENT_BYTES:
        return []
    if all(event.startswith(b'data: {"') and b"\n" not in event for event in events):
        return [event[6:] for event in events]
    return []


def _begins_anew(last: bytes, line: bytes) -> bool:
    """Whether a line of data cannot belong to the JSON that the last one ended."""
    return line.startswith(b"[DONE]") or (line.startswith(b"{") and last.rstrip().endswith(b"}"))


def _is_closed(data: bytes) -> bool:
    return data.startswith(b"{") and is_json(data)


def objects_in(data: bytes) -> list[object]:
    """The JSON documents of an event: one, or several where the line breaks between events were lost.

    Raises `ValueError` and `RecursionError`. Control characters that should have been escaped stay.
    """
    _demand_few_values(data)
    try:
        # As `json.loads` does, which makes a decoder each time and looks for other encodings.
        is_plain = data.startswith(b'{"')
        return [_DECODER.decode(data.decode(errors="surrogatepass")) if is_plain else json.loads(data, strict=False)]
    except json.JSONDecodeError as err:
        if not err.msg.startswith("Extra data"):
            raise
    text, at, found = data.decode(), 0, list[object]()
    while at < len(text):
        document, at = _DECODER.raw_decode(text, at)
        found.append(document)
        at = between.end() if (between := _BETWEEN.match(text, at)) else at
    return found


_DECODER = json.JSONDecoder(strict=False)


def document_in(data: bytes) -> object:
    """A JSON document. Raises `ValueError` and `RecursionError`."""
    _demand_few_values(data)
    return json.loads(data, strict=False)


def _demand_few_values(data: bytes) -> None:
    """Raises `ValueError` for JSON of more values than an answer has."""
    if len(data) > CROWDED_BYTES and sum(map(data.count, (b"[", b"{", b":"))) > MOST_EVENT_VALUES:
        raise ValueError("too many values")


def is_json(data: bytes) -> bool:
    try:
        return bool(objects_in(data))
    except (ValueError, RecursionError):
        return False


def are_lines(begun: bytes) -> bool:
    """Whether a body that begins with JSON is a stream of one JSON document a line: its first line is a piece."""
    try:
        first = document_in(begun.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return False
    if not isinstance(first, dict):
        return False
    choices = first.get("choices")
    has_delta = isinstance(choices, list) and bool(choices) and isinstance(choices[0], dict) and "delta" in choices[0]
    return has_delta or first.get("done") is False or str(first.get("object", "")).endswith("chunk")


def is_idle(word: str) -> bool:
    return len(word) <= _MOST_WORD_CHARS and _IDLE.fullmatch(word) is not None


def tells_trouble(word: str) -> bool:
    return _TROUBLE.search(word[:_MOST_TROUBLE_CHARS]) is not None


def is_done_mark(data: bytes) -> bool:
    if data.startswith(b"{"):
        return False
    word = data.strip(b" \t\"'").upper()
    return word.startswith(b"[DONE]") or word in _DONE_WORDS
