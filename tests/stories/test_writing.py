"""A document written by a real worker over a real endpoint: to its end, stopped, resumed, in trouble."""

from __future__ import annotations

import asyncio

import pytest
from channels.db import database_sync_to_async

from artifacts.errors import IllegalTransition
from artifacts.models import ArtifactVersion, Delta, StreamStatus
from artifacts.reasons import Reason
from generation import control
from generation.models import GenerationTask, TaskStatus
from generation.reasons import StopReason
from tests.support.endpoint.openai_script import ABSENT, Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
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


def deltas_of(artifact):
    rows = Delta.objects.filter(artifact=artifact, epoch=artifact.epoch).order_by("offset")
    return synced(lambda: "".join(rows.values_list("text", flat=True)))()


async def test_whole_document_equals_what_the_endpoint_sent(artifact, owner, told):
    async with serving_endpoint(told.script()) as server, working(choice_of(server)):
        task = await told.start(artifact, owner, "Summary", "People")
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == told.whole == await deltas_of(done)
    assert (done.sections_completed, done.sections_total, done.current_section) == (2, 2, "")
    assert (done.reason, done.last_error) == ("", "")
    assert (await settled(task, TaskStatus.SUCCEEDED)).finished_at is not None


@pytest.mark.parametrize("delivery", ["stream", "turns"])
@pytest.mark.parametrize("prefill", ["plain", "none"])
async def test_many_small_turns_make_the_same_document(artifact, owner, settings, delivery, prefill, told):
    settings.STREAMGEN_DELIVERY, settings.STREAMGEN_CHUNK_MAX_TOKENS = delivery, told.turn_tokens
    continuation = "prefill" if prefill == "plain" else "reprompt"
    async with serving_endpoint(told.script(prefill=prefill)) as server:
        async with working(choice_of(server, continuation=continuation)):
            await told.start(artifact, owner, "Summary", "People")
            done = await until_ended(artifact)
        assert done.stream_status == StreamStatus.COMPLETE, done.last_error
        assert await text_of(artifact) == told.whole == await deltas_of(done)
        assert len(server.requests) == 2 if delivery == "stream" else len(server.requests) >= 3


async def test_tokens_are_the_sum_of_what_was_reported(artifact, owner, told):
    async with serving_endpoint(told.script()) as server, working(choice_of(server)):
        await told.start(artifact, owner, "Summary", "People")
        done = await until_ended(artifact)
        sent = sum(len(told.tokens(one.sent)) for one in server.requests)
    assert done.tokens_generated == sent
    of_sections = await synced(lambda: [row.tokens for row in done.sections.all()])()
    assert sum(of_sections) == sent
    assert all(of_sections)


async def test_project_instructions_and_earlier_sections_reach_the_prompt(artifact, owner, told):
    async with serving_endpoint(told.script()) as server, working(choice_of(server)):
        await told.start(artifact, owner, "Summary", "People", instructions="Write for sailors.")
        await until_ended(artifact)
        first, second = (one.prompt for one in server.requests)
    for words in ("Lighthouse", "A lamp that never goes out.", "Write for sailors.", "Write Summary."):
        assert words in first
    earlier = told.summary.strip()[-20:]
    assert earlier in second
    assert second.rindex("Write People.") > second.rindex(earlier)


async def test_cancel_closes_the_call_soon_and_keeps_every_word(artifact, owner, told):
    async with serving_endpoint(told.script(default=told.slowly)) as server, working(choice_of(server)):
        await told.start(artifact, owner, "Summary", "People")
        await until_artifact(artifact, lambda now: now.length > told.part(40))
        asked = server.requests[0].sent
        await synced(control.cancel)(artifact)
        done = await until_ended(artifact)
        await server.until(lambda: server.requests[0].state == "gone", timeout_s=10)
        received = server.requests[0].sent
    assert done.stream_status == StreamStatus.CANCELLED
    assert len(received) < len(told.summary)
    text = await text_of(artifact)
    kept = text.removeprefix("## Summary\n\n")
    assert received.startswith(kept)
    # Everything but line breaks that may yet be dropped and pieces that were still on the wire was kept.
    assert len(asked.rstrip("\n")) - len(kept) <= told.on_the_wire
    assert text == await deltas_of(done)
    task = await synced(GenerationTask.objects.get)(artifact=artifact)
    assert (task.status, task.error) == (TaskStatus.CANCELLED, "")


async def test_cancel_before_the_first_token(artifact, owner, told):
    async with (
        serving_endpoint(told.script(default=told.behaviour(stall="first_piece"))) as server,
        working(choice_of(server)),
    ):
        await told.start(artifact, owner, "Summary")
        await server.until(lambda: len(server.requests) == 1)
        await synced(control.cancel)(artifact)
        done = await until_ended(artifact)
        await server.until(lambda: server.requests[0].state == "gone", timeout_s=10)
    assert (done.stream_status, await text_of(artifact)) == (StreamStatus.CANCELLED, "")


async def test_cancel_of_a_waiting_document_needs_no_worker(artifact, owner, told):
    task = await told.start(artifact, owner, "Summary")
    standing = await synced(control.cancel)(artifact)
    assert standing.status == StreamStatus.CANCELLED
    assert (await settled(task, TaskStatus.CANCELLED)).started_at is None
    async with serving_endpoint(told.script()) as server, working(choice_of(server)) as worker:
        worker.supervisor.wakeup.set()
        await asyncio.sleep(0.2)
        assert not server.requests


async def test_cancel_is_never_overwritten_however_it_meets_the_end(artifact, owner, project, told, settings):
    settings.STREAMGEN_CONTEXT_CHARS = 0  # the endpoint would take the others' text, which is the same, for this one's
    async with serving_endpoint(told.script()) as server, working(choice_of(server)):
        for delay_ms in range(0, 60, 5):
            phase = f"race-{delay_ms}"
            one = await synced(control.add_artifact)(project, phase)
            await told.watch(one)
            await told.start(one, owner, "Summary", "People")
            await asyncio.sleep(delay_ms / 1000)
            try:
                await synced(control.cancel)(one)
                expected = StreamStatus.CANCELLED
            except IllegalTransition:
                expected = StreamStatus.COMPLETE
            done = await until_ended(one)
            assert done.stream_status == expected
            text = await text_of(one)
            assert told.whole.startswith(text)
            assert (await text_of(one), await deltas_of(done)) == (text, text)


@pytest.mark.parametrize("continuation", ["prefill", "reprompt"])
async def test_pause_then_resume_goes_on_where_the_text_ends(artifact, owner, continuation, told):
    script = told.script(default=told.slowly, prefill="plain" if continuation == "prefill" else "none")
    async with serving_endpoint(script) as server, working(choice_of(server, continuation=continuation)):
        await told.start(artifact, owner, "Summary", "People")
        # Re-prompted, an answer is held back until its joint is certain: here that is at its end.
        for length in (30, 120, 180) if continuation == "prefill" else (30,):
            await until_artifact(artifact, lambda now, length=length: now.length > told.part(length))
            await synced(control.pause)(artifact)
            paused = await until_ended(artifact)
            assert (paused.stream_status, paused.reason) == (StreamStatus.PAUSED, Reason.USER)
            assert told.whole.startswith(await text_of(artifact))
            await synced(control.resume)(artifact)
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == told.whole == await deltas_of(done)


async def test_worker_that_shuts_down_gives_the_task_back_and_another_finishes_it(artifact, owner, told):
    async with serving_endpoint(told.script(default=told.slowly)) as server:
        async with working(choice_of(server)):
            task = await told.start(artifact, owner, "Summary", "People")
            await until_artifact(artifact, lambda now: now.length > told.part(40))
        now = await until_artifact(artifact, lambda now: now.reason == Reason.SHUTDOWN)
        assert now.stream_status == StreamStatus.STREAMING
        await settled(task, TaskStatus.QUEUED)
        async with working(choice_of(server)):
            done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE
    assert await text_of(artifact) == told.whole


async def test_regenerate_starts_empty_and_keeps_the_old_text(artifact, owner, told):
    async with serving_endpoint(told.script()) as server, working(choice_of(server)):
        await told.start(artifact, owner, "Summary", "People")
        await until_ended(artifact)
        await synced(control.regenerate)(artifact, owner, plan=planned("People", max_tokens=told.section_tokens))
        done = await until_artifact(artifact, lambda now: now.epoch == 2 and now.stream_status == StreamStatus.COMPLETE)
    assert await text_of(artifact) == text_of_sections([("People", told.people.strip("\n"))])
    version = await synced(ArtifactVersion.objects.get)(artifact=artifact)
    assert (version.epoch, version.content) == (1, told.whole)
    assert done.sections_total == 1


async def test_running_out_of_turns_pauses_with_that_name(artifact, owner, settings, told):
    settings.STREAMGEN_DELIVERY, settings.STREAMGEN_MAX_TURNS = "turns", 2
    settings.STREAMGEN_CHUNK_MAX_TOKENS = told.turn_tokens // 4
    async with serving_endpoint(told.script()) as server, working(choice_of(server)):
        task = await told.start(artifact, owner, "Summary")
        done = await until_ended(artifact)
    assert (done.stream_status, done.reason) == (StreamStatus.PAUSED, StopReason.TURNS_EXHAUSTED)
    assert done.last_error
    assert (await settled(task, TaskStatus.PAUSED)).error == done.last_error


async def test_missing_finish_reason_is_an_interruption_that_goes_on_from_the_text(artifact, owner, told):
    cut = told.behaviour(cut_after_pieces=5, cut="end", finish=ABSENT, usage=ABSENT, done=False)
    async with serving_endpoint(told.script(behaviours=[cut, cut])) as server, working(choice_of(server)):
        await told.start(artifact, owner, "Summary", "People")
        done = await until_ended(artifact)
        assert len(server.requests) >= 4
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == told.whole


async def test_hidden_reasoning_never_reaches_the_document(artifact, owner, told):
    thinking = told.behaviour(reasoning="SECRET THOUGHT about lamps", reasoning_field="tag")
    async with serving_endpoint(told.script(default=thinking)) as server, working(choice_of(server)):
        await told.start(artifact, owner, "Summary", "People")
        await until_ended(artifact)
    assert await text_of(artifact) == told.whole


async def test_empty_answers_end_after_a_second_question(artifact, owner):
    async with serving_endpoint(Script(texts={"Summary": ""})) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        done = await until_ended(artifact)
        assert len(server.requests) == 2
    assert (done.stream_status, done.reason) == (StreamStatus.PAUSED, StopReason.NO_PROGRESS)
    assert await text_of(artifact) == ""


async def test_a_wait_for_the_next_attempt_is_visible_and_cancel_cuts_it_short(artifact, owner, told):
    limited = told.behaviour(status=429, headers={"Retry-After": "30"})
    async with serving_endpoint(told.script(default=limited)) as server, working(choice_of(server)):
        await told.start(artifact, owner, "Summary")
        waiting = await until_artifact(artifact, lambda now: now.reason == Reason.WAITING_RETRY)
        assert "rate limited, attempt 2" in waiting.last_error
        await synced(control.cancel)(artifact)
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.CANCELLED


@pytest.mark.parametrize(
    ("script", "reason", "says"),
    [
        (Script(key="right"), StopReason.AUTH, "OPENAI_API_KEY"),
        (Script(models=["another"]), StopReason.MODEL_NOT_FOUND, "STREAMGEN_MODEL"),
        (
            Script(default=Behaviour(body="<html><h1>Hello</h1></html>", content_type="text/html")),
            StopReason.PROVIDER_ERROR,
            "OPENAI_BASE_URL",
        ),
    ],
)
async def test_a_wrong_setting_pauses_with_the_fix_and_no_secret(artifact, owner, script, reason, says):
    async with serving_endpoint(script) as server, working(choice_of(server, api_key="sk-wrong-secret")):
        await start(artifact, owner, "Summary")
        done = await until_ended(artifact)
    assert (done.stream_status, done.reason) == (StreamStatus.PAUSED, reason)
    assert says in done.last_error
    assert "secret" not in done.last_error


async def test_text_that_no_database_holds_is_cleaned_before_it_is_committed(artifact, owner):
    lone = 'data: {"choices": [{"index": 0, "delta": {"content": "\\ud800"}}]}\n\n'
    odd = Behaviour(text="One\0two three \x1b[31mred\x1b[0m four.", insert={1: lone})
    async with serving_endpoint(Script(default=odd)) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == "## Summary\n\nOnetw\ufffdo three \x1b[31mred\x1b[0m four."


async def test_deleting_a_document_that_is_written_stops_its_writer(artifact, owner, told):
    async with serving_endpoint(told.script(default=told.slowly)) as server, working(choice_of(server)):
        await told.start(artifact, owner, "Summary", "People")
        await until_artifact(artifact, lambda now: now.length > told.part(20))
        await synced(control.delete)(artifact)
        await server.until(lambda: server.requests[0].state == "gone", timeout_s=10)
        assert not await synced(Delta.objects.exists)()


async def test_many_documents_are_written_at_once(owner, told):
    count = 1 if told.is_large else 4
    projects = [await synced(control.create_project)(owner, f"Project {number}") for number in range(count)]
    artifacts = [one for project in projects for one in await synced(lambda p=project: list(p.artifacts.all()[:3]))()]
    script = told.script(default=told.behaviour(pause_s=0.05))
    async with serving_endpoint(script) as server, working(choice_of(server)):
        for one in artifacts:
            await told.watch(one)
            await told.start(one, owner, "Summary", "People")
        for one in artifacts:
            await until_ended(one)
        at_once = max(
            sum(other.began_at <= one.began_at < other.ended_at for other in server.requests) for one in server.requests
        )
        assert at_once >= len(artifacts) / 2
    for one in artifacts:
        assert await text_of(one) == told.whole
