"""The writer: when a flush happens, what a lost claim means, and that nothing it was given is lost."""

from __future__ import annotations

import asyncio

import pytest
from channels.db import database_sync_to_async

from artifacts import lifecycle
from artifacts.models import Artifact, Delta, Reason, StopRequest, StreamStatus
from generation import queue
from generation.models import GenerationTask, TaskStatus
from generation.writer import FlushPolicy, Writer
from tests.generation.workbench import start, text_of, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

synced = database_sync_to_async
NEVER_MS = 60_000


async def writer_for(artifact, owner, *, chars: int = 100, ms: int = NEVER_MS) -> Writer:
    await start(artifact, owner, "Summary", "People")
    claim = await synced(queue.claim)("test", lease_s=5)
    assert claim
    policy = FlushPolicy(chars=chars, ms=ms, lease_s=5)
    writer = Writer(claim, policy=policy, stop=asyncio.Event())
    await writer.begin_section(0, "m")
    return writer


async def deltas_of(artifact) -> list[str]:
    rows = Delta.objects.filter(artifact=artifact).order_by("offset")
    return await synced(lambda: list(rows.values_list("text", flat=True)))()


async def test_pieces_wait_until_they_fill_a_flush(artifact, owner):
    writer = await writer_for(artifact, owner, chars=10)
    for piece in ("four", "four"):
        await writer.put(piece)
    assert await deltas_of(artifact) == []
    await writer.put("four")
    await writer.put("five5")
    assert await deltas_of(artifact) == ["fourfourfour"]
    await writer.flush()
    assert await deltas_of(artifact) == ["fourfourfour", "five5"]


async def test_a_lone_piece_waits_no_longer_than_the_flush_time(artifact, owner):
    writer = await writer_for(artifact, owner, ms=30)
    await writer.put("one")
    now = await until(artifact, lambda now: now.length == 3)
    assert now.stream_status == StreamStatus.STREAMING
    await writer.put("two")
    await until(artifact, lambda now: now.length == 6)
    assert await deltas_of(artifact) == ["one", "two"]


async def test_stop_commits_the_tail_in_its_own_transaction(artifact, owner):
    writer = await writer_for(artifact, owner)
    await writer.put("kept")
    before = (await synced(Artifact.objects.get)(pk=artifact.pk)).seq
    standing = await writer.stop(Reason.PROVIDER_ERROR, "It said no.", section_tokens=1)
    assert (standing.status, standing.seq) == (StreamStatus.PAUSED, before + 1)
    assert await text_of(artifact) == "kept"
    task = await synced(GenerationTask.objects.get)(artifact=artifact)
    assert (task.status, task.error) == (TaskStatus.PAUSED, "It said no.")


async def test_release_gives_the_task_back_with_its_text(artifact, owner):
    writer = await writer_for(artifact, owner)
    await writer.put("kept")
    await writer.release(section_tokens=1)
    assert await text_of(artifact) == "kept"
    again = await synced(queue.claim)("another", lease_s=5)
    assert again.length == 4


async def test_flush_that_sees_a_stop_request_sets_stop_and_keeps_the_text(artifact, owner):
    stop = asyncio.Event()
    writer = await writer_for(artifact, owner)
    writer._stop = stop
    await synced(lifecycle.request_stop)(artifact.pk, StopRequest.CANCEL)
    await writer.put("kept")
    await writer.flush()
    assert stop.is_set()
    assert await text_of(artifact) == "kept"


async def test_lost_claim_stops_and_writes_nothing(artifact, owner):
    writer = await writer_for(artifact, owner)
    await writer.put("mine")
    await writer.flush()
    # The writer sleeps past its lease, and another worker takes over.
    await synced(Artifact.objects.filter(pk=artifact.pk).update)(lease_until=None)
    other = await synced(queue.claim)("another", lease_s=5)
    assert other.fence > writer.claim.fence
    await writer.put(" not mine")
    await writer.flush()
    assert writer.is_lost
    assert await writer.stop(Reason.PROVIDER_ERROR, "", section_tokens=0) is None
    assert await writer.complete() is None
    now = await synced(Artifact.objects.get)(pk=artifact.pk)
    assert (now.stream_status, now.fence) == (StreamStatus.STREAMING, other.fence)
    assert await text_of(artifact) == "mine"


async def test_preview_is_kept_when_the_writer_ends(artifact, owner):
    writer = await writer_for(artifact, owner)
    await writer.put("## Summary\n\nSome **bold** words.")
    await writer.complete_section(0, tokens=3, model="m")
    await writer.stop(Reason.USER, "", section_tokens=0)
    now = await synced(Artifact.objects.get)(pk=artifact.pk)
    assert "<strong>bold</strong>" in now.preview_html
    assert now.preview_length == now.length


async def test_renewing_keeps_others_out_and_tells_viewers_nothing(artifact, owner):
    writer = await writer_for(artifact, owner)
    before = await synced(Artifact.objects.get)(pk=artifact.pk)
    await writer.renew()
    now = await synced(Artifact.objects.get)(pk=artifact.pk)
    assert now.lease_until > before.lease_until
    assert now.seq == before.seq
    assert await synced(queue.claim)("another", lease_s=5) is None
