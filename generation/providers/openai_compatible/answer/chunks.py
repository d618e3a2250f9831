"""Makes one HTTP chunk of all the small ones that came together: each costs its reader as much as a large one; pure.

It judges nothing: what is not in this form, or ends it, passes just as it came, and the HTTP client says what is wrong.
"""

from __future__ import annotations

import re

_HEAD_END = re.compile(rb"\n\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.\d 1(?!01)\d\d\b")
_CHUNKED = re.compile(rb"\ntransfer-encoding:[ \t]*chunked[ \t]*\r?\n", re.IGNORECASE)
_FIRST_SIZE = re.compile(rb"([0-9a-f]{1,8})\r\n", re.IGNORECASE)
_NEXT_SIZE = re.compile(rb"\r\n([0-9a-f]{1,8})\r\n", re.IGNORECASE)
_SIZE_BYTES = len(b"\r\n12345678\r\n")


class JoinedChunks:
    """Of one response: `feed` takes its bytes in any portions, `rest` gives what was held back when no more come."""

    def __init__(self) -> None:
        self._head: bytes | None = b""  # of the response, while it is not whole
        self._passes = False  # all that follows, as it came
        self._size = _FIRST_SIZE
        self._left = 0  # bytes of the chunk that stands open
        self._held = b""  # the beginning of a chunk's size
        self._has_given = False  # a chunk, whose line break comes with what follows it
        self._odd = b""

    def feed(self, data: bytes) -> bytes:
        if self._passes:
            return data
        if self._head is None:
            return self._joined(data)
        self._head += data
        end = _HEAD_END.search(self._head)
        if end is None:
            return data
        head, body = self._head[: end.end()], self._head[end.end() :]
        given = data[: len(data) - len(body)]
        if _INTERIM.match(head):  # another head follows
            self._head = b""
            return given + self.feed(body)
        self._head, self._passes = None, _CHUNKED.search(head) is None
        return given + self.feed(body)

    def rest(self) -> bytes:
        held, self._held, self._passes = self._held, b"", True
        return held

    @property
    def is_between(self) -> bool:
        """Behind the head of a chunked response, of whose body all that was given out ends a chunk."""
        return self._has_given and not self._passes

    def content(self, data: bytes) -> bytes:
        """As `feed`, but what it gives is the body itself; what ends it is kept for `left`, which is to be fed on."""
        parts, self._odd = self._parted(data)
        return b"".join(parts)

    def left(self) -> bytes:
        """What `content` met and gave to nobody."""
        odd, self._odd = self._odd, b""
        return odd

    def _joined(self, data: bytes) -> bytes:
        parts, odd = self._parted(data)
        if not parts:
            return odd
        body, between = b"".join(parts), b"\r\n" if self._has_given else b""
        self._has_given = True
        return b"%b%x\r\n%b%b" % (between, len(body), body, odd)

    def _parted(self, data: bytes) -> tuple[list[bytes], bytes]:
        """What is there of the body, and what stands behind it in another form."""
        data, self._held = self._held + data, b""
        at, parts = 0, list[bytes]()
        while at < len(data):
            if self._left:
                part = data[at : at + self._left]
                parts.append(part)
                at, self._left = at + len(part), self._left - len(part)
            elif (size := self._size.match(data, at)) and (length := int(size[1], 16)):
                at, self._left, self._size = size.end(), length, _NEXT_SIZE
            elif size is None and len(data) - at < _SIZE_BYTES:
                self._held = data[at:]
                break
            else:  # the last chunk, or one that has more to it than its size
                self._passes = True
                return parts, data[at:]
        return parts, b""
