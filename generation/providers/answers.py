"""What an OpenAI-compatible endpoint says in an answer: its bytes in, the text and the finish out; pure.

Takes both forms of an answer, a stream of events and one JSON document, whichever was asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from generation.providers import refusals
from generation.providers.base import Finish, FinishReason, Usage
from generation.providers.refusals import Asked

MAX_EVENT_BYTES = 4_000_000
"""One event, or one whole JSON answer. 32 000 tokens are about 150 KB; what is longer is not an answer."""
MOST_TOKENS = 100_000_000
"""A count above it is no count; what is summed must fit into a column."""
MAX_CHARS_PER_TOKEN = 16
SLACK_CHARS = 20_000
"""An answer longer than the limit in tokens allows is cut here: some endpoints ignore the limit and write for ever."""

_REASONS: Mapping[str, FinishReason] = {
    word: reason
    for reason, said in {
        FinishReason.TRUNCATED: "length max_tokens MAX_TOKENS max_output_tokens model_length "
        "model_context_window_exceeded",
        FinishReason.COMPLETE: "stop end_turn stop_sequence STOP COMPLETE eos_token",
        FinishReason.FILTERED: "content_filter refusal SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT",
        FinishReason.TOOL: "tool_calls function_call tool_use",
        FinishReason.ERROR: "error network_error insufficient_system_resource abort",
    }.items()
    for word in said.split()
}
_UNOPENED = re.compile(r"(?:(?!<think).)*?^[ \t]*</think(?:ing)?>\s*$\s*", re.DOTALL | re.MULTILINE | re.IGNORECASE)
"""Reasoning whose opening tag stood in the prompt. A stream shows too late that it was no text."""
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")


class Events:
    """Server-sent events: bytes in any portions to the data of each event.

    Takes CR, LF and CRLF, comments, data over several lines and a missing end of the last line.
    """

    def __init__(self) -> None:
        self._open_line: list[bytes] = []
        self._open_bytes = 0
        self._data: list[bytes] = []
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if not chunk:
            return
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        # `bytes.splitlines` knows exactly the three line ends of the format; `str.splitlines` knows many more.
        for line in chunk.splitlines(keepends=True):
            self._open_line.append(line)
            self._open_bytes += len(line)
            if self._open_bytes > MAX_EVENT_BYTES:
                raise ValueError("event too large")
            if line.endswith((b"\n", b"\r")):
                yield from self._end_line()

    def finish(self) -> Iterator[bytes]:
        """The event that stands open when the body ends."""
        yield from self._end_line()
        yield from self._end_line()

    def _end_line(self) -> Iterator[bytes]:
        line = b"".join(self._open_line).rstrip(b"\r\n")
        self._open_line.clear()
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif not line:
            data, self._data, self._open_bytes = b"\n".join(self._data), [], 0
            if data:
                yield data
        # Anything else is a comment (":") or a field that says nothing here (event, id, retry).


class Thoughts:
    """Takes an opening `<think>...</think>` block out of a text that comes in portions; capitals do not matter."""

    _OPEN = ("<think>", "<thinking>", "<thought>", "<reasoning>")

    def __init__(self) -> None:
        self._held = ""
        self._closing = ""
        self._passing = False
        self.found = False

    def feed(self, text: str) -> str:
        if self._passing:
            return text
        self._held += text
        if not self._closing:
            begun = self._held.lstrip().lower()
            tag = next((tag for tag in self._OPEN if begun.startswith(tag)), None)
            if tag is None:
                # White space, or "<thi": it cannot be told yet.
                return "" if any(tag.startswith(begun) for tag in self._OPEN) else self.rest()
            self._closing, self.found = tag.replace("<", "</"), True
        closed = re.search(re.escape(self._closing), self._held, re.IGNORECASE)
        if closed is None:
            self._held = self._held[-len(self._closing) :]
            return ""
        if not (after := self._held[closed.end() :].lstrip()):
            self._held = self._closing  # so that white space which follows is dropped too
            return ""
        self._passing = True
        return after

    def rest(self) -> str:
        """What was held back and is text after all."""
        held, self._held, self._passing = self._held, "", True
        return "" if self._closing else held


class Answer:
    """One answer, read portion by portion. `feed` and `close` give text; `finish` says how it ended.

    Raises `ProviderError` where what comes is not an answer.
    """

    def __init__(self, asked: Asked, limit_tokens: int) -> None:
        self._asked = asked
        self._limit_tokens = limit_tokens
        self._chars_left = limit_tokens * MAX_CHARS_PER_TOKEN + SLACK_CHARS
        self._events: Events | None = None
        self._start = b""
        self._thoughts = Thoughts()
        self._half_character = ""
        self._word = ""
        self._usage: Usage | None = None
        self._model = ""
        self._reasoned = self._refused = self._called_tool = self._heard = False
        self.has_reason = False
        """The endpoint said why it ended; only the usage may follow."""
        self.is_over = False
        """Nothing more is to be read."""
        self.is_whole = False
        """It came as one JSON document."""

    def feed(self, chunk: bytes) -> Iterator[str]:
        if self._events is None:
            self._start += chunk
            if len(self._start) > MAX_EVENT_BYTES:
                raise refusals.malformed(self._asked)
            begun = self._start.lstrip(b" \t\r\n\xef\xbb\xbf")
            if not begun:
                return
            if begun.startswith(b"<"):
                raise refusals.web_page(self._asked)
            if begun.startswith((b"{", b"[")):
                self.is_whole = True
                return
            self._events, chunk, self._start = Events(), begun, b""
        try:
            for data in self._events.feed(chunk):
                yield from self._event(data)
        except ValueError:
            raise refusals.malformed(self._asked) from None

    def close(self) -> Iterator[str]:
        """The body has ended, or what follows is not waited for."""
        if self.is_whole:
            yield from self._whole()
        elif self._events is not None and not self.is_over:
            for data in self._events.finish():
                # A last event that is cut is no fault of the format: the missing finish says that it was cut.
                if data == b"[DONE]" or _is_json(data):
                    yield from self._event(data)
        if not self._heard:
            raise refusals.empty(self._asked)
        if rest := self._thoughts.rest() + self._half_character:
            yield rest

    def finish(self) -> Finish:
        reasoned = self._reasoned or self._thoughts.found
        return Finish(reason=self._reason(), usage=self._usage, model=self._model, reasoned=reasoned)

    def _reason(self) -> FinishReason:
        if self._refused:
            return FinishReason.FILTERED
        reason = _REASONS.get(self._word, FinishReason.INTERRUPTED)
        if self._chars_left <= 0:
            return FinishReason.TRUNCATED
        if reason is FinishReason.COMPLETE and self._called_tool:
            return FinishReason.TOOL
        # Some servers say "stop" where the limit cut them off.
        used = self._usage.completion_tokens if self._usage else 0
        if reason is FinishReason.COMPLETE and used >= self._limit_tokens:
            return FinishReason.TRUNCATED
        return reason

    def _whole(self) -> Iterator[str]:
        try:
            payload = json.loads(self._start)
        except (ValueError, RecursionError):
            raise refusals.malformed(self._asked) from None
        if isinstance(payload, list) and len(payload) == 1:
            payload = payload[0]  # Gemini wraps an error into a list
        if not isinstance(payload, dict) or not ("error" in payload or payload.get("choices")):
            raise refusals.malformed(self._asked)
        yield from self._payload(payload)

    def _event(self, data: bytes) -> Iterator[str]:
        if self.is_over:
            return
        if data.startswith(b"[DONE]"):
            self.is_over = self._heard = True
            return
        try:
            payload = json.loads(data)
        except (ValueError, RecursionError):  # broken JSON, bytes that are not UTF-8, or nested without end
            if self.has_reason:
                self.is_over = True  # the text was complete before it
                return
            raise refusals.malformed(self._asked) from None
        yield from self._payload(payload)

    def _payload(self, payload: object) -> Iterator[str]:
        if not isinstance(payload, dict):
            raise refusals.malformed(self._asked)
        if payload.get("error") or payload.get("object") == "error":
            raise refusals.from_event(self._asked, payload)
        self._heard = True
        if isinstance(model := payload.get("model"), str):
            self._model = model[:200]
        if (usage := payload.get("usage")) is not None:
            self._read_usage(usage)
        choices = payload.get("choices")
        if not choices:  # the usage comes with an empty list, or with none
            return
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise refusals.malformed(self._asked)
        for choice in choices:
            if choice.get("index") in (None, 0, "0"):  # one answer was asked for
                yield from self._choice(choice)
                return

    def _choice(self, choice: dict[str, Any]) -> Iterator[str]:
        if isinstance(choice.get("error"), dict):
            raise refusals.from_event(self._asked, choice)
        delta = choice.get("delta") or choice.get("message") or {}
        if not isinstance(delta, dict):
            raise refusals.malformed(self._asked)
        self._reasoned = self._reasoned or any(delta.get(field) for field in _REASONING_FIELDS)
        self._refused = self._refused or bool(delta.get("refusal"))
        self._called_tool = self._called_tool or bool(delta.get("tool_calls") or delta.get("function_call"))
        content = self._content(delta.get("content"))
        if self.is_whole and (thought := _UNOPENED.match(content)):
            content, self._reasoned = content[thought.end() :], True
        text = self._whole_characters(self._thoughts.feed(content))
        if text:
            yield text
        word = choice.get("finish_reason")
        if isinstance(word, str) and word:
            self._word = word
            # Not for words nobody knows: some servers send "null" with every piece.
            self.has_reason = word in _REASONS
        if not self.is_whole:  # a whole document may begin with an echo of what was begun
            self._chars_left -= len(text)
            self.is_over = self._chars_left <= 0

    def _content(self, content: object) -> str:
        """The text of a message's content: a string, or a list of parts of which only text parts are text."""
        if content is None or isinstance(content, str):
            return content or ""
        if not isinstance(content, list):
            raise refusals.malformed(self._asked)
        texts = []
        for part in content:
            if not isinstance(part, dict):
                raise refusals.malformed(self._asked)
            if part.get("type") in ("thinking", "reasoning"):
                self._reasoned = True
            elif isinstance(text := part.get("text"), str):
                texts.append(text)
        return "".join(texts)

    def _whole_characters(self, text: str) -> str:
        """Joins a character whose two halves came in two events (JSON escapes it as two surrogates)."""
        if self._half_character:
            text, self._half_character = self._half_character + text, ""
            text = re.sub("[\ud800-\udbff][\udc00-\udfff]", _joined, text)
        if text and "\ud800" <= text[-1] <= "\udbff" and not self.is_whole:
            text, self._half_character = text[:-1], text[-1]
        return text

    def _read_usage(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if _is_count(prompt) and _is_count(completion):
            self._usage = Usage(prompt_tokens=prompt, completion_tokens=completion)
        details = usage.get("completion_tokens_details")
        if isinstance(details, dict) and _is_count(details.get("reasoning_tokens")) and details["reasoning_tokens"]:
            self._reasoned = True


def _joined(halves: re.Match[str]) -> str:
    return halves[0].encode("utf-16", "surrogatepass").decode("utf-16")


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
