"""The tasks that one worker runs at once, each supervised, and the regular poll that heals every lost message."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from artifacts.operating import heap, log_context, outages
from generation import project_runs
from generation.inspection.keeping import JournalEntry, save_journals
from generation.providers import ChosenProvider
from generation.queue import claims
from generation.queue.claims import Taken
from generation.reasons import StopReason
from generation.worker.database import RETRY_CAP_S, until_answered
from generation.worker.run import Run, RunPolicy

logger = logging.getLogger(__name__)

HEAD_POLL_S = 0.5
CLAIM_EVERY_S = 1.0
AFTER_OUTAGE_S = RETRY_CAP_S * 1.5
"""After an outage of the database claims wait so long: by then every living writer has tried again."""
RENEWALS = 6
"""So many times in a lease it is renewed, about: with the poll and a slow commit on top, most of it is still left."""
JOURNALS_EVERY_S = 1.0
SUMS_EVERY = 30
"""Where nothing happened but flushes, a journal is saved every so-many-th time."""
JOURNALS_TOGETHER = 16
"""Flushes wait for one transaction of so many journals."""
CLOCK_TICK_S = 0.005
"""A lease is looked at just after its end, not just before."""
MOST_CLAIMED = 16
"""The claims of one trip to the database's thread, where each trip waits behind the flushes of all that is written."""
LAST_CLAIM_S = 1.0
"""At shutdown a claim under way may take so long to become a task that is requeued."""


@dataclass(frozen=True, kw_only=True)
class SupervisorPolicy:
    """`only` names the single task to run; None runs whatever is queued. `drain_s` bounds the shutdown; without a
    wake the queue is looked at every `claim_every_s`.
    """

    name: str
    capacity: int
    lease_s: float
    only: int | None = None
    drain_s: float = 7.0
    claim_every_s: float = CLAIM_EVERY_S


class Supervisor:
    """The running tasks of one worker. Whoever sets `wakeup` says that a task waits: it is claimed now if it can be."""

    def __init__(self, provider: ChosenProvider, *, policy: SupervisorPolicy, run_policy: RunPolicy) -> None:
        self.wakeup = asyncio.Event()
        self._provider = provider
        self._policy = policy
        self._run_policy = run_policy
        self._runs: dict[Run, asyncio.Task[None]] = {}
        self._claiming = asyncio.Lock()
        self._is_open = True
        self._poll_s = min(HEAD_POLL_S, policy.lease_s / 8)
        self._claim_s = min(policy.claim_every_s, policy.lease_s / 4)

    @property
    def running(self) -> int:
        return len(self._runs)

    def log_silent(self, *, after_s: float, every_s: float) -> None:
        """One line for each document whose silence became that long since the last look, `every_s` ago."""
        for run in self._runs:
            silent_s, waits_on = run.silence
            if after_s <= silent_s < after_s + every_s:
                ids = (run.claim.task, run.claim.artifact)
                with log_context.lines_about(**self._about(run)):
                    logger.warning("silent task=%s artifact=%s seconds=%.0f waits_on=%s", *ids, silent_s, waits_on)

    async def serve(self) -> None:
        """Claim and poll until cancelled; a database that is away only delays. Neither waits for the other: claims that
        take long let no lease run out.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_polling())
            group.create_task(self._keep_claiming())
            group.create_task(self._keep_journals())

    async def drain(self) -> None:
        """Take nothing new, let every task commit what it has and go back to the queue; bounded."""
        self._is_open = False
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_CLAIM_S):
                async with self._claiming:  # a claim under way becomes a run, else its lease would have to run out
                    pass
        for run in self._runs:
            run.stop.shut_down()
        if self._runs:
            _, late = await asyncio.wait(self._runs.values(), timeout=self._policy.drain_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)
                logger.warning("%s tasks did not end in time; their leases run out instead", len(late))

    # Polling

    async def _keep_polling(self) -> None:
        while True:
            try:
                await self._poll()
            except DatabaseError as error:
                _log_outage(error)
            await asyncio.sleep(self._poll_s)

    async def _poll(self) -> None:
        """Writers that were silent for a while renew their leases; one query for everything that runs here."""
        runs = list(self._runs)
        for run in runs:
            run.keep_lease(self._policy.lease_s / RENEWALS)
        if runs:
            seen = await database_sync_to_async(claims.poll_claimed)(self._ours())
            for run in runs:
                run.observe(seen.get(run.claim.artifact))

    async def _keep_journals(self) -> None:
        """What runs have noted meanwhile is saved, many in one transaction, away from those of their text."""
        for time in itertools.count(1):
            await asyncio.sleep(JOURNALS_EVERY_S)
            runs = [run for run in self._runs if run.journal.has_news or time % SUMS_EVERY == 0]
            for begin in range(0, len(runs), JOURNALS_TOGETHER):
                await _save_journals(runs[begin : begin + JOURNALS_TOGETHER])

    # Claiming

    async def _keep_claiming(self) -> None:
        is_away = False
        while True:
            self.wakeup.clear()
            try:
                if is_away:
                    await self._let_others_renew()
                wait_s = await self._claim_all()
                is_away = False
                outages.of_database.answered()
            except DatabaseError as error:
                _log_outage(error)
                wait_s, is_away = self._claim_s, True
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.wakeup.wait()

    async def _let_others_renew(self) -> None:
        """The database was away, and leases may have run out meanwhile: whoever lives renews first."""
        await until_answered(claims.is_empty)
        await asyncio.sleep(AFTER_OUTAGE_S)

    async def _claim_all(self) -> float:
        """Claim while there are slots and tasks; the seconds until it is worth trying again."""
        if self._policy.only is None:
            await database_sync_to_async(project_runs.advance_all)()
        while self._is_open and (free := self._policy.capacity - len(self._runs)) > 0:
            taken = await self._claim(min(free, MOST_CLAIMED))
            if taken.is_last:  # perhaps a writer died: its task is to be had when its lease is over
                end_s = taken.lease_end_s
                return self._claim_s if end_s is None else min(self._claim_s, end_s + CLOCK_TICK_S)
        return self._claim_s

    async def _claim(self, most: int) -> Taken:
        async with self._claiming:
            # After a sleep of the whole machine our own leases are over: they are no news to us.
            taken: Taken = await database_sync_to_async(claims.take)(
                self._policy.name,
                most=most,
                lease_s=self._policy.lease_s,
                only=self._policy.only,
                besides=self._ours(),
            )
            for claim in taken.claims:
                run = Run(claim, self._provider.provider, policy=self._run_policy)
                self._runs[run] = asyncio.create_task(self._supervise(run), name=f"task-{claim.task}")
            return taken

    def _about(self, run: Run) -> dict[str, object]:
        return {"worker": self._policy.name, "task": run.claim.task, "artifact": run.claim.artifact}

    def _ours(self) -> list[int]:
        return [run.claim.artifact for run in self._runs]

    async def _supervise(self, run: Run) -> None:
        """The worker's top: whatever a task raises becomes its status and touches no other task."""
        log_context.tell_about(**self._about(run))
        try:
            await run.go()
        except Exception as error:
            logger.exception("task=%s artifact=%s failed", run.claim.task, run.claim.artifact)
            sentence = (
                f"An unexpected error ended the work ({type(error).__name__}): see the worker's log, then resume."
            )
            await run.give_up(StopReason.PROVIDER_ERROR, sentence)
        finally:
            await _save_journals([run])
            del self._runs[run]
            heap.letting_go().note(run.text_length)
            self.wakeup.set()


async def _save_journals(runs: Sequence[Run]) -> None:
    """A database that is away only delays what is noted; at the end of a run it loses that."""
    unsaved = [(run, run.journal.state()) for run in runs if run.journal.is_unsaved]
    if not unsaved:
        return
    entries = [JournalEntry(artifact=run.claim.artifact, fence=run.claim.fence, state=state) for run, state in unsaved]
    try:
        await database_sync_to_async(save_journals)(entries)
    except DatabaseError as error:
        logger.debug("journals wait: %s", type(error).__name__)
        return
    for run, state in unsaved:
        run.journal.saved(state)


def _log_outage(error: DatabaseError) -> None:
    if outages.of_database.failed_by(error) is None:
        logger.warning("the queue waits: %s", type(error).__name__)
