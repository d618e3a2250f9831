"""The worker as a process: capacity, isolation, a channel layer that is away, and leaving in order."""

from __future__ import annotations

import asyncio
import re
import threading
import time

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import connection

from artifacts.messaging import subscription
from artifacts.messaging.subscription import Subscription
from artifacts.models import Artifact, StreamStatus
from artifacts.reasons import Reason
from generation import control
from generation.errors import ProviderAway
from generation.models import GenerationTask, TaskStatus, Worker
from generation.providers import ChosenProvider
from generation.providers.base import Life
from generation.providers.scripted.provider import Reply, ScriptedProvider
from generation.queue import claims
from generation.queue.claims import Claim
from generation.reasons import StopReason
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.limits import WAIT_S
from tests.support.workbench import choice_of, settled, start, text_of, until_artifact, until_ended, working

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

synced = database_sync_to_async
TEXT = "A short text that ends."


async def artifacts_of(project, number: int) -> list[Artifact]:
    return await synced(lambda: list(project.artifacts.all()[:number]))()


async def test_no_more_tasks_than_slots_and_the_rest_follow(project, owner):
    wanted = await artifacts_of(project, 4)
    script = Script(default=Behaviour(text=TEXT, pause_s=0.05))
    async with serving_endpoint(script) as server, working(choice_of(server), capacity=2):
        for one in wanted:
            await start(one, owner, "Summary")
        for one in wanted:
            assert (await until_ended(one)).stream_status == StreamStatus.COMPLETE
        at_once = max(
            sum(other.began_at <= one.began_at < other.ended_at for other in server.requests) for one in server.requests
        )
    assert at_once == 2


class Broken(ScriptedProvider):
    """A provider with a bug of its own: it raises what no provider may raise."""

    def stream(self, messages, **options):
        raise RuntimeError("a bug with a secret in its words")


async def test_unexpected_error_pauses_its_document_and_leaves_the_worker_alive(project, owner):
    first, second = await artifacts_of(project, 2)
    broken = Broken()
    async with working(ChosenProvider(provider=broken, name="broken", why="the test says so")):
        task = await start(first, owner, "Summary")
        paused = await until_ended(first)
        assert (paused.stream_status, paused.reason) == (StreamStatus.PAUSED, StopReason.PROVIDER_ERROR)
        assert "RuntimeError" in paused.last_error
        assert "secret" not in paused.last_error
        assert (await settled(task, TaskStatus.PAUSED)).worker == ""
        await start(second, owner, "Summary")
        assert (await until_ended(second)).stream_status == StreamStatus.PAUSED


class HeldSubscription(Subscription):
    """It hears of what it writes when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_join = asyncio.Event()

    async def join(self, group, listener):
        if group.endswith(".writer"):
            await self.may_join.wait()
        await super().join(group, listener)


async def test_lease_is_kept_from_the_claim_on(settings, artifact, owner):
    settings.STREAMGEN_LEASE_SECONDS = 1
    held = HeldSubscription()
    subscription.current.use(held)
    async with serving_endpoint(Script(default=Behaviour(text=TEXT))) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        claimed = await until_artifact(artifact, lambda now: now.lease_until is not None)
        await until_artifact(artifact, lambda now: now.lease_until > claimed.lease_until)
        held.may_join.set()
        done = await until_ended(artifact)
        calls = len(server.requests)
    assert (done.stream_status, done.fence, calls) == (StreamStatus.COMPLETE, 2, 1)  # one claim, one end


async def test_process_that_slept_through_its_leases_goes_on_with_what_it_was_writing(settings, project, owner):
    settings.STREAMGEN_LEASE_SECONDS = 1
    wanted = await artifacts_of(project, 3)
    script = Script(default=Behaviour(text=TEXT, pause_s=0.6))
    async with serving_endpoint(script) as server, working(choice_of(server)) as worker:
        for one in wanted:
            await start(one, owner, "Summary")
            await until_artifact(one, lambda now: now.length > 0)
        worker.supervisor.wakeup.set()
        time.sleep(1.5)  # noqa: ASYNC251  as when a laptop is closed: nothing here runs
        fences = [(await until_ended(one)).fence for one in wanted]
        calls = len(server.requests)
    assert (fences, calls) == ([2, 2, 2], 3)  # one claim, one end


class Thinker(ScriptedProvider):
    """It thinks until it is told to write."""

    def __init__(self) -> None:
        super().__init__([Reply(text=TEXT)])
        self.may_write = asyncio.Event()

    async def _pieces(self, call, reply):
        yield Life(is_thinking=True)
        await self.may_write.wait()
        async for item in super()._pieces(call, reply):
            yield item


async def test_thinking_is_shown_with_its_time_and_cleared_by_the_first_text(artifact, owner):
    thinker = Thinker()
    async with working(ChosenProvider(provider=thinker, name="thinker", why="the test says so")):
        await start(artifact, owner, "Summary")
        thinking = await until_artifact(artifact, lambda now: now.reason == Reason.THINKING)
        assert re.match(r"thinking for \d+ s\b", thinking.last_error)
        assert (thinking.stream_status, thinking.length) == (StreamStatus.STREAMING, 0)
        thinker.may_write.set()
        writing = await until_artifact(artifact, lambda now: now.length > 0)
        assert (writing.reason, writing.last_error) == ("", "")
        assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE


async def test_stop_ends_the_wait_for_an_endpoint_that_is_away(artifact, owner):
    provider = ScriptedProvider([Reply(error=ProviderAway("Nothing answers.", retry_after_s=600))])
    async with working(ChosenProvider(provider=provider, name="away", why="the test says so")):
        await start(artifact, owner, "Summary")
        waiting = await until_artifact(artifact, lambda now: now.reason == Reason.WAITING_RETRY)
        assert re.match(r"waiting 60\d s: the endpoint does not answer", waiting.last_error)
        renewed = await until_artifact(artifact, lambda now: now.lease_until > waiting.lease_until)
        assert renewed.fence == waiting.fence
        await synced(control.pause)(artifact)
        paused = await until_ended(artifact)
    assert (paused.stream_status, paused.reason, len(provider.calls)) == (StreamStatus.PAUSED, Reason.USER, 1)


def take_over(taken: list[Claim]) -> None:
    """Another worker claims as soon as it may. In a thread, while the loop is blocked as if the process were frozen."""
    while not taken:
        time.sleep(0.05)
        taken.extend(filter(None, [claims.claim("another", lease_s=60)]))
    connection.close()


async def test_worker_frozen_past_its_lease_asks_nobody_before_it_has_renewed(settings, artifact, owner):
    settings.STREAMGEN_LEASE_SECONDS = 1
    away = Reply(error=ProviderAway("Nothing answers.", retry_after_s=0.5))
    provider, taken = ScriptedProvider([away, Reply(text=TEXT)]), []
    async with working(ChosenProvider(provider=provider, name="away", why="the test says so")) as worker:
        await start(artifact, owner, "Summary")
        await until_artifact(artifact, lambda now: now.reason == Reason.WAITING_RETRY)
        thread = threading.Thread(target=take_over, args=[taken])
        thread.start()
        thread.join()  # frozen: the wait for the endpoint is over meanwhile, and so is the lease
        async with asyncio.timeout(WAIT_S):
            while worker.supervisor._runs:
                await asyncio.sleep(0.01)
    assert len(provider.calls) == 1
    assert (await synced(Artifact.objects.get)(pk=artifact.pk)).fence == taken[0].fence


async def test_without_any_message_the_queue_is_polled(artifact, owner):
    async with serving_endpoint(Script(default=Behaviour(text=TEXT))) as server, working(choice_of(server)):
        await synced(control.start)(artifact, owner)
        await get_channel_layer().flush()
        assert (await until_ended(artifact)).stream_status == StreamStatus.COMPLETE


async def test_a_wake_starts_a_task_that_nobody_looks_for(artifact, owner, settings):
    settings.STREAMGEN_LEASE_SECONDS = 4_000
    script = Script(default=Behaviour(text=TEXT))
    async with serving_endpoint(script) as server, working(choice_of(server), claim_every_s=600):
        await asyncio.sleep(0.3)  # the worker has looked once
        await start(artifact, owner, "Summary")
        await server.until(lambda: bool(server.requests))


async def test_cancel_without_any_message_is_seen_at_the_next_look(artifact, owner):
    script = Script(default=Behaviour(text=TEXT * 50, pause_s=0.05))
    async with serving_endpoint(script) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        await until_artifact(artifact, lambda now: now.length > 0)
        await synced(Artifact.objects.filter(pk=artifact.pk).update)(stop_requested="cancel")
        assert (await until_ended(artifact)).stream_status == StreamStatus.CANCELLED


async def test_worker_for_one_task_leaves_the_others_alone(project, owner):
    first, second = await artifacts_of(project, 2)
    await start(first, owner, "Summary")
    task = await start(second, owner, "Summary")
    async with serving_endpoint(Script(default=Behaviour(text=TEXT))) as server:
        async with working(choice_of(server), only=task.pk):
            await until_ended(second)
        assert len(server.requests) == 1
    assert (await synced(GenerationTask.objects.get)(artifact=first)).status == TaskStatus.QUEUED


async def test_lease_of_a_silent_model_is_renewed(artifact, owner, settings):
    settings.STREAMGEN_LEASE_SECONDS = 1
    script = Script(default=Behaviour(stall="first_piece"))
    async with serving_endpoint(script) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        claimed = await until_artifact(artifact, lambda now: now.lease_until is not None)
        now = await until_artifact(artifact, lambda now: now.lease_until > claimed.lease_until)
        assert now.fence == claimed.fence
        assert (now.reason, now.length) == ("", 0)


async def test_scripted_provider_writes_a_document_without_any_endpoint(artifact, owner):
    provider = ScriptedProvider([Reply(text="One."), Reply(text="Two.")])
    async with working(ChosenProvider(provider=provider, name=provider.name, why="the test says so")):
        await start(artifact, owner, "Summary", "People")
        await until_ended(artifact)
    assert await text_of(artifact) == "## Summary\n\nOne.\n\n## People\n\nTwo."


async def test_worker_has_a_row_as_long_as_it_works(artifact, owner, settings):
    settings.STREAMGEN_LEASE_SECONDS = 1
    script = Script(default=Behaviour(text=TEXT * 100, pause_s=0.05))
    async with serving_endpoint(script) as server:
        async with working(choice_of(server), capacity=3) as worker:
            task = await start(artifact, owner, "Summary")
            row = await until_row(lambda row: row.running == 1)
            assert (row.name, row.slots, row.version) == (worker.policy.name, 3, settings.STREAMGEN_RELEASE)
            assert (await settled(task, TaskStatus.RUNNING)).worker == row.name
            await synced(row.delete)()  # somebody thought that it was gone
            assert (await until_row(lambda row: True)).pk != row.pk
        assert not await synced(Worker.objects.exists)()


async def until_row(condition):
    async with asyncio.timeout(WAIT_S):
        while True:
            row = await synced(Worker.objects.first)()
            if row is not None and condition(row):
                return row
            await asyncio.sleep(0.01)
