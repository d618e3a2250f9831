"""One task from claim to end: the order of events for a whole document. It neither joins text nor touches its rows."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

from django.conf import settings

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from artifacts.errors import NotFound
from artifacts.messaging import subscription
from artifacts.messaging.events import Event, writer_group
from artifacts.models import Artifact, StreamStatus
from artifacts.reasons import Reason
from generation.errors import DiskFull, ProviderError
from generation.providers.base import KeepsAnswers, Provider
from generation.queue import claims
from generation.queue.claims import LEASE_PART, Claim
from generation.reasons import StopReason
from generation.seams import Mode
from generation.worker.database import until_answered
from generation.worker.document import Document, read_document
from generation.worker.section_callbacks import SectionCallbacks
from generation.worker.section_tokens import SectionTokens
from generation.worker.stop_signal import StopSignal
from generation.worker.writer import FlushPolicy, Writer
from generation.writing.kept_text import KeptText
from generation.writing.patience import Limits, Silences
from generation.writing.policy import WritingPolicy
from generation.writing.retries import RetryPolicy
from generation.writing.sections import SectionWork, portions, write_section
from generation.writing.turns import Continuation, Delivery, Outcome

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
        self._renewal: asyncio.Task[None] | None = None
        self._is_read = False
        self._tokens = SectionTokens()  # of the section under way
        self._kept: KeptText | None = None
        limits = replace(policy.writing.limits, deadline=time.monotonic() + policy.task_s)
        self._writing = replace(policy.writing, limits=limits)

    def keep_lease(self, at_least_s: float) -> None:
        """Renew the lease in the background where that was not done for so long; one that hangs delays no other run."""
        if self._writer.lease_age_s > at_least_s and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.create_task(self._writer.renew())

    async def go(self) -> None:
        """Write the document to its end, or to wherever it has to stop."""
        listener = partial(_on_event, self.stop)
        await subscription.current().join(writer_group(self.claim.artifact), listener)
        try:
            document = await self._read()
            if document is not None:
                await self._write_while_there_is_room(document)
                await self._cancel_answer()
        finally:
            if self._renewal is not None:
                self._renewal.cancel()
            await subscription.current().leave(writer_group(self.claim.artifact), listener)

    async def give_up(self, reason: str, detail: str) -> None:
        """Something unexpected ended `go`: keep what there is and pause."""
        if self._is_read:
            await self._writer.stop(reason, detail, section_tokens=self._tokens.count)
            await self._cancel_answer()
        else:
            await self._writer.abandon(reason, detail)

    async def _read(self) -> Document | None:
        """What is to be written; None where the document was deleted, or begun anew, since the claim."""
        try:
            found = await until_answered(partial(read_document, self.claim))
        except (Artifact.DoesNotExist, NotFound):
            logger.info("lost artifact=%s fence=%s before it was read", self.claim.artifact, self.claim.fence)
            return None
        self._writer.take_up(found.text, found.tokens, [section.start for section in found.sections])
        self._is_read = True
        return found

    async def _write_while_there_is_room(self, document: Document) -> None:
        try:
            await self._write(document)
        except DiskFull as full:
            # The stop waits for room; then what was received is kept with it.
            await self._writer.stop(StopReason.DISK_FULL, full.detail, section_tokens=self._tokens.count)

    async def _write(self, document: Document) -> None:
        text, self._tokens = document.text, SectionTokens(document.tokens_under_way)
        for position, section in enumerate(document.sections):
            if section.is_complete:
                continue
            start = len(text) if section.start is None else section.start
            began_at = time.monotonic()
            result = await self._section(document, position, text[:start], text[start:])
            if self._writer.is_lost or result is None:
                return
            if result.outcome is not Outcome.COMPLETE:
                await self._end(result)
                return
            await self._writer.complete_section(position, tokens=self._tokens.count, model=result.model)
            logger.info(
                "section written artifact=%s section=%s seconds=%.1f turns=%s tokens=%s estimated=%s",
                self.claim.artifact,
                position,
                time.monotonic() - began_at,
                result.turns,
                result.tokens,
                result.tokens_estimated,
            )
            text, self._tokens = text[:start] + result.text, SectionTokens()
        written = await self._writer.complete()
        if written is not None:
            logger.info("ended artifact=%s status=%s length=%s", self.claim.artifact, written.status, written.length)

    async def _section(self, document: Document, position: int, earlier: str, held: str) -> Continuation | None:
        """Write one section, or what is missing of it; None where the provider could not even get ready."""
        section, model = document.sections[position], self.claim.model or self._policy.model
        await self._writer.begin_section(position, model, section.answer)
        spent = self._tokens.count
        kept = self._kept = self._kept_text(section.answer if section.model == model else NO_ANSWER)
        is_read_on = kept is not None and kept.place.id
        self._tokens = SectionTokens(spent, priced=section.answer.tokens if is_read_on else None)
        if not await self._is_provider_ready():
            return None
        max_tokens = document.assignment.plan[position].max_tokens
        budget_tokens, more_tokens = portions(max_tokens, spent=self._tokens.before, stopped_at=section.tokens)
        work = SectionWork(
            assignment=document.assignment,
            index=position,
            earlier=earlier,
            held=held,
            model=model,
            mode=self._mode(model, kept),
            budget_tokens=budget_tokens,
            more_tokens=more_tokens,
        )
        limits = replace(self._writing.limits, silence=self._policy.silences.of(model))
        policy = replace(self._writing, limits=limits)
        callbacks = SectionCallbacks(
            self._writer, self._tokens, others=self._writer.tokens - spent, kept=kept, policy=policy
        )
        result = await write_section(
            self._provider, work, callbacks.take, callbacks=callbacks, policy=policy, kept=kept, stop=self.stop
        )
        callbacks.ended(result.tokens)
        return result

    async def _is_provider_ready(self) -> bool:
        """Else the document is stopped. What is only waited for is waited for by the call, which meets it too."""
        try:
            await self._provider.prepare()
        except ProviderError as error:
            if not error.retryable:
                await self._writer.stop(StopReason(error.reason), error.detail, section_tokens=self._tokens.count)
                return False
        return True

    async def _cancel_answer(self) -> None:
        """A document that stopped pays for no more text: the answer under way ends at the endpoint too.

        Where only this writer ends (its process does, or another worker has taken over), whoever goes on reads it on.
        """
        if self._kept is None or self._kept.is_over or not isinstance(self._provider, KeepsAnswers):
            return
        seen = await until_answered(partial(claims.poll_claimed, [self.claim.artifact]))
        now = seen.get(self.claim.artifact)
        if now is None or now.status != StreamStatus.STREAMING:
            await self._provider.cancel(self._kept.place.id)

    def _kept_text(self, answer: AnswerPlace) -> KeptText | None:
        if self._writing.delivery != "background" or not isinstance(self._provider, KeepsAnswers):
            return None
        return KeptText(answer, tokens=self._tokens.count)

    def _mode(self, model: str, kept: KeptText | None) -> Mode:
        if kept is not None and isinstance(self._provider, KeepsAnswers) and self._provider.keeps(model):
            return "reprompt"  # an answer that is kept is always a whole one
        return "prefill" if self._provider.prefills(model) else "reprompt"

    async def _end(self, result: Continuation) -> None:
        """The document stops here: requeued at shutdown, else as a person asked or for the reason of the result."""
        if result.outcome is Outcome.STOPPED and self.stop.is_shutdown:
            written = await self._writer.release(section_tokens=self._tokens.count)
        else:
            reason = Reason.USER if result.outcome is Outcome.STOPPED else StopReason(result.reason)
            written = await self._writer.stop(reason, result.detail, section_tokens=self._tokens.count)
        if written is not None:
            logger.info(
                "ended artifact=%s status=%s reason=%s length=%s",
                self.claim.artifact,
                written.status,
                result.reason or result.outcome,
                written.length,
            )


def _on_event(stop: StopSignal, event: Event | subscription.Missed) -> None:
    if isinstance(event, Event):
        stop.observe(None if event.deleted else event)
