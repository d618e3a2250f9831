"""The tasks that one worker runs at once, each supervised, and the regular look that heals every lost message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from generation.providers import Choice
from generation.queue import claims
from generation.reasons import StopReason
from generation.worker.run import Run, RunPolicy
from generation.worker.writer import RETRY_CAP_S, until_answered

logger = logging.getLogger(__name__)

LOOK_S = 0.5
FILL_S = 1.0
SETTLE_S = RETRY_CAP_S * 1.5
"""After an outage of the database claims wait so long: by then every living writer has tried again."""
RENEWALS = 6
"""So many times in a lease it is renewed, about: with the look and a slow commit on top, most of it is still left."""
CLOCK_TICK_S = 0.005
"""A lease is looked at just after its end, not just before."""
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
        self._look_s = min(LOOK_S, policy.lease_s / 8)
        self._fill_s = min(FILL_S, policy.lease_s / 4)

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
            await asyncio.sleep(self._look_s)

    async def _keep_filling(self) -> None:
        was_away = False
        while True:
            self._bell.clear()
            wait_s = self._fill_s
            with _database_may_be_away():
                if was_away:  # leases may have run out meanwhile: whoever lives renews first
                    await until_answered(claims.is_empty)
                    await asyncio.sleep(SETTLE_S)
                was_away = True
                await self._fill()
                wait_s = await self._until_lease_end_s()
                was_away = False
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._bell.wait()

    async def _until_lease_end_s(self) -> float:
        """How long to wait before the next claim: until the lease of a writer that died may be over."""
        if len(self._runs) >= self._policy.capacity:
            return self._fill_s
        end_s = await database_sync_to_async(claims.next_lease_end_s)(self._ours())
        return self._fill_s if end_s is None else min(self._fill_s, end_s + CLOCK_TICK_S)

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
                claim = await database_sync_to_async(claims.claim)(
                    self._policy.name, lease_s=self._policy.lease_s, only=self._policy.only, besides=self._ours()
                )
                if claim is None:
                    return
                run = Run(claim, self._choice, policy=self._run_policy)
                self._runs[run] = asyncio.create_task(self._supervise(run), name=f"task-{claim.task}")

    def _ours(self) -> list[int]:
        return [run.claim.artifact for run in self._runs]

    async def _look(self) -> None:
        """Writers that were silent for a while renew their leases; one query for everything that runs here."""
        runs = list(self._runs)
        for run in runs:
            run.keep_lease(self._policy.lease_s / RENEWALS)
        if runs:
            seen = await database_sync_to_async(claims.look)(self._ours())
            for run in runs:
                run.on_head(seen.get(run.claim.artifact))

    async def _supervise(self, run: Run) -> None:
        """The worker's top: whatever a task raises becomes its status and touches no other task."""
        try:
            await run.go()
        except Exception as error:
            logger.exception("task=%s artifact=%s failed", run.claim.task, run.claim.artifact)
            sentence = (
                f"An unexpected error ended the work ({type(error).__name__}): see the worker's log, then resume."
            )
            await run.give_up(StopReason.PROVIDER_ERROR, sentence)
        finally:
            del self._runs[run]
            self.wake()
