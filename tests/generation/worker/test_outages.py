"""A writer in trouble that is not the model's: late news, a full disk, a document deleted before it was read."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import OperationalError, connection

from artifacts.messaging import events
from artifacts.models import StreamStatus
from generation import control
from generation.errors import DiskFull
from generation.models import TaskStatus
from generation.providers.scripted.provider import ScriptedProvider
from generation.queue import claims
from generation.reasons import StopReason
from generation.worker.database import RETRY_CAP_S
from generation.worker.run import Run, RunPolicy
from generation.worker.stop_signal import StopSignal
from generation.worker.writer import FlushPolicy, Writer
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.limits import WAIT_S
from tests.support.workbench import (
    LOOP_POLL_S,
    choice_of,
    start,
    text_of,
    text_of_sections,
    until_artifact,
    until_ended,
    working,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

TEXT = "One light for the whole coast, seen for twenty miles.\n\n" * 3
LONG = "".join(f"Ship {number} came home because of the light.\n\n" for number in range(400))
ROOM = 100_000
"""Pages."""
synced = database_sync_to_async


def leave_room(spare_pages: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + spare_pages}")


async def test_news_older_than_the_claim_stops_nobody(artifact, owner):
    script = Script(texts={"Summary": TEXT}, default=Behaviour(pause_s=0.01))
    async with serving_endpoint(script) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        now = await until_artifact(artifact, lambda now: now.length > 20)
        late = events.Event(artifact=artifact.pk, epoch=1, seq=1, status="streaming", fence=now.fence - 1)
        group = events.writer_group(artifact.pk)
        await get_channel_layer().group_send(group, events.encode_event(late, group))
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE


async def test_after_an_outage_writers_have_time_to_renew_before_anybody_claims(artifact, owner):
    tried_at = []

    def away_at_first(execute, sql, params, many, context):
        if sql.startswith('UPDATE "generation_generationtask"') and TaskStatus.RUNNING in params:
            tried_at.append(time.monotonic())
            if len(tried_at) == 1:
                raise OperationalError("the server is gone")
        return execute(sql, params, many, context)

    await synced(lambda: connection.execute_wrappers.append(away_at_first))()
    try:
        async with serving_endpoint(Script(texts={"Summary": TEXT})) as server, working(choice_of(server)):
            await start(artifact, owner, "Summary")
            done = await until_ended(artifact)
    finally:
        await synced(lambda: connection.execute_wrappers.remove(away_at_first))()
    assert done.stream_status == StreamStatus.COMPLETE
    assert tried_at[1] - tried_at[0] > RETRY_CAP_S


async def test_full_disk_pauses_with_that_reason_and_the_text_goes_on_after_it(artifact, owner):
    async with serving_endpoint(
        Script(texts={"Summary": LONG}, default=Behaviour(piece_tokens=40, pause_s=0.05))
    ) as server:
        await synced(leave_room)(2)
        try:
            async with working(choice_of(server)):
                await start(artifact, owner, "Summary")
                await server.until(lambda: any(one.state == "gone" for one in server.requests))
                await synced(leave_room)(ROOM)
                await _paused_then_resumed(artifact)
        finally:
            await synced(leave_room)(ROOM)


async def test_full_disk_that_two_flushes_meet_is_told_once(artifact, owner):
    """The timer's flush waits behind one that the database holds up; then neither has room."""
    await start(artifact, owner, "Summary")
    claim = await synced(claims.claim)("test", lease_s=600)
    writer = Writer(claim, policy=FlushPolicy(chars=10_000, ms=500, lease_s=600), stop=StopSignal(claim.fence))
    await writer.begin_section(0, "m")
    may_go_on = threading.Event()

    def held_up(execute, sql, params, many, context):
        if sql.startswith('INSERT INTO "artifacts_delta"') and any(len(str(one)) > 10_000 for one in params):
            assert may_go_on.wait(WAIT_S)
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA max_page_count = 1")  # no more than there are
        return execute(sql, params, many, context)

    await synced(leave_room)(ROOM)
    await synced(lambda: connection.execute_wrappers.append(held_up))()
    try:
        await writer.put("First. ")
        await writer.put("Then. ")
        filling = asyncio.create_task(writer.put("Much more. " * 10_000))
        while writer._timer is not None:
            await asyncio.sleep(LOOP_POLL_S)
        may_go_on.set()
        with pytest.raises(DiskFull):
            await filling
        if writer._late is not None:
            await writer._late
    finally:
        await synced(lambda: connection.execute_wrappers.remove(held_up))()
        await synced(leave_room)(ROOM)
    result = await writer.stop(StopReason.DISK_FULL, "No room.", section_tokens=1)
    assert (result.status, result.length) == (StreamStatus.PAUSED, len("First. Then. ") + 110_000)


async def _paused_then_resumed(artifact):
    paused = await until_ended(artifact)
    assert (paused.stream_status, paused.reason) == (StreamStatus.PAUSED, StopReason.DISK_FULL), paused.last_error
    assert paused.last_error
    await synced(control.resume)(artifact)
    done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == text_of_sections([("Summary", LONG.strip("\n"))])


async def test_document_deleted_between_claim_and_reading_ends_its_run_without_a_word(artifact, owner, caplog):
    await start(artifact, owner, "Summary")
    claim = await synced(claims.claim)("test", lease_s=5)
    await synced(control.delete)(artifact)
    provider = ScriptedProvider()
    run = Run(claim, provider, policy=RunPolicy.from_settings())
    await asyncio.wait_for(run.go(), WAIT_S)
    assert not provider.calls
    assert not [record for record in caplog.records if record.exc_info]
