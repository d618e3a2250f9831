"""Sections written with endpoints that take a call differently: what a refusal teaches, and that the text is right."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from artifacts.planned_section import PlannedSection
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.writing.continuation import Continuation, Outcome
from generation.writing.patience import Limits, Silence
from generation.writing.prompts import Assignment
from generation.writing.retries import RetryPolicy
from tests.generation.writing.keywords import write_section
from tests.support.endpoint.openai_raw import DONE, HEAD, chunk, raw_server, says
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint

pytestmark = pytest.mark.asyncio

TEXT = "".join(
    f"Lamp {number} turns once in {number} seconds and is seen at {number} miles.\n\n" for number in range(12)
)


async def write(server: object, provider: OpenAICompatible, **options: object) -> Continuation:
    async def nothing(_: object) -> None:
        await asyncio.sleep(0)

    plan = (PlannedSection(name="Goals", instructions="", max_tokens=2_000),)
    await provider.prepare()
    return await write_section(
        provider,
        Assignment(project_title="Lamp", document_title="Brief", plan=plan),
        0,
        earlier="",
        model="m",
        on_chunk=nothing,
        mode="prefill" if provider.prefills("m") else "reprompt",
        sleep=nothing,
        **{"delivery": "turns", "turn_tokens": 40, "policy": RetryPolicy(attempts=1), **options},
    )


async def test_refused_prefill_goes_on_by_asking_anew_within_the_section():
    async with serving_endpoint(Script(texts={"Goals": TEXT}, prefill="refused")) as server:
        provider = OpenAICompatible(base_url=server.base_url, model="m")
        result = await write(server, provider)
        assert result.outcome is Outcome.COMPLETE, result.detail
        assert result.text == f"## Goals\n\n{TEXT.strip()}"
        assert [request.state for request in server.requests].count("refused") == 1
        assert not provider.prefills("m")
        assert provider.prefills("another")
        await provider.aclose()


@pytest.mark.parametrize("begins", [b"", HEAD, HEAD + chunk({"role": "assistant"})])
async def test_model_that_is_silent_for_longer_than_the_limit_is_waited_for_in_the_end(begins):
    silence = Silence()
    limits = Limits(first_piece_s=0.1, stall_s=5, thinking_s=60, silence=silence)
    rest = HEAD.removeprefix(begins[: len(HEAD)]) + says("The lamp.") + says("", "stop") + DONE
    async with raw_server([begins, 0.7, rest]) as server:
        provider = OpenAICompatible(base_url=server.base_url, model="m", continuation="reprompt", thinking_s=60)
        asked = []
        for _ in range(2):
            policy = RetryPolicy(attempts=6)
            result = await write(server, provider, delivery="stream", limits=limits, policy=policy)
            assert (result.outcome, result.text) == (Outcome.COMPLETE, "## Goals\n\nThe lamp."), result.detail
            asked.append(len(server.bodies))
        await provider.aclose()
    assert 1 < asked[0] <= 5
    assert asked[1] == asked[0] + 1, "the second section asks once"


@pytest.mark.parametrize("delivery", ["turns", "stream"])
@pytest.mark.parametrize(
    "says_first",
    [
        "Certainly! Here is the rest of the document:\n\n",
        "Sure, continuing from where we left off:\n\n",
        "Gerne, hier geht es weiter:\n\n",
        "好的，以下是文档的其余部分：\n\n",
    ],
)
async def test_endpoint_that_takes_no_notice_of_the_begun_text_is_asked_anew(says_first, delivery):
    cut = Behaviour(text=TEXT[:190], finish="length")
    script = Script(texts={"Goals": TEXT}, behaviours=(cut,), prefill="ignored", says_first=says_first)
    async with serving_endpoint(script) as server:
        provider = OpenAICompatible(base_url=server.base_url, model="m")
        result = await write(server, provider, delivery=delivery)
        assert result.outcome is Outcome.COMPLETE, result.detail
        assert result.text == f"## Goals\n\n{TEXT.strip()}"
        assert sum(request.begun is not None for request in server.requests) == 1
        assert "could not be used" not in server.requests[2].prompt
        assert not provider.prefills("m")
        assert provider.prefills("another")
        await provider.aclose()


async def test_endpoint_that_begins_the_text_again_is_asked_anew():
    async with serving_endpoint(Script(texts={"Goals": TEXT}, prefill="ignored")) as server:
        provider = OpenAICompatible(base_url=server.base_url, model="m")
        result = await write(server, provider)
        assert result.outcome is Outcome.COMPLETE, result.detail
        assert result.text == f"## Goals\n\n{TEXT.strip()}"
        assert not provider.prefills("m")
        await provider.aclose()


async def test_model_that_went_on_before_is_not_trusted_once_it_does_not():
    async with serving_endpoint(Script(texts={"Goals": TEXT})) as server:
        provider = OpenAICompatible(base_url=server.base_url, model="m")
        await write(server, provider)
        assert provider.prefills("m")
        server.script = replace(server.script, prefill="ignored", says_first="Sure! Here is the rest of the text:\n\n")
        result = await write(server, provider)
        assert result.text == f"## Goals\n\n{TEXT.strip()}"
        assert not provider.prefills("m")
        await provider.aclose()


@pytest.mark.parametrize(("piece_tokens", "most_portions"), [(1, 2.4), (40, 2.5)])
async def test_endpoint_without_usage_that_writes_for_ever_gets_its_two_portions(piece_tokens, most_portions):
    endless = Behaviour(usage=None, ignores_limit=True, piece_tokens=piece_tokens)
    async with serving_endpoint(Script(texts={"Goals": TEXT * 60}, default=endless)) as server:
        provider = OpenAICompatible(base_url=server.base_url, model="m", continuation="prefill")
        result = await write(server, provider, delivery="stream", more_tokens=2_000)
        await provider.aclose()
    assert (result.outcome, result.reason, len(server.requests)) == (Outcome.LIMITED, "tokens_exhausted", 2)
    assert result.tokens == result.tokens_estimated
    assert 2 * 2_000 <= result.tokens <= most_portions * 2_000
    assert "counted from the text" in result.detail
    assert (TEXT * 60).startswith(result.text.removeprefix("## Goals\n\n"))
