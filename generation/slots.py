"""The tasks that one worker runs at once, each supervised, and the once-a-second look that heals every lost message."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from artifacts.models import Reason
from generation import queue
from generation.providers import Choice
from generation.run import Run, RunPolicy

logger = logging.getLogger(__name__)

LOOK_S = 1.0
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

    def wake(self) -> None:
        """Somebody queued a task: fill the free slots now rather than at the next look."""
        self._bell.set()

    async def serve(self) -> None:
        """Fill and look until cancelled; a database that is away only delays."""
        every = min(LOOK_S, self._policy.lease_s / 4)
        while True:
            self._bell.clear()
            try:
                await self._look()
                await self._fill()
            except DatabaseError as error:
                logger.warning("database away, the queue waits: %s", type(error).__name__)
            try:
                async with asyncio.timeout(every):
                    await self._bell.wait()
            except TimeoutError:
                pass

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
                claim = await database_sync_to_async(queue.claim)(
                    self._policy.name, lease_s=self._policy.lease_s, only=self._policy.only
                )
                if claim is None:
                    return
                run = Run(claim, self._choice, policy=self._run_policy)
                self._runs[run] = asyncio.create_task(self._supervise(run), name=f"task-{claim.task}")

    async def _look(self) -> None:
        """One query for everything that runs here; silent writers renew their leases."""
        if not self._runs:
            return
        seen = await database_sync_to_async(queue.look)([run.claim.artifact for run in self._runs])
        for run in list(self._runs):
            run.hear(seen.get(run.claim.artifact))
        silent = [run for run in self._runs if run.is_silent(self._policy.lease_s / 3)]
        await asyncio.gather(*(run.renew() for run in silent))

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
