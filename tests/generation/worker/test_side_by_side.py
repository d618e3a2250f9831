"""Sections that are written at the same time: one document, as if they had come one after the other."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async

from artifacts.errors import InvalidInput
from artifacts.lifecycle.placed_sections import placed_sections
from artifacts.lifecycle.state import state_of
from artifacts.models import Artifact, DraftDelta, StreamStatus
from generation import control
from generation.reasons import StopReason
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.workbench import choice_of, start, text_of, text_of_sections, until_artifact, until_ended, working

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

synced = database_sync_to_async
NAMES = ("Summary", "利用者", "Goals", "Risks", "Next")
LENGTHS = (30, 2, 20, 10, 15)
TEXTS = {
    name: "".join(f"{name} {number}: the light was seen. 灯台 ∂x\n\n" for number in range(length)).rstrip()
    for name, length in zip(NAMES, LENGTHS, strict=True)
}
WHOLE = text_of_sections(list(TEXTS.items()))


def sections_of(artifact) -> list[tuple[str, str]]:
    now = Artifact.objects.get(pk=artifact.pk)
    return [(one.name, one.body) for one in placed_sections(now.text, list(now.sections.order_by("position")))]


def statuses(artifact) -> list[str]:
    return list(artifact.sections.order_by("position").values_list("status", flat=True))


@pytest.mark.parametrize("continuation", ["prefill", "reprompt"])
async def test_document_is_the_same_and_so_many_calls_are_made_at_once(artifact, owner, continuation):
    script = Script(texts=TEXTS, default=Behaviour(pause_s=0.002))
    async with serving_endpoint(script) as server, working(choice_of(server, continuation=continuation)):
        await start(artifact, owner, *NAMES, parallel=3)
        done = await until_ended(artifact)
        requests = list(server.requests)
    told = {request.section: request.body["messages"][1]["content"] for request in requests}
    at_once = max(sum(other.began_at <= one.began_at < other.ended_at for other in requests) for one in requests)
    assert (done.stream_status, done.sections_completed) == (StreamStatus.COMPLETE, 5)
    assert await text_of(artifact) == WHOLE
    assert (len(requests), at_once) == (5, 3)
    assert [f"- {name}\n" in told["Goals"] for name in NAMES] == [True, True, False, False, False]  # not known yet
    assert "Headings written so far:" not in told["Goals"]
    sections = await synced(lambda: state_of(done)["sections"])()
    assert sum(section["tokens"] for section in sections) == done.tokens_generated > 0
    assert await synced(DraftDelta.objects.count)() == 0


async def drafts_under_way(artifact) -> Artifact:
    """Once the first section is seen, one draft is whole and two others are begun."""
    begun = artifact.sections.filter(status="drafting", drafted__gt=60)
    found = synced(lambda: artifact.sections.filter(status="drafted").count() == 1 and begun.count() == 2)
    while not await found():
        await until_artifact(artifact, lambda now: now.stream_status == StreamStatus.STREAMING)
    return await until_artifact(artifact, lambda now: now.length > 200)


async def test_pause_keeps_every_word_and_resume_goes_on_from_it(artifact, owner):
    script = Script(texts=TEXTS, default=Behaviour(pause_s=0.01))
    async with serving_endpoint(script) as server, working(choice_of(server, continuation="prefill")):
        await start(artifact, owner, *NAMES, parallel=3)
        await drafts_under_way(artifact)
        await synced(control.pause)(artifact)
        paused = await until_ended(artifact)
        kept = await synced(lambda: dict(artifact.sections.values_list("position", "drafted")))()
        before, stopped_in = len(server.requests), await synced(statuses)(artifact)
        server.script = Script(texts=TEXTS)
        await synced(control.resume)(artifact)
        done = await until_ended(artifact)
        again = {request.section: request.position for request in server.requests[before:]}
    assert stopped_in[:4] == ["partial", "drafted", "partial", "partial"]
    assert (done.stream_status, await text_of(artifact)) == (StreamStatus.COMPLETE, WHOLE)
    assert "利用者" not in again
    assert again["Summary"] == paused.length - len("## Summary\n\n")
    assert again["Goals"] == kept[2] - len("## Goals\n\n") > 0


async def test_cancel_puts_the_drafts_into_the_document_in_their_order(artifact, owner):
    script = Script(texts=TEXTS, default=Behaviour(pause_s=0.01))
    async with serving_endpoint(script) as server, working(choice_of(server, continuation="prefill")):
        await start(artifact, owner, *NAMES, parallel=3)
        await drafts_under_way(artifact)
        await synced(control.cancel)(artifact)
        cancelled = await until_ended(artifact)
    found = await synced(sections_of)(artifact)
    assert cancelled.stream_status == StreamStatus.CANCELLED
    assert [name for name, _ in found] == list(NAMES[:4])
    assert found[1][1] == TEXTS["利用者"]
    assert all(TEXTS[name].startswith(body) and body for name, body in found)
    assert (await synced(statuses)(artifact), cancelled.sections_completed) == (
        ["partial", "complete", "partial", "partial", "pending"],
        1,
    )
    assert await synced(DraftDelta.objects.count)() == 0


async def test_draft_that_cannot_go_on_stops_the_document_in_its_place(artifact, owner):
    script = Script(
        texts=TEXTS,
        by_section={"Goals": [Behaviour(finish="content_filter", text="It ends here.")]},
        default=Behaviour(pause_s=0.002),
    )
    async with serving_endpoint(script) as server, working(choice_of(server)):
        await start(artifact, owner, *NAMES, parallel=3)
        paused = await until_ended(artifact)
    assert (paused.stream_status, paused.reason) == (StreamStatus.PAUSED, StopReason.FILTERED)
    assert (await synced(sections_of)(artifact))[:2] == list(TEXTS.items())[:2]
    assert (await synced(statuses)(artifact))[:3] == ["complete", "complete", "partial"]


@pytest.mark.parametrize("parallel", [0, 9, -1])
async def test_number_of_sections_at_once_is_bounded(artifact, owner, parallel):
    with pytest.raises(InvalidInput, match="between 1 and 8") as refused:
        await start(artifact, owner, *NAMES, parallel=parallel)
    assert refused.value.field == "parallel"
