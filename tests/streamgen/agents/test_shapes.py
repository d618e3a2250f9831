"""What is told of documents is what the official SDK's own types say, in every state that a document may be in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from streamgen.agents.completions import CompletionChunks, completion
from streamgen.agents.event_numbers import ResponseId
from streamgen.agents.response_objects import closing_events, opening_events, response, text_event
from streamgen.agents.written_text import TokensUsed, WrittenText

EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
WHOLE = WrittenText(
    id=ResponseId(7, 2),
    model="streamgen/3/prd",
    title="Requirements",
    status="complete",
    reason="",
    detail="",
    length=12,
    began_at=1_790_000_000,
    used=TokensUsed(prompt=100, cached=40, completion=5),
    text="## Why\n\nSo.🔥",
)
STATES = {
    "completed": WHOLE,
    "cancelled": replace(WHOLE, status="cancelled"),
    "incomplete": replace(WHOLE, status="paused", reason="user"),
    "failed": replace(WHOLE, status="paused", reason="auth", detail="The provider refused the key."),
    "in_progress": replace(WHOLE, status="streaming"),
    "queued": replace(WHOLE, status="streaming", reason="queued", length=0, text=""),
}


@pytest.mark.parametrize("status", STATES)
def test_response_is_one_for_the_sdk(status):
    written = STATES[status]
    told = Response.model_validate(response(written))
    assert (told.status, told.id, told.model) == (status, "resp_7_2", "streamgen/3/prd")
    assert told.output_text == written.text
    assert (told.usage is None) == (status in {"queued", "in_progress"})
    assert (told.error is not None) == (status == "failed")


def test_events_are_those_of_the_original_in_its_order():
    events = [*opening_events(WHOLE), text_event(WHOLE, 12, WHOLE.text), *closing_events(WHOLE)]
    told = [EVENT.validate_python(event) for event in events]
    assert [event.type.removeprefix("response.") for event in told] == [
        *("created", "in_progress", "output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    assert [event.sequence_number for event in told] == [0, 1, 2, 3, 120, 125, 126, 127, 128]
    assert [type(event).__name__ for event in told][4:6] == ["ResponseTextDeltaEvent", "ResponseTextDoneEvent"]


@pytest.mark.parametrize(("status", "kind"), [("failed", "failed"), ("incomplete", "incomplete")])
def test_pause_is_told_at_its_place_and_text_may_follow(status, kind):
    (event,) = [EVENT.validate_python(event) for event in closing_events(STATES[status])]
    assert (event.type, event.sequence_number) == (f"response.{kind}", 124)
    assert text_event(WHOLE, 13, "!")["sequence_number"] > event.sequence_number


def test_cancelled_text_is_not_called_complete():
    *_, last = [EVENT.validate_python(event) for event in closing_events(STATES["cancelled"])]
    assert (last.type, last.response.status) == ("response.incomplete", "cancelled")


@pytest.mark.parametrize(
    ("status", "finish"), [("completed", "stop"), ("cancelled", "length"), ("incomplete", "length")]
)
def test_completion_is_one_for_the_sdk(status, finish):
    told = ChatCompletion.model_validate(completion(STATES[status]))
    assert (told.choices[0].message.content, told.choices[0].finish_reason) == (WHOLE.text, finish)
    assert told.usage.total_tokens == 105
    assert told.usage.prompt_tokens_details.cached_tokens == 40


@pytest.mark.parametrize("with_usage", [True, False])
def test_chunks_are_those_of_the_sdk(with_usage):
    chunks = CompletionChunks(WHOLE, with_usage=with_usage)
    sent = chunks.first() + chunks.text("lines\u2028end 🔥") + chunks.last(WHOLE)
    assert sent.isascii()
    *events, done, rest = sent.decode().split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    told = [ChatCompletionChunk.model_validate(json.loads(event.removeprefix("data: "))) for event in events]
    assert {chunk.id for chunk in told} == {"chatcmpl-7-2"}
    assert told[0].choices[0].delta.role == "assistant"
    assert told[1].choices[0].delta.content == "lines\u2028end 🔥"
    assert told[2].choices[0].finish_reason == "stop"
    assert [chunk.usage.total_tokens for chunk in told[3:]] == ([105] if with_usage else [])


def test_what_a_filter_stopped_says_so():
    filtered = replace(WHOLE, status="paused", reason="filtered")
    assert completion(filtered)["choices"][0]["finish_reason"] == "content_filter"
    assert response(filtered)["incomplete_details"] == {"reason": "content_filter"}
