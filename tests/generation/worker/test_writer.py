"""The writer: when a flush happens, what a lost claim means, and that nothing it was given is lost."""

from __future__ import annotations

import asyncio

import pytest
from channels.db import database_sync_to_async

from artifacts.lifecycle import commands
from artifacts.models import Artifact, Delta, StopRequest, StreamStatus
from artifacts.reasons import Reason
from generation.errors import ProviderUnavailable
from generation.models import ClaimJournal, GenerationTask, TaskStatus
from generation.queue import claims
from generation.reasons import StopReason
from generation.worker.stop_signal import StopSignal
from generation.worker.writer import FlushPolicy, Writer
from tests.support.workbench import start, text_of, until_artifact

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

synced = database_sync_to_async
LEASE_S = 600
"""No machine is so busy that it is over."""
NEVER_MS = 60_000


async def writer_for(artifact, owner, *, chars: int = 100, ms: int = NEVER_MS, lease_s: float = LEASE_S) -> Writer:
    await start(artifact, owner, "Summary", "People")
    claim = await synced(claims.claim)("test", lease_s=lease_s)
    assert claim
    policy = FlushPolicy(chars=chars, ms=ms, lease_s=lease_s)
    writer = Writer(claim, policy=policy, stop=StopSignal(claim.fence))
    await writer.begin_section(0, "m")
    return writer


async def deltas_of(artifact) -> list[str]:
    rows = Delta.objects.filter(artifact=artifact).order_by("offset")
    return await synced(lambda: list(rows.values_list("text", flat=True)))()


async def test_first_text_is_committed_at_once(artifact, owner):
    writer = await writer_for(artifact, owner)
    await writer.put("One")
    assert await deltas_of(artifact) == ["One"]


async def test_pieces_behind_it_wait_until_they_fill_a_flush(artifact, owner):
    writer = await writer_for(artifact, owner, chars=10)
    for piece in ("One", "four", "four"):
        await writer.put(piece)
    assert await deltas_of(artifact) == ["One"]
    await writer.put("four")
    await writer.put("five5")
    assert await deltas_of(artifact) == ["One", "fourfourfour"]
    await writer.flush()
    assert await deltas_of(artifact) == ["One", "fourfourfour", "five5"]


async def test_piece_after_another_waits_no_longer_than_the_flush_time(artifact, owner):
    writer = await writer_for(artifact, owner, ms=300)
    await writer.put("one")
    await writer.put("two")
    assert await deltas_of(artifact) == ["one"]
    now = await until_artifact(artifact, lambda now: now.length == 6)
    assert now.stream_status == StreamStatus.STREAMING
    assert await deltas_of(artifact) == ["one", "two"]


async def test_first_piece_after_a_silence_is_committed_at_once(artifact, owner):
    writer = await writer_for(artifact, owner, ms=30)
    for number in range(3):
        await writer.put(f"{number}a ")
        await writer.put(f"{number}b ")
        await until_artifact(artifact, lambda now: now.length == 6 * (number + 1))  # noqa: B023
        await asyncio.sleep(0.03)
    assert await deltas_of(artifact) == ["0a ", "0b ", "1a ", "1b ", "2a ", "2b "]


async def test_steady_stream_makes_one_flush_more_however_many_pieces_it_has(artifact, owner):
    writer = await writer_for(artifact, owner, chars=40)
    for _ in range(400):
        await writer.put("x")
    await writer.flush()
    assert list(map(len, await deltas_of(artifact))) == [1, *[40] * 9, 39]


async def test_stop_commits_the_tail_in_its_own_transaction(artifact, owner):
    writer = await writer_for(artifact, owner)
    await writer.put("kept")
    before = (await synced(Artifact.objects.get)(pk=artifact.pk)).seq
    standing = await writer.stop(StopReason.PROVIDER_ERROR, "It said no.", section_tokens=1)
    assert (standing.status, standing.seq) == (StreamStatus.PAUSED, before + 1)
    assert await text_of(artifact) == "kept"
    task = await synced(GenerationTask.objects.get)(artifact=artifact)
    assert (task.status, task.error) == (TaskStatus.PAUSED, "It said no.")


async def test_release_gives_the_task_back_with_its_text(artifact, owner):
    writer = await writer_for(artifact, owner)
    await writer.put("kept")
    await writer.release(section_tokens=1)
    assert await text_of(artifact) == "kept"
    again = await synced(claims.claim)("another", lease_s=5)
    assert again.length == 4


async def test_flush_that_sees_a_stop_request_sets_stop_and_keeps_the_text(artifact, owner):
    writer = await writer_for(artifact, owner)
    await synced(commands.request_stop)(artifact.pk, StopRequest.CANCEL)
    await writer.put("kept")
    await writer.flush()
    assert writer._stop.is_set()
    assert await text_of(artifact) == "kept"


async def test_lost_claim_stops_and_writes_nothing(artifact, owner):
    writer = await writer_for(artifact, owner)
    await writer.put("mine")
    await writer.flush()
    # The writer sleeps past its lease, and another worker takes over.
    await synced(Artifact.objects.filter(pk=artifact.pk).update)(lease_until=None)
    other = await synced(claims.claim)("another", lease_s=5)
    assert other.fence > writer.claim.fence
    await writer.put(" not mine")
    await writer.flush()
    assert writer.is_lost
    assert await writer.stop(StopReason.PROVIDER_ERROR, "", section_tokens=0) is None
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
    assert await synced(claims.claim)("another", lease_s=5) is None


async def test_lease_is_not_renewed_where_a_flush_before_it_did(artifact, owner):
    writer = await writer_for(artifact, owner)
    await writer.put("One")
    before = await synced(Artifact.objects.get)(pk=artifact.pk)
    await writer.renew(older_than_s=60)
    assert (await synced(Artifact.objects.get)(pk=artifact.pk)).lease_until == before.lease_until
    await writer.renew()
    assert (await synced(Artifact.objects.get)(pk=artifact.pk)).lease_until > before.lease_until


async def test_lease_that_is_young_is_trusted(artifact, owner):
    writer = await writer_for(artifact, owner)
    before = await synced(Artifact.objects.get)(pk=artifact.pk)
    await writer.assure()
    assert (await synced(Artifact.objects.get)(pk=artifact.pk)).lease_until == before.lease_until


async def test_lease_that_is_over_is_renewed_where_nobody_has_taken_over(artifact, owner):
    writer = await writer_for(artifact, owner, lease_s=0.2)
    over = await synced(Artifact.objects.get)(pk=artifact.pk)
    await asyncio.sleep(0.25)
    await writer.assure()
    now = await synced(Artifact.objects.get)(pk=artifact.pk)
    assert now.lease_until > over.lease_until
    assert (now.fence, writer.is_lost) == (writer.claim.fence, False)


async def test_writer_that_slept_learns_that_another_one_took_over(artifact, owner):
    writer = await writer_for(artifact, owner, lease_s=0.2)
    await asyncio.sleep(0.25)
    assert await synced(claims.claim)("another", lease_s=5)
    await writer.assure()
    assert writer.is_lost
    assert writer._stop.is_set()


async def test_what_was_noted_is_saved_with_the_next_text(artifact, owner):
    """A worker that is killed then leaves it behind."""
    writer = await writer_for(artifact, owner)
    writer.journal.begin_section(0)
    await writer.put("One")
    journal = await synced(ClaimJournal.objects.get)(artifact=artifact)
    assert [event["k"] for event in journal.events] == ["begin"]
    assert not writer.journal.has_news

    writer.journal.retry(0, ProviderUnavailable("Away."), wait_s=1.0, attempt=1, of=6)
    await writer.renew()
    journal = await synced(ClaimJournal.objects.get)(artifact=artifact)
    assert [event["k"] for event in journal.events] == ["begin", "retry"]
