"""The form of the Responses API: the request for an answer that is kept, and the JSON in what comes back; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from generation.providers.base import Message
from generation.providers.openai_compatible.answer.events import MAX_EVENT_BYTES, Events, document_in
from generation.providers.openai_compatible.answer.shapes import Json
from generation.providers.openai_compatible.dialects import MIN_TOKENS

LEAST_TOKENS = 16
"""The smallest limit that the API takes."""
ABOUT_KEEPING = re.compile(r"background|store|stream|responses|chat.completions|unknown|unrecognized|unsupported|extra")
"""On the lower-cased words of a refusal: it is about this way of asking, not about what was asked."""
_TOO_LARGE = re.compile(r"\d{4}|large|exceed|maximum|at most|less than")
_FIELDS = (b":", b"data", b"event", b"id", b"retry")
_UNKNOWN = re.compile(r"unsupported|not supported|unrecognized|unknown")


def request_body(messages: Sequence[Message], *, model: str, max_tokens: int) -> Json:
    """The request for an answer that the endpoint keeps, and streams."""
    items = [{"type": "message", "role": message["role"], "content": message["content"]} for message in messages]
    return {
        "model": model,
        "input": items,
        "max_output_tokens": max(LEAST_TOKENS, max_tokens),
        "background": True,
        "store": True,
        "stream": True,
    }


def lowered(said: str, body: Json) -> int | None:
    """A smaller limit to ask for, where the refusal says that this one is too large; a refused call costs nothing."""
    limit: int = body["max_output_tokens"]
    is_about_it = "max_output_tokens" in said and not _UNKNOWN.search(said)
    is_too_large = is_about_it and _TOO_LARGE.search(said.replace("max_output_tokens", ""))
    return max(MIN_TOKENS, limit // 2) if is_too_large and limit > MIN_TOKENS else None


class Payloads:
    """Bytes in any portions to the JSON objects in them: of a stream of events, or of one document.

    Raises `ValueError` for what is neither.
    """

    def __init__(self) -> None:
        self._events: Events | None = None
        self._start = b""
        self.is_whole = False
        """It is one JSON document, which `close` gives."""
        self.is_web_page = False
        self.says_something = False
        """There was an object, or what is no stream of events at all."""

    def feed(self, chunk: bytes) -> Iterator[Json]:
        if self._events is None:
            self._start += chunk
            if len(self._start) > MAX_EVENT_BYTES:
                raise ValueError("too large")
            begun = self._start.lstrip(b" \t\r\n\xef\xbb\xbf")
            self.is_whole, self.is_web_page = begun.startswith(b"{"), begun.startswith(b"<")
            if not begun or self.is_whole or self.is_web_page:
                return
            self._events, chunk, self._start = Events(), begun, b""
            self.says_something = not begun.startswith(_FIELDS)
        for data in self._events.feed(chunk):
            yield from self._objects(data)

    def close(self) -> Iterator[Json]:
        """What stands open when the body ends; an event that is cut is left out."""
        if self.is_whole:
            yield from self._objects(self._start)
        elif self._events is not None:
            for data in self._events.finish():
                try:
                    yield from self._objects(data)
                except ValueError:
                    return

    def _objects(self, data: bytes) -> Iterator[Json]:
        for payload in _objects(data):
            self.says_something = True
            yield payload

    @classmethod
    def whole(cls, body: bytes) -> Iterator[Json]:
        payloads = cls()
        yield from payloads.feed(body)
        yield from payloads.close()


def _objects(data: bytes) -> Iterator[Json]:
    if data.strip() in (b"", b"[DONE]"):
        return
    try:
        payload = document_in(data)
    except RecursionError:
        raise ValueError("nested without end") from None
    if not isinstance(payload, dict):
        raise ValueError("no object")
    yield payload
