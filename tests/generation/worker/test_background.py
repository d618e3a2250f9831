"""Documents written with `STREAMGEN_DELIVERY=background`: stopped, resumed, taken over, each section asked for once."""

from __future__ import annotations

import asyncio

import pytest
from channels.db import database_sync_to_async

from artifacts.models import Artifact, Section, StreamStatus
from artifacts.reasons import Reason
from generation import control
from generation.models import GenerationTask
from tests.support.endpoint.openai_script import Script
from tests.support.endpoint.responses_server import Keeping, keeping
from tests.support.limits import WAIT_S
from tests.support.workbench import (
    choice_of,
    planned,
    settled,
    start,
    text_of,
    text_of_sections,
    until_artifact,
    until_ended,
    working,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

synced = database_sync_to_async
FIRST = (
    "".join(f"The lamp number {number} turns once in {number + 3} seconds.\n\n" for number in range(40)) + "So it is."
)
SECOND = "".join(f"- Oil for {number} nights\n" for number in range(60)) + "\nThat is all."
TEXTS = {"Summary": FIRST, "Stores": SECOND}
WHOLE = text_of_sections([("Summary", FIRST), ("Stores", SECOND)])


@pytest.fixture(autouse=True)
def _background(settings) -> None:
    settings.STREAMGEN_DELIVERY = "background"
    settings.STREAMGEN_FLUSH_MS = 20


def script(**options) -> Script:
    return Script(texts=TEXTS, prefill="none", software="", **options)


async def begin(artifact: Artifact, owner) -> GenerationTask:
    return await synced(control.start)(artifact, owner, plan=planned("Summary", "Stores"))


async def section(artifact: Artifact, name: str) -> Section:
    return await synced(Section.objects.get)(artifact=artifact, name=name)


async def until_grown(artifact: Artifact, length: int) -> Artifact:
    return await until_artifact(artifact, lambda now: now.length >= length)


async def test_a_document_is_asked_for_once_a_section_and_leaves_no_answer_on_its_rows(artifact, owner):
    async with keeping(script()) as server, working(choice_of(server)):
        await begin(artifact, owner)
        ended = await until_ended(artifact)
    assert ended.stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == WHOLE
    assert len(server.creates) == 2
    assert server.requests == []
    rows = [await section(artifact, name) for name in TEXTS]
    assert [row.answer for row in rows] == ["", ""]
    usage = [answer.usage["output_tokens"] for answer in server.kept.values()]
    assert [row.tokens for row in rows] == usage
    assert ended.tokens_generated == sum(usage)


async def test_the_answer_is_on_the_row_before_any_text(artifact, owner):
    async with keeping(script(), Keeping(holds_at=0)) as server, working(choice_of(server)):
        await begin(artifact, owner)
        await server.until(lambda: len(server.kept) == 1)
        async with asyncio.timeout(WAIT_S):
            while not (row := await section(artifact, "Summary")).answer:
                await asyncio.sleep(0.01)
        assert (row.answer, row.answer_event, row.answer_after) == ("resp_1", 0, 0)
        assert (await synced(Artifact.objects.get)(pk=artifact.pk)).length == 0


async def test_another_worker_reads_the_answer_on(artifact, owner):
    """The first one is asked to end in mid-answer, several times."""
    async with keeping(script(), Keeping(pause_s=0.01)) as server:
        task = await begin(artifact, owner)
        for length in (1, 300, 600, 2_300, 2_500):
            async with working(choice_of(server)):
                await until_grown(artifact, length)
        assert server.cancels == []
        async with working(choice_of(server)):
            assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE
        await settled(task, "succeeded")
    assert await text_of(artifact) == WHOLE
    assert len(server.creates) == 2
    assert all(after is not None for _, streamed, after in server.retrieves if streamed)


async def test_answers_of_sections_that_are_written_at_once_are_read_on_as_well(artifact, owner):
    async with keeping(script(), Keeping(pause_s=0.01)) as server:
        await synced(control.start)(artifact, owner, plan=planned(*TEXTS), parallel=2)
        for length in (1, 300, 600):
            async with working(choice_of(server)):
                await until_grown(artifact, length)
        assert (await section(artifact, "Stores")).drafted > 0
        assert server.cancels == []
        async with working(choice_of(server)):
            assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == WHOLE
    assert len(server.creates) == 2


async def test_a_worker_that_died_is_replaced_and_the_answer_read_on(settings, artifact, owner):
    settings.STREAMGEN_LEASE_SECONDS = 1
    async with keeping(script(), Keeping(pause_s=0.01)) as server:
        await begin(artifact, owner)
        async with working(choice_of(server)) as worker:
            await until_grown(artifact, 400)
            for task in list(worker.supervisor._runs.values()):  # gone without a word: nothing is given back
                task.cancel()
            assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == WHOLE
    assert server.cancels == []
    assert len(server.creates) == 2


@pytest.mark.parametrize("keeps_text", [True, False])
async def test_a_pause_cancels_the_answer_there_and_a_resume_takes_what_it_kept(artifact, owner, keeps_text):
    how = Keeping(pause_s=0.04, keeps_cancelled_text=keeps_text)
    async with keeping(script(), how) as server, working(choice_of(server)):
        task = await begin(artifact, owner)
        await until_grown(artifact, 500)
        await synced(control.pause)(artifact)
        assert (await until_ended(artifact)).stream_status == StreamStatus.PAUSED
        await settled(task, "paused")
        await server.until(lambda: server.cancels == ["resp_1"])
        assert server.kept["resp_1"].status == "cancelled"
        await synced(control.resume)(artifact)
        assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == WHOLE
    assert len(server.creates) == 3


async def test_a_pause_keeps_what_may_be_a_thought_and_a_resume_goes_on_after_it(artifact, owner):
    text = f"I think so. {FIRST}"
    held = Script(texts={"Summary": text}, prefill="none", software="")
    async with keeping(held, Keeping(pause_s=0.01)) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        await until_artifact(artifact, lambda now: now.reason == Reason.THINKING)
        await synced(control.pause)(artifact)
        assert (await until_ended(artifact)).stream_status == StreamStatus.PAUSED
        assert "I " in await text_of(artifact)
        await synced(control.resume)(artifact)
        assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == text_of_sections([("Summary", text)])


async def test_a_cancel_ends_the_answer_there(artifact, owner):
    async with keeping(script(), Keeping(pause_s=0.01)) as server, working(choice_of(server)):
        await begin(artifact, owner)
        await until_grown(artifact, 500)
        await synced(control.cancel)(artifact)
        assert (await until_ended(artifact)).stream_status == StreamStatus.CANCELLED
        await server.until(lambda: server.cancels == ["resp_1"])
    assert WHOLE.startswith(await text_of(artifact))


async def test_deleting_a_document_ends_its_answer_there(artifact, owner):
    async with keeping(script(), Keeping(pause_s=0.01)) as server, working(choice_of(server)):
        await begin(artifact, owner)
        await until_grown(artifact, 300)
        await synced(control.delete)(artifact)
        await server.until(lambda: server.cancels == ["resp_1"])


async def test_a_resume_with_another_model_asks_that_one(artifact, owner):
    async with keeping(script(), Keeping(pause_s=0.01)) as server, working(choice_of(server)):
        await begin(artifact, owner)
        await until_grown(artifact, 500)
        await synced(control.pause)(artifact)
        await until_ended(artifact)
        await server.until(lambda: server.cancels == ["resp_1"])
        await synced(GenerationTask.objects.filter(artifact=artifact).update)(model="another")
        await synced(control.resume)(artifact)
        assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == WHOLE
    assert server.retrieves == []
    assert [asked["model"] for asked in server.creates] == ["test-model", "another", "another"]


async def test_an_answer_older_than_five_minutes_is_polled_by_the_next_worker(artifact, owner):
    async with keeping(script(), Keeping(holds_at=60)) as server:
        await begin(artifact, owner)
        async with working(choice_of(server)):
            await until_grown(artifact, 500)
        server.later_s = 301
        server.keeping = Keeping()
        async with working(choice_of(server)):
            await server.until_asked(3)
            server.release()
            assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == WHOLE
    assert len(server.creates) == 2


async def test_an_endpoint_without_background_answers_writes_in_the_ordinary_way(artifact, owner):
    async with keeping(script(), Keeping(refuses=404)) as server, working(choice_of(server)):
        await begin(artifact, owner)
        ended = await until_ended(artifact)
    assert (ended.stream_status, ended.last_error) == (StreamStatus.COMPLETE, "")
    assert await text_of(artifact) == WHOLE
    assert len(server.creates) == 1
    assert len(server.requests) == 2


async def test_another_delivery_forgets_the_answer(settings, artifact, owner):
    async with keeping(script(), Keeping(pause_s=0.01)) as server:
        await begin(artifact, owner)
        async with working(choice_of(server)):
            await until_grown(artifact, 500)
        settings.STREAMGEN_DELIVERY = "stream"
        read_on = (await synced(Artifact.objects.get)(pk=artifact.pk)).length  # by the first, until it had ended
        async with working(choice_of(server)):
            await until_grown(artifact, read_on + 100)
            assert (await section(artifact, "Summary")).answer == ""
            assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == WHOLE
