"""The previews that a writer saves know where sections begin, after a takeover too."""

from __future__ import annotations

import asyncio

import pytest
from channels.db import database_sync_to_async

from artifacts.live import feed
from artifacts.models import Artifact
from artifacts.preview import render
from generation.queue import claims
from generation.worker.preview_saver import PreviewSaver
from generation.worker.stop_signal import StopSignal
from generation.worker.writer import FlushPolicy, Writer
from tests.artifacts.live.test_section_borders import FIRST, SECOND, WHOLE
from tests.support.watching import Watching
from tests.support.workbench import start

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

synced = database_sync_to_async
POLICY = FlushPolicy(chars=50, ms=60_000, lease_s=60)


async def saved(artifact: Artifact) -> str:
    row = await synced(Artifact.objects.get)(pk=artifact.pk)
    assert row.preview_length == row.length
    return row.preview_html


async def test_saved_preview_shows_each_section_as_it_is_alone(artifact, owner):
    await start(artifact, owner, "S1", "S2")
    claim = await synced(claims.claim)("test", lease_s=60)
    writer = Writer(claim, policy=POLICY, stop=StopSignal(claim.fence))
    for position, text in enumerate((FIRST, SECOND)):
        await writer.begin_section(position, "m")
        for place in range(0, len(text), 30):
            await writer.put(text[place : place + 30])
        await writer.complete_section(position, tokens=1, model="m")
    await writer.complete()
    assert await saved(artifact) == WHOLE


@pytest.mark.parametrize("is_watched", [True, False])
async def test_text_is_rendered_once_where_its_viewers_are_in_the_same_process(artifact, owner, is_watched):
    await start(artifact, owner, "S1")
    claim = await synced(claims.claim)("test", lease_s=60)
    viewer = Watching(shows_html=True)
    watched = feed.current().enter(artifact.pk, viewer) if is_watched else None
    writer, saver = Writer(claim, policy=POLICY, stop=StopSignal(claim.fence)), PreviewSaver(claim, "")
    await writer.begin_section(0, "m")
    saver.begin_section()
    await writer.put(FIRST)
    await writer.flush()
    while watched is not None and watched.page_of(claim.epoch) is None:
        await asyncio.sleep(0.01)
    saver.note(FIRST, section_ended=True)
    await writer.complete_section(0, tokens=1, model="m")
    await writer.complete()
    await saver.finish(is_over=True)

    assert saver.rendered_length == (0 if is_watched else len(FIRST))
    row = await synced(Artifact.objects.get)(pk=artifact.pk)
    assert (row.preview_length, row.preview_html.replace("\n", "")) == (len(FIRST), render(FIRST).replace("\n", ""))
    if watched is not None:
        await feed.current().leave(watched, viewer)


async def test_writer_that_takes_over_within_a_section_keeps_its_border(artifact, owner):
    await start(artifact, owner, "S1", "S2")
    claim = await synced(claims.claim)("test", lease_s=60)
    first = Writer(claim, policy=POLICY, stop=StopSignal(claim.fence))
    await first.begin_section(0, "m")
    await first.put(FIRST)
    await first.complete_section(0, tokens=1, model="m")
    await first.begin_section(1, "m")
    await first.put(SECOND[:30])
    await first.flush()
    second = Writer(claim, policy=POLICY, stop=StopSignal(claim.fence))
    second.take_up(FIRST + SECOND[:30], (1, 0), (0, len(FIRST)))
    await second.begin_section(1, "m")
    await second.put(SECOND[30:])
    await second.complete_section(1, tokens=1, model="m")
    await second.complete()
    assert await saved(artifact) == WHOLE != render(FIRST + SECOND)
