"""The hardened Channels worker: it listens on `generation`, polls as well, survives a dead layer and stops gracefully.

The same code runs under `manage.py runworker generation` and inside a server process (`embedded`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter
from channels.worker import Worker
from django.conf import settings
from django.db import Error as DatabaseError

from artifacts.messaging import outbox, subscription
from artifacts.operating import heap, loop_lag, open_files, outages
from artifacts.operating.log_context import lines_about
from artifacts.operating.outages import OutageKind
from artifacts.replay.packer import keep_packing
from artifacts.webhooks.courier import Courier
from generation.errors import ProviderError
from generation.providers import ChosenProvider, provider_from_settings
from generation.queue import workers
from generation.queue.claims import LEASE_PART
from generation.queue.wakeup import WAKE_CHANNEL
from generation.waiting import waits_grown
from generation.worker.consumer import GenerationConsumer
from generation.worker.run import RunPolicy
from generation.worker.supervisor import CLAIM_EVERY_S, Supervisor, SupervisorPolicy

logger = logging.getLogger(__name__)

LISTEN_BACKOFF_S = 1.0
LISTEN_BACKOFF_MAX_S = 10.0
RESTART_S = 1.0
LEAVE_S = 1.0
SILENT_S = 30.0
"""A document without text for so long is told in the log, once."""


class GenerationWorker(Worker):  # type: ignore[misc]  # Channels has no types
    """One worker: the listener for wake-ups, and the supervisor that it wakes."""

    def __init__(
        self,
        chosen: ChosenProvider | None = None,
        *,
        only: int | None = None,
        capacity: int | None = None,
        claim_every_s: float = CLAIM_EVERY_S,
    ) -> None:
        router = ChannelNameRouter({WAKE_CHANNEL: GenerationConsumer.as_asgi()})
        super().__init__(router, [WAKE_CHANNEL], get_channel_layer())
        self.chosen = chosen or provider_from_settings()
        self.policy = SupervisorPolicy(
            name=f"{socket.gethostname()}:{os.getpid()}",
            capacity=capacity or settings.STREAMGEN_CONCURRENCY,
            lease_s=settings.STREAMGEN_LEASE_SECONDS * LEASE_PART,
            only=only,
            claim_every_s=claim_every_s,
        )
        self.supervisor = Supervisor(self.chosen, policy=self.policy, run_policy=RunPolicy.from_settings())
        self._runs_one_task = only is not None
        self._is_ready = asyncio.Event()

    async def work(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then give everything back; returns when it is done."""
        outbox.attach()
        loop_lag.current().begin()
        open_files.watch().begin()
        await subscription.current().watch_layer()
        logger.info("worker started: %s, %s tasks at once", self.chosen.why, self.policy.capacity)
        async with asyncio.TaskGroup() as group:
            parts = [
                group.create_task(self.listener(WAKE_CHANNEL)),
                group.create_task(self.supervisor.serve()),
                group.create_task(self._warm_up()),
                group.create_task(self._beat()),
            ]
            if not self._runs_one_task:  # who writes one document leaves the post to those who stay
                parts += [group.create_task(Courier().serve()), group.create_task(keep_packing())]
            await stop.wait()
            await self.supervisor.drain()  # while it still polls: what takes long to end keeps its lease
            for part in parts:
                part.cancel()
        for instance in list(self.application_instances):
            self.delete_application_instance(instance)
        await self.chosen.provider.aclose()
        logger.info("worker stopped")

    async def _beat(self) -> None:
        """Say in a row that this worker lives, and at its end that it has left; a database that is away only delays."""
        row = 0
        try:
            while True:
                self._is_ready.clear()
                with suppress(DatabaseError):
                    if not row or not await self._beat_once(row):
                        register = database_sync_to_async(workers.register_worker)
                        row = await register(self.policy.name, slots=self.policy.capacity)
                        await self._beat_once(row)
                    await database_sync_to_async(_log_waits)(row)
                self.supervisor.log_silent(after_s=SILENT_S, every_s=workers.beat_every_s())
                with suppress(TimeoutError):
                    async with asyncio.timeout(workers.beat_every_s()):
                        await self._is_ready.wait()
        finally:
            with suppress(DatabaseError, TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await database_sync_to_async(workers.sign_off)(row)

    async def _beat_once(self, row: int) -> bool:
        model = self.chosen.provider.default_model
        running = self.supervisor.running
        return bool(await database_sync_to_async(workers.beat)(row, running=running, model=model))

    async def _warm_up(self) -> None:
        """Let the provider get ready before the first task asks; what is wrong with it, that task will say."""
        try:
            await self.chosen.provider.prepare()
        except ProviderError as error:
            logger.warning("the provider is not ready: %s", error.detail)
        self._is_ready.set()  # the row is to name its model

    async def listener(self, channel: str) -> None:
        """Hand every message to the consumer. A layer that is away only slows the news: the supervisor polls."""
        delay_s = LISTEN_BACKOFF_S
        while True:
            try:
                message = await self.channel_layer.receive(channel)
            except Exception:  # whatever a layer's driver raises
                outages.of_layer.failed(OutageKind.LAYER)
                await asyncio.sleep(delay_s)
                delay_s = min(LISTEN_BACKOFF_MAX_S, delay_s * 2)
                continue
            delay_s = LISTEN_BACKOFF_S
            scope: dict[str, Any] = {"type": "channel", "channel": channel, "wakeup": self.supervisor.wakeup}
            await self.get_or_create_application_instance(channel, scope).put(message)


def _log_waits(row: int) -> None:
    """One line, by one of the workers, for each task that waits so long for one of them."""
    for wait in waits_grown(after_s=SILENT_S, every_s=workers.beat_every_s()) if workers.is_first(row) else ():
        ids = (wait.task, wait.artifact)
        with lines_about(task=wait.task, artifact=wait.artifact):
            logger.warning("waiting task=%s artifact=%s seconds=%.0f waits_on=%s", *ids, wait.seconds, wait.on)


class Embedded:
    """A worker inside a server process. `start` once on the server's loop, `stop` before the loop ends."""

    def __init__(self, chosen: ChosenProvider | None = None) -> None:
        self._chosen = chosen
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Nobody restarts a part of a server, so it does that itself; without a provider there is nothing to begin."""
        while not self._stop.is_set():
            try:
                worker = GenerationWorker(self._chosen)
                heap.set_aside_imports()
                heap.letting_go().begin()
                await worker.work(self._stop)
            except ProviderError as error:
                logger.error("no worker here: %s", error.detail)
                return
            except Exception:
                logger.exception("the embedded worker failed and begins again")
                await asyncio.sleep(RESTART_S)

    async def stop(self) -> None:
        self._stop.set()
        if self._task is not None:
            await asyncio.wait([self._task])
