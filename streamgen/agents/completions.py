"""A document as a chat completion, whole or in chunks, as the original has them. Pure."""

from __future__ import annotations

import json
from typing import Any

from streamgen.agents.openai_errors import OpenAIError
from streamgen.agents.written_text import WrittenText

DONE = b"data: [DONE]\n\n"

OpenAIJson = dict[str, Any]


def data_line(content: Any) -> bytes:
    """One event without a name. Everything but ASCII is escaped: some readers take other characters for line ends."""
    return b"data: " + json.dumps(content, separators=(",", ":")).encode() + b"\n\n"


def finish_word(written: WrittenText) -> str:
    """A text that is not whole never says `stop`."""
    if written.is_filtered:
        return "content_filter"
    return "stop" if written.status == "complete" else "length"


def completion_usage(written: WrittenText) -> OpenAIJson:
    used = written.used
    return {
        "prompt_tokens": used.prompt,
        "completion_tokens": used.completion,
        "total_tokens": used.prompt + used.completion,
        "prompt_tokens_details": {"cached_tokens": used.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def completion(written: WrittenText) -> OpenAIJson:
    """The whole answer."""
    message: OpenAIJson = {"role": "assistant", "content": written.text, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_word(written)}
    return {
        "id": written.id.completion,
        "object": "chat.completion",
        "created": written.began_at,
        "model": written.model,
        "choices": [choice],
        "usage": completion_usage(written),
        "system_fingerprint": None,
        "streamgen": about(written),
    }


class CompletionChunks:
    """The chunks of one answer, as they travel."""

    def __init__(self, written: WrittenText, *, with_usage: bool) -> None:
        self._head = {
            "id": written.id.completion,
            "object": "chat.completion.chunk",
            "created": written.began_at,
            "model": written.model,
            "system_fingerprint": None,
        }
        self._with_usage = with_usage

    def first(self) -> bytes:
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def text(self, piece: str) -> bytes:
        return self._chunk({"content": piece})

    def last(self, written: WrittenText) -> bytes:
        """With the usage, where it was asked for, and the end."""
        ending = self._chunk({}, finish_word(written))
        if self._with_usage:
            ending += data_line({**self._head, "choices": [], "usage": completion_usage(written)})
        return ending + DONE

    def _chunk(self, delta: OpenAIJson, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return data_line({**self._head, "choices": [choice]} | ({"usage": None} if self._with_usage else {}))


def error_event(error: OpenAIError) -> bytes:
    """What went wrong behind the first chunk."""
    return data_line({"error": error})


def about(written: WrittenText) -> OpenAIJson:
    """What the original has no field for: which document it is, and why it is not whole."""
    return {
        "artifact": written.id.artifact_id,
        "epoch": written.id.epoch,
        "title": written.title,
        "status": written.status,
        "reason": written.reason,
        "detail": written.detail,
    }
