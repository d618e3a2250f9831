"""Pieces that were packed: nobody sees a difference, whenever it happens."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from artifacts.lifecycle import commands, pruning, writing
from artifacts.live.feed import load_snapshot
from artifacts.models import Artifact, Delta, PieceTimes
from artifacts.pages.html import document_html, final_html
from artifacts.planned_section import PlannedSection
from artifacts.replay.packer import keep_packing, pack_what_is_over
from artifacts.replay.playback import load_recording
from artifacts.written_pieces import read_pieces
from generation.inspection.timeline import timeline_of
from tests.artifacts.replay.test_playback import written
from tests.support import documents
from tests.support.limits import WAIT_S
from tests.support.place import Place, in_database, place

__all__ = ["place"]

NOW = timedelta(0)
OLD = timedelta(days=1)


def finished(*texts: str) -> Artifact:
    draft = documents.opened(total=1)
    draft.begin(0)
    for text in texts or ("Once ", "\U0001f600 upon ", "重要 a time"):
        draft.append(text)
    draft.end_section(0, "")
    draft.complete()
    Artifact.objects.filter(pk=draft.pk).update(finished_at=timezone.now() - OLD)
    return documents.row(draft.pk)


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_replay_of_packed_pieces_grows_to_the_same_end(place: Place) -> None:
    """How many pieces a frame brings is a matter of time; that their moments are the same, the next test sees."""
    text = await in_database(written)(place)
    told = []
    for _ in range(2):
        async with place.line("?replay=50") as line, place.line("?format=html&replay=50&from=7") as page:
            await line.until(lambda reader: reader.is_ended)
            await page.until(lambda reader: reader.is_ended)
        told.append((line.reader.frames[-1], page.reader.html))
        assert (line.reader.frames[0]["text"], line.reader.text) == ("", text)
        assert "delta" in {frame["type"] for frame in line.reader.frames}
        await pack_what_is_over(after=NOW)
        assert not await in_database(Delta.objects.exists)()
    assert told[0] == told[1]


def test_recording_timeline_and_every_cursor_are_as_before(every_database: str) -> None:
    artifact = finished()
    recordings = [load_recording(artifact.pk, artifact.epoch, have) for have in range(artifact.length + 1)]
    pieces = read_pieces(artifact)
    asyncio.run(pack_what_is_over())
    assert not Delta.objects.exists()
    assert documents.row(artifact.pk).seq == artifact.seq  # no news for anybody
    assert read_pieces(artifact) == pieces
    for have in range(artifact.length + 1):
        snapshot = load_snapshot(artifact.pk, artifact.epoch, have)
        assert snapshot is not None
        assert snapshot.text.cut(0, snapshot.text.length) == artifact.text[snapshot.begin :]
        packed, before = load_recording(artifact.pk, artifact.epoch, have), recordings[have]
        assert packed is not None
        assert before is not None
        assert packed.timeline.moments == before.timeline.moments
    assert timeline_of(artifact).epoch == artifact.epoch


def test_only_documents_that_have_been_over_for_a_while_are_packed(every_database: str) -> None:
    running, paused, fresh, old = documents.opened(), documents.paused(), documents.complete(), finished()
    running.begin(0)
    running.append("Text")
    assert asyncio.run(pack_what_is_over()) == 1
    assert PieceTimes.objects.get().pk == old.pk
    assert all(documents.deltas(pk) for pk in (running.pk, paused.pk, fresh.pk))
    assert asyncio.run(pack_what_is_over()) == 0


def test_packing_that_was_broken_off_is_read_and_goes_on(every_database: str) -> None:
    artifact = finished(*"abcdefghij")
    pieces, before = read_pieces(artifact), timezone.now()

    def die_at_the_second(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if sql.startswith("DELETE") and "artifacts_delta" in sql:
            deletes.append(sql)
            if len(deletes) == 2:
                raise SystemExit
        return execute(sql, params, many, context)

    deletes: list[str] = []
    with connection.execute_wrapper(die_at_the_second), pytest.raises(SystemExit):
        pruning.pack_pieces(artifact.pk, artifact.epoch, before, at_once=3)
    assert documents.deltas(artifact.pk) == list("abcdefghi")
    assert read_pieces(artifact) == pieces
    assert asyncio.run(pack_what_is_over()) == 1
    assert (documents.deltas(artifact.pk), read_pieces(artifact)) == ([], pieces)


def test_document_written_anew_has_its_own_pieces(every_database: str) -> None:
    artifact = finished()
    asyncio.run(pack_what_is_over())
    commands.reset(artifact.pk, [PlannedSection(name="New", instructions="", max_tokens=9)], "")
    assert not PieceTimes.objects.exists()
    assert not pruning.pack_pieces(artifact.pk, artifact.epoch, timezone.now())  # who had read that it was over
    draft = documents.reopened(artifact.pk)
    draft.finish("Anew")
    Artifact.objects.filter(pk=draft.pk).update(finished_at=timezone.now() - OLD)
    asyncio.run(pack_what_is_over())
    row = documents.row(artifact.pk)
    assert [(piece.offset, piece.end) for piece in read_pieces(row)] == [(0, row.length)]


def test_page_is_what_was_saved_and_goes_with_the_next_text(every_database: str) -> None:
    artifact, cancelled = finished("*Once* "), documents.cancelled("half *a")
    Artifact.objects.filter(pk=cancelled.pk).update(finished_at=timezone.now() - OLD)
    for row in (artifact, cancelled):
        writing.save_preview(row.pk, epoch=row.epoch, length=row.length, html=f"<p>saved, not made of {row.pk}</p>")
    before = [(document_html(row), final_html(row)) for row in (artifact, cancelled)]
    assert asyncio.run(pack_what_is_over()) == 2
    assert documents.row(artifact.pk).preview_html == ""
    assert [(document_html(row), final_html(row)) for row in (artifact, cancelled)] == before
    assert "saved, not made" in before[0][1]
    commands.reset(artifact.pk, [PlannedSection(name="New", instructions="", max_tokens=9)], "")
    documents.reopened(artifact.pk).finish("Anew")
    assert "Anew" in document_html(documents.row(artifact.pk))


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_worker_packs_by_itself(place: Place) -> None:
    await in_database(finished)()
    packing = asyncio.create_task(keep_packing(every_s=0.01))
    async with asyncio.timeout(WAIT_S):
        while await in_database(Delta.objects.filter(artifact__stream_status="complete").exists)():
            await asyncio.sleep(0.01)
    packing.cancel()
