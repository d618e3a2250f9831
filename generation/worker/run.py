"""One task from claim to end: the order of events for a whole document. It neither joins text nor touches its rows."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from django.conf import settings

from artifacts.errors import NotFound
from artifacts.messaging import subscription
from artifacts.messaging.events import Event, writer_group
from artifacts.models import Artifact, StreamStatus
from artifacts.operating.tracing import span
from artifacts.reasons import Reason
from generation.costs.budgets import budget_sentence
from generation.errors import DiskFull
from generation.providers.base import KeepsAnswers, Provider
from generation.queue import claims
from generation.queue.claims import LEASE_PART, Claim, ClaimState
from generation.reasons import StopReason
from generation.worker.claimed_sections import ClaimedSections
from generation.worker.database import until_answered
from generation.worker.document import Document, read_document
from generation.worker.side_by_side import Ending, SideBySide
from generation.worker.stop_signal import StopSignal
from generation.worker.writer import FlushPolicy, Writer
from generation.writing.patience import Limits, Silences
from generation.writing.policy import WritingPolicy
from generation.writing.retries import RetryPolicy
from generation.writing.turns import Delivery, Outcome

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunPolicy:
    """How documents are written: the model where none is asked for, and how long one may take."""

    model: str
    task_s: float
    writing: WritingPolicy
    flush: FlushPolicy
    silences: Silences = field(default_factory=Silences)
    """What all runs of this process learn of the models."""

    @classmethod
    def from_settings(cls) -> RunPolicy:
        return cls(
            model=settings.STREAMGEN_MODEL,
            task_s=settings.STREAMGEN_TASK_SECONDS,
            writing=WritingPolicy(
                delivery=cast(Delivery, settings.STREAMGEN_DELIVERY),
                turn_tokens=settings.STREAMGEN_CHUNK_MAX_TOKENS,
                max_turns=settings.STREAMGEN_MAX_TURNS,
                retry=RetryPolicy(attempts=settings.STREAMGEN_RETRIES, outage_s=settings.STREAMGEN_OUTAGE_SECONDS),
                limits=Limits(
                    first_piece_s=settings.STREAMGEN_FIRST_PIECE_SECONDS,
                    stall_s=settings.STREAMGEN_STALL_SECONDS,
                    thinking_s=settings.STREAMGEN_THINKING_SECONDS,
                ),
            ),
            flush=FlushPolicy(
                chars=settings.STREAMGEN_FLUSH_CHARS,
                ms=settings.STREAMGEN_FLUSH_MS,
                lease_s=settings.STREAMGEN_LEASE_SECONDS * LEASE_PART,
                kept_prompts=settings.STREAMGEN_KEPT_PROMPTS,
            ),
        )


class Run:
    """The writing of one claim."""

    def __init__(self, claim: Claim, provider: Provider, *, policy: RunPolicy) -> None:
        self.claim = claim
        self._provider = provider
        self._policy = policy
        self.stop = StopSignal(claim.fence)
        self._writer = Writer(claim, policy=policy.flush, stop=self.stop)
        self.journal = self._writer.journal
        self._model = claim.model or policy.model
        self.journal.endpoint, self.journal.model = provider.name, self._model
        self._renewal: asyncio.Task[None] | None = None
        self._sections: ClaimedSections | None = None

    def observe(self, seen: ClaimState | None) -> None:
        """What was seen of the document; None where it is gone."""
        self.stop.observe(seen)
        if seen is not None:
            self._writer.meter.ceiling = seen.ceiling
            self._writer.meter.check_ceiling()

    def keep_lease(self, at_least_s: float) -> None:
        """Renew the lease in the background where that was not done for so long; one that hangs delays no other run."""
        if self._writer.lease_age_s > at_least_s and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.create_task(self._writer.renew(older_than_s=at_least_s))

    @property
    def silence(self) -> tuple[float, str]:
        """How long no text has come, and what it waits on."""
        return self._writer.silent_s, self._writer.waits_on

    @property
    def text_length(self) -> int:
        """How much text this run holds."""
        return self._writer.length

    async def go(self) -> None:
        """Write the document to its end, or to wherever it has to stop."""
        claim, sums = self.claim, self.journal.sums
        facts: dict[str, Any] = {"task": claim.task, "artifact": claim.artifact, "epoch": claim.epoch}
        with span("run", **facts, fence=claim.fence) as opened:
            await self._go()
            opened.tell(ending=self.journal.ending, calls=sums.calls, chars=sums.chars)

    async def _go(self) -> None:
        listener = partial(_on_event, self.stop)
        await subscription.current().join(writer_group(self.claim.artifact), listener)
        try:
            document = await self._read()
            if document is not None:
                sections = self._sections = self._sections_of(document)
                await self._write_while_there_is_room(sections)
                await self._cancel_answers(sections)
        finally:
            if self._renewal is not None:
                self._renewal.cancel()
            await subscription.current().leave(writer_group(self.claim.artifact), listener)

    async def give_up(self, reason: str, detail: str) -> None:
        """Something unexpected ended `go`: keep what there is and pause."""
        if self._sections is not None:
            await self._writer.stop(reason, detail, section_tokens=self._sections.live_tokens)
            await self._cancel_answers(self._sections)
        else:
            await self._writer.abandon(reason, detail)

    async def _read(self) -> Document | None:
        """What is to be written; None where the document was deleted, or begun anew, since the claim."""
        try:
            found = await until_answered(partial(read_document, self.claim))
        except (Artifact.DoesNotExist, NotFound):
            logger.info("lost artifact=%s fence=%s before it was read", self.claim.artifact, self.claim.fence)
            return None
        starts = [section.start for section in found.sections]
        self._writer.under_way = found.under_way()
        self._writer.take_up(found.text, found.spent(), starts, found.cost)
        self._writer.meter.ceiling = found.ceiling
        for position, section in enumerate(found.sections):
            if section.draft:
                self._writer.take_up_draft(position, section.draft, section.spent or 0, section.answer)
        return found

    def _sections_of(self, document: Document) -> ClaimedSections:
        limits = replace(
            self._policy.writing.limits,
            deadline=time.monotonic() + self._policy.task_s,
            silence=self._policy.silences.of(self._model),
        )
        policy = replace(self._policy.writing, limits=limits)
        return ClaimedSections(
            document,
            self._writer,
            self._provider,
            model=self._model,
            policy=policy,
            stop=self.stop,
            before_call=self._check_budget,
        )

    async def _write_while_there_is_room(self, sections: ClaimedSections) -> None:
        try:
            await self._write(sections)
        except DiskFull as full:
            # The stop waits for room; then what was received is kept with it.
            await self._writer.stop(StopReason.DISK_FULL, full.detail, section_tokens=sections.live_tokens)

    async def _write(self, sections: ClaimedSections) -> None:
        schedule = SideBySide(sections, sections.unfinished, drafted=sections.drafted, at_once=self.claim.parallel)
        ending = await schedule.run()
        if self._writer.is_lost:
            return
        if ending is not None:
            await self._end(sections, ending)
            return
        written = await self._writer.complete()
        if written is not None:
            logger.info("ended artifact=%s status=%s length=%s", self.claim.artifact, written.status, written.length)

    async def _check_budget(self) -> None:
        """What is left of the project's budget, before a call is made: other documents spend of it too."""
        if self._writer.meter.ceiling is not None:
            seen = await until_answered(partial(claims.poll_claimed, [self.claim.artifact]))
            self.observe(seen.get(self.claim.artifact))

    async def _cancel_answers(self, sections: ClaimedSections) -> None:
        """A document that stopped pays for no more text: the answers under way end at the endpoint too.

        Where only this writer ends (its process does, or another worker has taken over), whoever goes on reads them on.
        """
        unread = [kept for kept in sections.kept.values() if not kept.is_over]
        if not unread or not isinstance(self._provider, KeepsAnswers):
            return
        seen = await until_answered(partial(claims.poll_claimed, [self.claim.artifact]))
        now = seen.get(self.claim.artifact)
        if now is None or now.status != StreamStatus.STREAMING:
            for kept in unread:
                await self._provider.cancel(kept.place.id)

    async def _end(self, sections: ClaimedSections, ending: Ending) -> None:
        """The document stops here: requeued at shutdown, else as a person asked or for the reason of the result."""
        result, tokens = ending.result, sections.live_tokens
        if result.outcome is Outcome.STOPPED and self.stop.is_shutdown:
            written = await self._writer.release(section_tokens=tokens)
        elif result.outcome is Outcome.STOPPED and self.stop.is_over_budget:
            sentence = await until_answered(partial(budget_sentence, self.claim.artifact))
            written = await self._writer.stop(StopReason.BUDGET, sentence, section_tokens=tokens)
        else:
            reason = Reason.USER if result.outcome is Outcome.STOPPED else StopReason(result.reason)
            detail = result.detail
            if self._writer.is_draft(ending.position):  # else it stops where the text does
                detail = f"Section {ending.position + 1}, {sections.names[ending.position]}: {detail}"
            written = await self._writer.stop(reason, detail, section_tokens=tokens)
        if written is not None:
            logger.info(
                "ended artifact=%s status=%s reason=%s length=%s endpoint=%s",
                self.claim.artifact,
                written.status,
                result.reason or result.outcome,
                written.length,
                self.journal.endpoint,
            )


def _on_event(stop: StopSignal, event: Event | subscription.Missed) -> None:
    if isinstance(event, Event):
        stop.observe(None if event.deleted else event)
