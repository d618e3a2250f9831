"""Commits the flushes of all the writers of one event loop together: one transaction for many documents.

It knows nothing of texts, and keeps no order but that of its callers: a writer hands over one flush at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from channels.db import database_sync_to_async
from django.db import transaction

from artifacts.errors import WriterRefused
from artifacts.lifecycle import writing
from artifacts.lifecycle.rows import WriteResult
from artifacts.lifecycle.writing import Append
from artifacts.messaging.per_loop import PerLoop
from artifacts.operating import outages
from artifacts.operating.counts import process_counts
from generation.inspection.journal import Journal
from generation.inspection.keeping import JournalEntry, save_journals
from generation.worker.database import until_answered

logger = logging.getLogger(__name__)

COMPANY_S = 0.02
"""A flush that nobody waits for waits so long for others, where there are any."""
ALONE_AFTER_S = 1.0
"""A writer is alone where no other brought text for so long."""
MOST_TOGETHER = 64
"""The flushes of one transaction: claims, stops and leases wait for no more than these."""
BUSY_PART = 0.5
"""So much of the time the database may work for flushes before they become rarer."""
MOST_STRETCHED_S = 0.4
"""No load makes a flush wait longer than this."""
MEASURED_EVERY_S = 0.25

_Outcome = WriteResult | WriterRefused | None


def _append_with_notes(batch: Sequence[Append], notes: Sequence[JournalEntry | None]) -> Sequence[_Outcome]:
    """What became of each; with the text of a document goes what was noted of its writing."""
    with transaction.atomic():
        outcomes = writing.append_together(batch)
        ours = [isinstance(outcome, WriteResult) for outcome in outcomes]  # their documents are locked: no deadlock
        save_journals([note for note, is_ours in zip(notes, ours, strict=True) if note is not None and is_ours])
        return outcomes


def _note_of(one: Append, journal: Journal) -> JournalEntry:
    """Prompts are large, and wait for a transaction in which there is no text."""
    return JournalEntry(artifact=one.artifact, fence=one.fence, state=replace(journal.state(), prompts=()))


class GroupCommit:
    """The flushes that wait on one loop. While a transaction runs, those of the next one gather."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Append, Journal | None, asyncio.Future[_Outcome]]] = []
        """For their transaction to begin."""
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._latest = 0  # who brought text last, and until when there is company
        self._company_until_s = float("-inf")
        self.load = Load()

    async def append(self, one: Append, *, is_awaited: bool, journal: Journal | None = None) -> WriteResult:
        """Commit it with what else waits; at once where somebody waits for it. Raises as `until_answered`.

        What is new in its `journal` is saved with it.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[_Outcome] = loop.create_future()
        self.waiting.append((one, journal, outcome))
        if one.flush is not None and one.artifact != self._latest:
            self._latest, self._company_until_s = one.artifact, loop.time() + ALONE_AFTER_S
        if self._task is None:
            if is_awaited or loop.time() > self._company_until_s:
                self._task = loop.create_task(self._commit_all())
            elif self._timer is None:
                self._timer = loop.call_later(COMPANY_S, self._begin)
        committed = await outcome
        if committed is None:  # alone it shows whether it was this one that failed, and waits as long as it has to
            return await until_answered(one.alone, waits_for_room=one.flush is None)
        if isinstance(committed, WriterRefused):
            raise committed
        return committed

    def _begin(self) -> None:
        self._timer = None
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._commit_all())

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            while self.waiting:
                batch, self.waiting = self.waiting[:MOST_TOGETHER], self.waiting[MOST_TOGETHER:]
                batch = [each for each in batch if not each[-1].done()]  # its writer was cancelled
                if not batch:
                    continue
                appends, began_s = [one for one, *_ in batch], loop.time()
                notes = [
                    _note_of(one, journal) if journal is not None and journal.has_events else None
                    for one, journal, _ in batch
                ]
                commit = partial(_append_with_notes, notes=notes) if any(notes) else writing.append_together
                outcomes: Sequence[_Outcome]
                try:
                    outcomes = await database_sync_to_async(commit)(appends)
                    outages.of_database.answered(wrote=True)
                except Exception as error:  # whatever it was: who caused it finds out alone, and harms no other
                    if outages.of_database.failed_by(error) is None:
                        logger.info("%s flushes are committed one by one: %s", len(batch), type(error).__name__)
                    outcomes = [None] * len(batch)
                took_s, flushes = loop.time() - began_s, [one.flush for one in appends if one.flush is not None]
                self.load.busy_s += took_s
                process_counts.commit_s.add(took_s)
                process_counts.flushes += len(flushes)
                process_counts.flush_chars += sum(len(flush.text) for flush in flushes)
                for (_, journal, outcome), note, committed in zip(batch, notes, outcomes, strict=True):
                    if journal is not None and note is not None and isinstance(committed, WriteResult):
                        journal.saved(note.state)
                    if not outcome.done():
                        outcome.set_result(committed)
        finally:
            self._task = None


class Load:
    """How busy the database is with flushes, and how much rarer they have to be."""

    def __init__(self) -> None:
        self.busy_s = 0.0
        """So long it has worked for flushes, in all."""
        self._busy_before_s = 0.0
        self._since_s = float("-inf")
        self._stretch = 1.0

    def stretched_s(self, flush_s: float, now_s: float) -> float:
        """How long a flush may wait that would wait so long without any load."""
        if (passed_s := now_s - self._since_s) >= MEASURED_EVERY_S:
            # Half way to where the load would be right, so that it does not swing.
            part = (self.busy_s - self._busy_before_s) / passed_s
            self._stretch = max(1.0, self._stretch * (1 + part / BUSY_PART) / 2)
            self._since_s, self._busy_before_s = now_s, self.busy_s
        self._stretch = min(self._stretch, max(1.0, MOST_STRETCHED_S / flush_s))
        return flush_s * self._stretch


current = PerLoop(GroupCommit)
"""The running loop's group."""
