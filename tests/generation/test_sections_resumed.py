"""What a whole document remembers from section to section, and a section from stop to resume, with a real worker."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async

from artifacts.models import Reason, StreamStatus
from generation import control
from generation.sections import budget_left
from tests.generation.workbench import choice_of, document, planned, start, text_of, until, until_ended, working
from tests.openai_script import Behaviour, Script, limit_of
from tests.openai_server import serving

LINES = "".join(f"Ship {number} came home because of the light.\n\n" for number in range(60)).rstrip()
SHORT = "One light for the whole coast."


@pytest.mark.parametrize(("spent", "left"), [(0, 500), (1, 499), (499, 1), (500, 500), (700, 500)])
def test_resumed_section_has_what_is_left_of_its_budget(spent, left):
    assert budget_left(500, spent=spent) == left


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_tokens_spent_before_a_stop_count_after_it(artifact, owner):
    script = Script(texts={"Summary": LINES}, default=Behaviour(pause_s=0.005))
    async with serving(script) as server, working(choice_of(server, continuation="prefill")):
        await start(artifact, owner, "Summary")
        await until(artifact, lambda now: now.length > 400)
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
    async with serving(Script(texts={"Summary": LINES})) as server, working(choice_of(server, continuation="prefill")):
        plan = planned("Summary", max_tokens=400)
        await database_sync_to_async(control.start)(artifact, owner, plan=plan)
        exhausted = await until_ended(artifact)
        await database_sync_to_async(control.resume)(artifact)
        done = await until_ended(artifact)
        limits = [limit_of(request.body) for request in server.requests]
    assert (exhausted.stream_status, exhausted.reason) == (StreamStatus.PAUSED, Reason.TOKENS_EXHAUSTED)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == document([("Summary", LINES)])
    assert limits[0] == limits[-1] == 400


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_endpoint_that_refuses_streaming_is_asked_for_it_once_in_a_whole_document(artifact, owner):
    names = ("Summary", "People", "Goals")
    script = Script(texts=dict.fromkeys(names, SHORT), refuses=["stream"])
    async with serving(script) as server, working(choice_of(server)):
        await start(artifact, owner, *names)
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == document([(name, SHORT) for name in names])
    assert [request.state for request in server.requests] == ["refused", "answered", "answered", "answered"]
