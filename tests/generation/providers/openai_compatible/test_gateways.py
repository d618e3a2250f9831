"""What gateways and servers were reported to put beside the text: thoughts once more, empty calls, signs of life."""

from __future__ import annotations

import json

import pytest

from generation.providers.base import FinishReason
from generation.providers.openai_compatible.client import OpenAICompatible
from tests.generation.providers.test_openai_compatible import Answered, call
from tests.support.endpoint.openai_raw import DONE, HEAD, Reply, chunk, event, http, raw_server, says

pytestmark = pytest.mark.asyncio

THOUGHT = "The user asks about lamps. Let me recall what a lamp is, and then write three sentences about it. " * 6
TEXT = ("Lamps give ", "light. They ", "stand in rooms.")
STOP, LENGTH = says(None, "stop"), says(None, "length")


def thinks(text: str, field: str = "reasoning_content") -> list[bytes]:
    return [chunk({field: text[at : at + 40]}) for at in range(0, len(text), 40)]


async def answer(reply: Reply) -> Answered:
    async with raw_server(reply) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="reprompt")
        try:
            return await call(provider)
        finally:
            await provider.aclose()


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize(
    "again",
    [
        [says(THOUGHT)],
        [says("\n" + THOUGHT.strip())],
        [says(THOUGHT[at : at + 30]) for at in range(0, len(THOUGHT), 30)],
        [says(THOUGHT[:300])],
    ],
)
async def test_thought_that_the_limit_cut_is_no_text_though_it_comes_again_as_one(field, again):
    answered = await answer([HEAD, *thinks(THOUGHT, field), *again, LENGTH, DONE])
    assert (answered.text, answered.finish.reason, answered.finish.reasoned) == ("", FinishReason.TRUNCATED, True)


async def test_thought_that_comes_again_in_a_whole_answer_is_no_text():
    message = {"role": "assistant", "content": THOUGHT, "reasoning_content": THOUGHT}
    body = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "length"}]})
    answered = await answer(http(body.encode()))
    assert (answered.text, answered.finish.reason) == ("", FinishReason.TRUNCATED)


@pytest.mark.parametrize(
    ("texts", "end"),
    [
        ([THOUGHT], STOP),  # the model ended its turn without closing its thought: that is all the answer there is
        ([THOUGHT[:60], " And so on, which is the text."], STOP),
        ([THOUGHT[:60], " And so on, which is the te"], LENGTH),
        ([THOUGHT, "And more."], STOP),
    ],
)
async def test_text_that_only_begins_like_the_thought_stays(texts, end):
    answered = await answer([HEAD, *thinks(THOUGHT), *map(says, texts), end, DONE])
    assert answered.text == "".join(texts)


async def test_thought_that_comes_again_is_no_text_where_the_answer_breaks_off():
    answered = await answer([HEAD, *thinks(THOUGHT), says(THOUGHT[:200])])
    assert answered.text == ""


@pytest.mark.parametrize(
    "beside",
    [
        {"function_call": {"name": "", "arguments": ""}},
        {"tool_calls": []},
        {"tool_calls": [{"index": 0, "type": "function", "function": {"name": "", "arguments": ""}}]},
    ],
)
async def test_call_of_nothing_is_no_tool(beside):
    pieces = [chunk({"content": text, **beside}) for text in TEXT]
    answered = await answer([HEAD, *pieces, chunk(beside, "stop"), DONE])
    assert (answered.text, answered.finish.reason) == ("".join(TEXT), FinishReason.COMPLETE)


@pytest.mark.parametrize(
    "beside",
    [
        {"function_call": {"name": "look", "arguments": ""}},
        {"tool_calls": [{"index": 0, "function": {"name": "look", "arguments": "{}"}}]},
    ],
)
async def test_call_of_something_is_one_though_it_ends_with_stop(beside):
    assert (await answer([HEAD, chunk(beside), STOP, DONE])).finish.reason is FinishReason.TOOL


@pytest.mark.parametrize("named", [{"id": "SSE-Keep-Alive"}, {"SSE-Keep-Alive": True}, {"id": "heartbeat-7"}])
async def test_event_that_is_named_as_a_sign_of_life_brings_no_text(named):
    life = event({"choices": [{"index": 0, "delta": {"content": "\u200b"}, "finish_reason": None}], **named})
    answered = await answer([HEAD, life, says(TEXT[0]), life, *map(says, TEXT[1:]), life, STOP, DONE])
    assert (answered.text, answered.finish.reason) == ("".join(TEXT), FinishReason.COMPLETE)


async def test_nothing_without_width_stands_before_the_text_and_all_of_it_within():
    answered = await answer(
        [HEAD, says("\u200b"), says("\u200b"), says("# ไทย"), says("\u200b"), says("แลนด์"), STOP, DONE]
    )
    assert answered.text == "# ไทย\u200bแลนด์"


async def test_stop_of_a_gateway_behind_the_limit_of_its_model_is_no_end():
    answered = await answer([HEAD, *map(says, TEXT[:2]), LENGTH, STOP, DONE])
    assert (answered.text, answered.finish.reason) == ("".join(TEXT[:2]), FinishReason.TRUNCATED)
    answered = await answer([HEAD, *(says(text, "length") for text in TEXT), STOP, DONE])
    assert (answered.text, answered.finish.reason) == ("".join(TEXT), FinishReason.COMPLETE)
