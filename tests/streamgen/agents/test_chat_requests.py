"""Bodies as clients send them: what of a conversation is the brief, and when two are the same request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamgen.agents.chat_requests import ChatRequest, ResponseRequest, read_request
from streamgen.agents.openai_errors import ApiRefused

ASKED = {"role": "user", "content": "A brief on lamps."}


def chat(*messages: dict[str, Any], **fields: Any) -> ChatRequest:
    return read_request(ChatRequest, json.dumps({"model": "streamgen", "messages": messages, **fields}).encode())


def responses(said: Any, **fields: Any) -> ResponseRequest:
    return read_request(ResponseRequest, json.dumps({"model": "streamgen", "input": said, **fields}).encode())


def test_last_message_of_the_user_is_the_brief():
    parts = {"role": "user", "content": [{"type": "text", "text": "Longer."}, {"type": "image_url", "image_url": {}}]}
    answered = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    assert chat({"role": "system", "content": "Be kind."}, ASKED, answered, parts).instructions_said == "Longer."
    assert responses("A brief on lamps.").instructions_said == "A brief on lamps."
    items = [{"type": "reasoning", "summary": []}, {"role": "user", "content": [{"type": "input_text", "text": "So."}]}]
    assert responses(items).instructions_said == "So."


def test_same_words_are_the_same_request_and_others_are_another():
    first = chat(ASKED, temperature=0.3, stream=True)
    assert first.digest == chat(ASKED, stream=False, tools=[]).digest
    others = [chat(ASKED, seed=2), chat(ASKED, metadata={"try": "2"}), chat({**ASKED, "content": "Another."})]
    others += [chat(ASKED, plan=[{"name": "Why"}]), chat({"role": "system", "content": "x"}, ASKED)]
    assert len({first.digest, *(other.digest for other in others)}) == 6


def test_answers_before_the_last_wish_are_followed_by_the_requests_that_they_answered():
    answered = {"role": "assistant", "content": "Lamps."}
    nameless = {"type": "reasoning", "content": "Hm."}
    second = [ASKED, answered, {"role": "user", "content": "Longer."}]
    third = [*second, nameless, answered, {"role": "user", "content": "\ud83d shorter."}]
    for fields in ({}, {"seed": 7, "metadata": {"try": "2"}, "plan": [{"name": "Why"}]}):
        assert chat(*third, **fields).followed == [chat(*second, **fields).digest, chat(ASKED, **fields).digest]
    assert chat(ASKED).followed == []
    # Documents have it in their address: it may never change.
    assert chat(ASKED).digest.startswith("9704e3f4a98a28e9")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [ASKED] * 2_001}, "messages"),
        ({"messages": [ASKED], "plan": [{"name": "Why"}] * 1_001}, "plan"),
        ({"messages": [ASKED], "metadata": {str(number): "" for number in range(1_001)}}, "metadata"),
    ],
)
def test_more_than_anybody_says_is_refused_by_its_field(fields, param):
    with pytest.raises(ApiRefused) as refused:
        read_request(ChatRequest, json.dumps({"model": "m", **fields}).encode())
    assert (refused.value.status, refused.value.body["param"]) == (400, param)
    assert "at most" in refused.value.body["message"]
    with pytest.raises(ApiRefused):
        chat({"role": "user", "content": [{"text": "a"}] * 2_001})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b'"\\ud800"', None),
        (b"[" * 10_000, None),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "model"),
        (b'{"model": "m", "messages": []}', "messages"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "n": 2}', "n"),
        (b'{"model": "m", "messages": [{"role": "user", "content": 7}]}', "messages.0.content"),
        (b'{"model": "m", "messages": [{"role": "assistant", "content": "x"}]}', "messages"),
        (b'{"model": "m", "messages": [{"role": "user", "content": "  "}]}', "messages"),
    ],
)
def test_chat_is_refused_by_the_name_of_its_field(body, param):
    with pytest.raises(ApiRefused) as refused:
        read_request(ChatRequest, body).instructions_said  # noqa: B018
    assert (refused.value.status, refused.value.body["param"]) == (400, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 7}, "input"),
        ({"input": [{"role": "user", "content": 7}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 7}]}]}, "input.0.content.0.text"),
        ({"input": " "}, "input"),
        ({"input": "x", "parallel": "1_0"}, "parallel"),
        ({"input": "x", "plan": [{"name": "Why", "max_tokens": "1_000"}]}, "plan.0.max_tokens"),
    ],
)
def test_response_is_refused_by_the_name_of_its_field(fields, param):
    with pytest.raises(ApiRefused) as refused:
        read_request(ResponseRequest, json.dumps({"model": "m", **fields}).encode()).instructions_said  # noqa: B018
    assert (refused.value.status, refused.value.body["param"]) == (400, param)
