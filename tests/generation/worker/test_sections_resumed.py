"""What a whole document remembers from section to section, and a section from stop to resume, with a real worker."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async

from artifacts.models import StreamStatus
from generation import control
from generation.reasons import StopReason
from generation.writing.sections import portions
from tests.support.endpoint.openai_script import Behaviour, Script, limit_of
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.workbench import (
    choice_of,
    planned,
    start,
    text_of,
    text_of_sections,
    until_artifact,
    until_ended,
    working,
)

LINES = "".join(f"Ship {number} came home because of the light.\n\n" for number in range(60)).rstrip()
SHORT = "One light for the whole coast."


@pytest.mark.parametrize(
    ("spent", "stopped_at", "expected"),
    [
        (0, 0, (500, 500)),
        (1, 0, (499, 500)),
        (499, 300, (1, 500)),
        (500, 0, (500, 0)),  # taken over at the border: the second portion only
        (700, 300, (300, 0)),  # taken over, or resumed, in the second portion
        (1_000, 700, (0, 0)),  # its worker died before it could pause
        (1_020, 1_020, (500, 0)),  # resumed after both
        (1_300, 1_020, (220, 0)),  # taken over after that
        (1_520, 1_520, (500, 0)),  # and resumed once more
    ],
)
def test_section_has_two_portions_and_one_more_from_who_resumes_it(spent, stopped_at, expected):
    assert portions(500, spent=spent, stopped_at=stopped_at) == expected


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_tokens_spent_before_a_stop_count_after_it(artifact, owner):
    script = Script(texts={"Summary": LINES}, default=Behaviour(pause_s=0.005))
    async with serving_endpoint(script) as server, working(choice_of(server, continuation="prefill")):
        await start(artifact, owner, "Summary")
        await until_artifact(artifact, lambda now: now.length > 400)
        await database_sync_to_async(control.pause)(artifact)
        paused = await until_ended(artifact)
        server.script = Script(texts={"Summary": LINES})
        await database_sync_to_async(control.resume)(artifact)
        done = await until_ended(artifact)
        first, *_, last = [limit_of(request.body) for request in server.requests]
    assert done.stream_status == StreamStatus.COMPLETE
    assert paused.tokens_generated > 80
    assert last == first - paused.tokens_generated


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_section_without_tokens_left_gets_as_many_again_from_who_resumes_it(artifact, owner):
    async with (
        serving_endpoint(Script(texts={"Summary": LINES})) as server,
        working(choice_of(server, continuation="prefill")),
    ):
        plan = planned("Summary", max_tokens=240)
        await database_sync_to_async(control.start)(artifact, owner, plan=plan)
        exhausted = await until_ended(artifact)
        await database_sync_to_async(control.resume)(artifact)
        done = await until_ended(artifact)
        limits = [limit_of(request.body) for request in server.requests]
    assert (exhausted.stream_status, exhausted.reason) == (StreamStatus.PAUSED, StopReason.TOKENS_EXHAUSTED)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == text_of_sections([("Summary", LINES)])
    assert limits == [240, 240, 240]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_section_that_is_stuck_is_written_anew_with_another_budget_and_the_finished_ones_stay(artifact, owner):
    script = Script(texts={"Summary": SHORT, "People": LINES, "Goals": SHORT})
    async with serving_endpoint(script) as server, working(choice_of(server, continuation="prefill")):
        await start(artifact, owner, "Summary", "People", "Goals", max_tokens=100)
        stuck = await until_ended(artifact)
        before = len(server.requests)
        await database_sync_to_async(control.resume)(artifact, anew=True, max_tokens=900)
        done = await until_ended(artifact)
        limits = [limit_of(request.body) for request in server.requests[before:]]
    assert (stuck.reason, stuck.sections_completed) == (StopReason.TOKENS_EXHAUSTED, 1)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == text_of_sections([("Summary", SHORT), ("People", LINES), ("Goals", SHORT)])
    assert limits == [900, 900]
    kept = await database_sync_to_async(artifact.versions.get)()
    assert (kept.content, done.epoch) == (stuck.text, 2)


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_section_that_uses_up_its_tokens_gets_as_many_once_more_by_itself(artifact, owner):
    async with (
        serving_endpoint(Script(texts={"Summary": LINES})) as server,
        working(choice_of(server, continuation="prefill")),
    ):
        plan = planned("Summary", max_tokens=400)
        await database_sync_to_async(control.start)(artifact, owner, plan=plan)
        done = await until_ended(artifact)
        limits = [limit_of(request.body) for request in server.requests]
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == text_of_sections([("Summary", LINES)])
    assert limits == [400, 400]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_resume_with_another_model_asks_that_one_from_the_next_call_on(artifact, owner):
    script = Script(texts={"Summary": SHORT, "People": LINES}, models=["old", "new"], default=Behaviour(pause_s=0.005))
    async with serving_endpoint(script) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary", "People", model="old")
        await until_artifact(artifact, lambda now: now.sections_completed == 1 and now.length > 300)
        await database_sync_to_async(control.pause)(artifact)
        await until_ended(artifact)
        before = len(server.requests)
        await database_sync_to_async(control.resume)(artifact, model="new")
        done = await until_ended(artifact)
        asked = [request.body["model"] for request in server.requests]
        models = await database_sync_to_async(list)(artifact.sections.values_list("model", flat=True))
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert set(asked[:before]) == {"old"}
    assert set(asked[before:]) == {"new"}
    assert models == ["old", "old, new"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_endpoint_that_refuses_streaming_is_asked_for_it_once_in_a_whole_document(artifact, owner):
    names = ("Summary", "People", "Goals")
    script = Script(texts=dict.fromkeys(names, SHORT), refuses=["stream"])
    async with serving_endpoint(script) as server, working(choice_of(server)):
        await start(artifact, owner, *names)
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == text_of_sections([(name, SHORT) for name in names])
    assert [request.state for request in server.requests] == ["refused", "answered", "answered", "answered"]
