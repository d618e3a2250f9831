"""Sections written with endpoints that take a call differently: what a refusal teaches, and that the text is right."""

from __future__ import annotations

import asyncio

import pytest

from generation.providers.openai_compatible.client import OpenAICompatible
from generation.writing.continuation import Continuation, Outcome
from generation.writing.phases import SectionPlan
from generation.writing.prompts import Assignment
from generation.writing.retries import RetryPolicy
from generation.writing.sections import write_section
from tests.support.openai_script import Script
from tests.support.openai_server import OpenAIServer, serving

pytestmark = pytest.mark.asyncio

TEXT = "".join(
    f"Lamp {number} turns once in {number} seconds and is seen at {number} miles.\n\n" for number in range(12)
)


async def write(server: OpenAIServer, provider: OpenAICompatible, **options: object) -> Continuation:
    async def nothing(_: object) -> None:
        await asyncio.sleep(0)

    plan = (SectionPlan(name="Goals", instructions="", max_tokens=2_000),)
    await provider.prepare()
    return await write_section(
        provider,
        Assignment(project_title="Lamp", document_title="Brief", plan=plan),
        0,
        earlier="",
        model="m",
        on_chunk=nothing,
        mode="prefill" if provider.prefills("m") else "reprompt",
        policy=RetryPolicy(attempts=1),
        sleep=nothing,
        **{"delivery": "turns", "turn_tokens": 40, **options},
    )


async def test_refused_prefill_goes_on_by_asking_anew_within_the_section():
    async with serving(Script(texts={"Goals": TEXT}, prefill="refused")) as server:
        provider = OpenAICompatible(base_url=server.base_url, model="m")
        result = await write(server, provider)
        assert result.outcome is Outcome.COMPLETE, result.detail
        assert result.text == f"## Goals\n\n{TEXT.strip()}"
        assert [request.state for request in server.requests].count("refused") == 1
        assert not provider.prefills("m")
        assert provider.prefills("another")
        await provider.aclose()
