"""A document as a response, and the events by which it becomes one, as the original has them. Pure.

Events carry numbers that say where in the text they stand: `event_numbers`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from streamgen.agents.completions import OpenAIJson, about
from streamgen.agents.event_numbers import (
    CREATED,
    ENDED,
    IN_PROGRESS,
    ITEM_ADDED,
    ITEM_DONE,
    PART_ADDED,
    PART_DONE,
    PAUSE_TOLD,
    TEXT_DONE,
    event_number,
)
from streamgen.agents.written_text import WrittenText

_INCOMPLETE = "incomplete"


def response_status(written: WrittenText) -> str:
    """A pause is no end, but nothing comes unless somebody resumes the document: so it counts as one until then."""
    if written.status == "complete":
        return "completed"
    if written.status == "cancelled":
        return "cancelled"
    if written.is_paused:
        return "failed" if written.has_failed else _INCOMPLETE
    return "queued" if written.reason == "queued" and not written.length else "in_progress"


def response(written: WrittenText, *, background: bool = True) -> OpenAIJson:
    """The response as it is."""
    status = response_status(written)
    used = written.used
    reason = "content_filter" if written.is_filtered else "max_output_tokens"
    failed = {"code": "server_error", "message": written.detail or f"Writing stopped: {written.reason}."}
    usage = {
        "input_tokens": used.prompt,
        "input_tokens_details": {"cached_tokens": used.cached, "cache_write_tokens": 0},
        "output_tokens": used.completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used.prompt + used.completion,
    }
    is_over = status not in ("queued", "in_progress")
    return {
        "id": str(written.id),
        "object": "response",
        "created_at": written.began_at,
        "status": status,
        "background": background,
        "error": failed if status == "failed" else None,
        "incomplete_details": {"reason": reason} if status == _INCOMPLETE else None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": written.model,
        "output": [_message(written, _item_status(status))] if written.text else [],
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": True,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "none",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": usage if is_over else None,
        "user": None,
        "streamgen": about(written),
    }


def response_event(event: OpenAIJson) -> bytes:
    """As it travels."""
    return f"event: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n".encode()


def opening_events(written: WrittenText) -> Iterator[OpenAIJson]:
    """What comes before any text."""
    begun = replace(written, status="streaming", reason="", text="")
    place = {"item_id": written.id.message, "output_index": 0, "content_index": 0}
    yield _event("response.created", 0, CREATED, response=response(begun))
    yield _event("response.in_progress", 0, IN_PROGRESS, response=response(begun))
    item = _message(begun, "in_progress") | {"content": []}
    yield _event("response.output_item.added", 0, ITEM_ADDED, output_index=0, item=item)
    yield _event("response.content_part.added", 0, PART_ADDED, **place, part=_part(""))


def text_event(written: WrittenText, end: int, piece: str) -> OpenAIJson:
    """A piece of text that ends there."""
    place = {"item_id": written.id.message, "output_index": 0, "content_index": 0}
    return _event("response.output_text.delta", end, 0, **place, delta=piece, logprobs=[])


def closing_events(written: WrittenText) -> Iterator[OpenAIJson]:
    """What comes behind all text; behind a pause only that it is one: text may follow."""
    status, length = response_status(written), written.length
    if written.is_paused:
        yield _event(f"response.{status}", length, PAUSE_TOLD, response=response(written))
        return
    place = {"item_id": written.id.message, "output_index": 0, "content_index": 0}
    item = _message(written, _item_status(status))
    yield _event("response.output_text.done", length, TEXT_DONE, **place, text=written.text, logprobs=[])
    yield _event("response.content_part.done", length, PART_DONE, **place, part=_part(written.text))
    yield _event("response.output_item.done", length, ITEM_DONE, output_index=0, item=item)
    # The original has no event of its own for a response that was cancelled.
    kind = "response.completed" if status == "completed" else "response.incomplete"
    yield _event(kind, length, ENDED, response=response(written))


def _event(kind: str, length: int, place: int, **fields: Any) -> OpenAIJson:
    return {"type": kind, "sequence_number": event_number(length, place), **fields}


def _item_status(status: str) -> str:
    if status == "completed":
        return "completed"
    return "in_progress" if status in ("queued", "in_progress") else _INCOMPLETE


def _message(written: WrittenText, status: str) -> OpenAIJson:
    return {
        "id": written.id.message,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [_part(written.text)],
    }


def _part(text: str) -> OpenAIJson:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
