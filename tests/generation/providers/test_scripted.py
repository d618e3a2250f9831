"""The shipped fake: it keeps to its script, behaves like a provider, and never pretends to be a model."""

from __future__ import annotations

import asyncio

import pytest

from artifacts.preview import render
from generation.errors import ProviderUnavailable
from generation.providers.base import Finish, FinishReason, Message, Piece, Usage
from generation.providers.scripted.provider import NAME, TOKENS_PER_SECOND, Reply, ScriptedCall, ScriptedProvider
from generation.providers.scripted.sample import section_text
from generation.writing.phases import BRIEF, BUILT_IN, Phase
from generation.writing.prompts import Assignment, section_prompt

pytestmark = pytest.mark.asyncio

ASKING: list[Message] = [{"role": "user", "content": "Write."}]


class Clock:
    """Counts what is slept, without sleeping."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        await asyncio.sleep(0)


async def call(provider: ScriptedProvider, messages=ASKING, *, max_tokens=1_000, delivery="stream"):
    async with provider.stream(messages, model="", max_tokens=max_tokens, delivery=delivery) as pieces:
        items = [item async for item in pieces]
    assert isinstance(items[-1], Finish)
    return [item.text for item in items[:-1]], items[-1]


async def test_replies_come_in_order_and_then_nothing():
    provider = ScriptedProvider([Reply(text="one"), Reply(text="two", finish=FinishReason.FILTERED)])
    assert [("".join(texts), finish.reason) for texts, finish in [await call(provider) for _ in range(3)]] == [
        ("one", FinishReason.COMPLETE),
        ("two", FinishReason.FILTERED),
        ("", FinishReason.COMPLETE),
    ]


async def test_script_may_be_a_function_of_the_call():
    def answer(asked: ScriptedCall) -> Reply:
        return Reply(text=f"{asked.messages[0]['content']} {asked.max_tokens} {asked.delivery}")

    texts, _ = await call(ScriptedProvider(answer), max_tokens=9, delivery="turns")
    assert texts == ["Write. 9 turns"]


async def test_pieces_are_sent_as_they_are_with_their_pauses():
    clock = Clock()
    provider = ScriptedProvider([Reply(pieces=("a", "", "bcd", "e"), pause_s=0.5)] * 2, sleep=clock.sleep)
    assert (await call(provider))[0] == ["a", "bcd", "e"]
    assert clock.slept_s == 1.5
    assert (await call(provider, delivery="turns"))[0] == ["abcde"]
    assert clock.slept_s == 3.0


@pytest.mark.parametrize("delivery", ["stream", "turns"])
async def test_reply_longer_than_the_limit_is_truncated_there(delivery):
    provider = ScriptedProvider([Reply(text="x" * 41, error=ProviderUnavailable("never reached"))])
    texts, finish = await call(provider, max_tokens=10, delivery=delivery)
    assert "".join(texts) == "x" * 40
    assert (finish.reason, finish.usage.completion_tokens) == (FinishReason.TRUNCATED, 10)


async def test_error_comes_after_the_text_and_instead_of_a_finish():
    provider = ScriptedProvider([Reply(text="half", error=ProviderUnavailable("gone"))])
    async with provider.stream(ASKING, model="", max_tokens=100) as pieces:
        assert await anext(pieces) == Piece(text="half")
        with pytest.raises(ProviderUnavailable, match="gone"):
            await anext(pieces)


async def test_usage_and_reasoning_are_as_scripted():
    usage = Usage(prompt_tokens=7, completion_tokens=9)
    provider = ScriptedProvider([Reply(usage=usage, reasoned=True, finish=FinishReason.TRUNCATED)])
    _, finish = await call(provider)
    assert finish == Finish(reason=FinishReason.TRUNCATED, usage=usage, model="scripted", reasoned=True)


async def test_leaving_in_the_middle_ends_the_call():
    provider = ScriptedProvider([Reply(text="x" * 100)])
    async with provider.stream(ASKING, model="", max_tokens=100) as pieces:
        await anext(pieces)
        assert provider.open_calls == 1
    assert provider.open_calls == 0
    with pytest.raises(StopAsyncIteration):
        await anext(pieces)


async def test_calls_are_remembered():
    provider = ScriptedProvider(prefills=False, streams=False)
    await call(provider, max_tokens=3)
    assert [(asked.max_tokens, asked.messages) for asked in provider.calls] == [(3, tuple(ASKING))]
    assert (provider.prefills(""), provider.streams("")) == (False, False)


# The default script


def assignment(phase: Phase = BRIEF) -> Assignment:
    return Assignment(project_title="Lighthouse", document_title=phase.title, plan=phase.plan)


async def written(index: int, *, mode: str = "prefill", max_tokens: int = 2_000) -> list[str]:
    """What each turn brought."""
    provider = ScriptedProvider(sleep=Clock().sleep)
    prompt = section_prompt(assignment(), index, earlier="", mode=mode)
    turns, text = [], ""
    for _ in range(30):
        pieces, finish = await call(provider, prompt.messages(text), max_tokens=max_tokens)
        turns.append("".join(pieces))
        text += turns[-1]
        if finish.reason is FinishReason.COMPLETE:
            return turns
        assert finish.reason is FinishReason.TRUNCATED
    raise AssertionError("it never ends")


async def test_default_script_writes_the_section_that_is_asked_for():
    texts = ["".join(await written(index)) for index in range(len(BRIEF.plan))]
    assert len(set(texts)) == len(texts)
    for text, section in zip(texts, BRIEF.plan, strict=True):
        assert text == section_text(section.name, "Lighthouse", says_what_it_is=section.name == "Summary")
        assert 1_000 <= len(text.encode()) <= 2_048
        assert text == text.strip()


async def test_default_script_continues_exactly_when_prefilled():
    turns = await written(0, max_tokens=37)
    assert len(turns) > 5
    assert "".join(turns) == section_text("Summary", "Lighthouse")


async def test_default_script_copies_the_last_words_when_asked_anew():
    provider = ScriptedProvider(sleep=Clock().sleep)
    prompt = section_prompt(assignment(), 0, earlier="", mode="reprompt")
    whole = section_text("Summary", "Lighthouse")
    for length in (100, 400, 900):
        pieces, _ = await call(provider, prompt.messages(whole[:length]))
        answer = "".join(pieces)
        assert whole.endswith(answer)
        copied = length + len(answer) - len(whole)
        assert 20 <= copied <= 200


async def test_default_script_is_markdown_of_several_kinds():
    html = "".join(render(section_text(section.name)) for phase in BUILT_IN for section in phase.plan)
    for tag in ("<p>", "<ul>", "<ol>", "<table>", "<pre", "<strong>", "<h3", "<code>", "<em>"):
        assert tag in html, tag


async def test_default_script_runs_at_the_pace_of_a_model():
    clock = Clock()
    pieces, finish = await call(ScriptedProvider(sleep=clock.sleep))
    assert max(map(len, pieces)) <= 8
    assert finish.usage.completion_tokens / clock.slept_s == pytest.approx(TOKENS_PER_SECOND, rel=0.05)


async def test_it_says_that_it_is_no_model():
    assert "not a model" in NAME
    assert ScriptedProvider().name == NAME
    for phase in BUILT_IN:
        told = [section_text(section.name, says_what_it_is=n == 0) for n, section in enumerate(phase.plan)]
        assert "script" in told[0]
        assert "model" in told[0]
        assert not any("not from a language model" in text or "by a model" in text for text in told[1:])
