"""The tasks that one worker runs at once, each supervised, and the once-a-second look that heals every lost message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from artifacts.models import Reason
from generation import queue
from generation.providers import Choice
from generation.run import Run, RunPolicy
from generation.writer import RETRY_CAP_S, until_answered

logger = logging.getLogger(__name__)

LOOK_S = 1.0
SETTLE_S = RETRY_CAP_S * 1.5
"""After an outage of the database claims wait so long: by then every living writer has tried again."""
CLAIM_S = 1.0
"""At shutdown a claim under way may take so long to become a task that is given back."""


@dataclass(frozen=True, kw_only=True)
class SlotPolicy:
    """`only` names the single task to run; None runs whatever is queued. `drain_s` bounds the shutdown."""

    name: str
    capacity: int
    lease_s: float
    only: int | None = None
    drain_s: float = 7.0


@contextmanager
def _database_may_be_away() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        logger.warning("database away, the queue waits: %s", type(error).__name__)


class Slots:
    """The running tasks of one worker."""

    def __init__(self, choice: Choice, *, policy: SlotPolicy, run_policy: RunPolicy) -> None:
        self._choice = choice
        self._policy = policy
        self._run_policy = run_policy
        self._runs: dict[Run, asyncio.Task[None]] = {}
        self._bell = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._is_open = True
        self._every_s = min(LOOK_S, policy.lease_s / 4)

    def wake(self) -> None:
        """Somebody queued a task: fill the free slots now rather than at the next look."""
        self._bell.set()

    async def serve(self) -> None:
        """Fill and look until cancelled; a database that is away only delays. Neither waits for the other: claims that
        take long let no lease run out.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_looking())
            group.create_task(self._keep_filling())

    async def _keep_looking(self) -> None:
        while True:
            with _database_may_be_away():
                await self._look()
            await asyncio.sleep(self._every_s)

    async def _keep_filling(self) -> None:
        was_away = False
        while True:
            self._bell.clear()
            with _database_may_be_away():
                if was_away:  # leases may have run out meanwhile: whoever lives renews first
                    await until_answered(queue.is_empty)
                    await asyncio.sleep(SETTLE_S)
                was_away = True
                await self._fill()
                was_away = False
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._bell.wait()

    async def drain(self) -> None:
        """Take nothing new, let every task commit what it has and go back to the queue; bounded."""
        self._is_open = False
        with suppress(TimeoutError):
            async with asyncio.timeout(CLAIM_S):
                async with self._claiming:  # a claim under way becomes a run, else its lease would have to run out
                    pass
        for run in self._runs:
            run.shut_down()
        if self._runs:
            _, late = await asyncio.wait(self._runs.values(), timeout=self._policy.drain_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)
                logger.warning("%s tasks did not end in time; their leases run out instead", len(late))

    async def _fill(self) -> None:
        while self._is_open and len(self._runs) < self._policy.capacity:
            async with self._claiming:
                # After a sleep of the whole machine our own leases are over: they are no news to us.
                ours = [run.claim.artifact for run in self._runs]
                claim = await database_sync_to_async(queue.claim)(
                    self._policy.name, lease_s=self._policy.lease_s, only=self._policy.only, besides=ours
                )
                if claim is None:
                    return
                run = Run(claim, self._choice, policy=self._run_policy)
                self._runs[run] = asyncio.create_task(self._supervise(run), name=f"task-{claim.task}")

    async def _look(self) -> None:
        """Writers that were silent for a while renew their leases; one query for everything that runs here."""
        runs = list(self._runs)
        for run in runs:
            run.keep_lease(self._policy.lease_s / 3)
        if runs:
            seen = await database_sync_to_async(queue.look)([run.claim.artifact for run in runs])
            for run in runs:
                run.hear(seen.get(run.claim.artifact))

    async def _supervise(self, run: Run) -> None:
        """The worker's top: whatever a task raises becomes its status and touches no other task."""
        try:
            await run.go()
        except Exception as error:
            logger.exception("task=%s artifact=%s failed", run.claim.task, run.claim.artifact)
            sentence = (
                f"An unexpected error ended the work ({type(error).__name__}): see the worker's log, then resume."
            )
            await run.give_up(Reason.PROVIDER_ERROR, sentence)
        finally:
            del self._runs[run]
            self.wake()
