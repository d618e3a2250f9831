"""One task from claim to end: the order of events for a whole document. It neither joins text nor touches its rows."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from django.conf import settings

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from artifacts.errors import NotFound
from artifacts.messaging import subscription
from artifacts.messaging.events import Event, writer_group
from artifacts.messaging.subscription import Missed
from artifacts.models import Artifact, Section, SectionStatus, StreamStatus
from artifacts.reasons import Reason
from generation.providers import Choice
from generation.providers.base import Finish, KeepsAnswers, ProviderError
from generation.queue import claims
from generation.queue.claims import LEASE_PART, Claim, Look
from generation.reasons import StopReason
from generation.seams import Mode
from generation.worker.writer import DiskFull, FlushPolicy, Writer, until_answered
from generation.writing import phases
from generation.writing.kept_text import KeptText
from generation.writing.patience import Limits, Silences
from generation.writing.phases import SectionPlan
from generation.writing.prompts import Assignment
from generation.writing.retries import RetryPolicy, thinking_sentence, waiting_sentence
from generation.writing.sections import portions, write_section
from generation.writing.turns import CHARS_PER_TOKEN, Continuation, Delivery, Outcome

logger = logging.getLogger(__name__)

DISK_FULL = "The disk of the database was full. There is room again: resume the document."


@dataclass(frozen=True, kw_only=True)
class RunPolicy:
    """How a document is written; seconds, milliseconds, code points and tokens as the settings of the same names."""

    model: str
    delivery: Delivery
    turn_tokens: int
    max_turns: int
    first_piece_s: float
    stall_s: float
    thinking_s: float
    task_s: float
    retry: RetryPolicy
    flush: FlushPolicy
    silences: Silences = field(default_factory=Silences)
    """What all runs of this process learn of the models."""

    @classmethod
    def from_settings(cls) -> RunPolicy:
        return cls(
            model=settings.STREAMGEN_MODEL,
            delivery=cast(Delivery, settings.STREAMGEN_DELIVERY),
            turn_tokens=settings.STREAMGEN_CHUNK_MAX_TOKENS,
            max_turns=settings.STREAMGEN_MAX_TURNS,
            first_piece_s=settings.STREAMGEN_FIRST_PIECE_SECONDS,
            stall_s=settings.STREAMGEN_STALL_SECONDS,
            thinking_s=settings.STREAMGEN_THINKING_SECONDS,
            task_s=settings.STREAMGEN_TASK_SECONDS,
            retry=RetryPolicy(attempts=settings.STREAMGEN_RETRIES, outage_s=settings.STREAMGEN_OUTAGE_SECONDS),
            flush=FlushPolicy(
                chars=settings.STREAMGEN_FLUSH_CHARS,
                ms=settings.STREAMGEN_FLUSH_MS,
                lease_s=settings.STREAMGEN_LEASE_SECONDS * LEASE_PART,
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What the database says about the task: what to write, what is written, and where each section begins."""

    assignment: Assignment
    text: str
    tokens: int
    tokens_of_complete: int
    statuses: tuple[str, ...]
    starts: tuple[int | None, ...]
    stopped_at_tokens: tuple[int, ...]
    """The tokens that each section had when it was stopped last, or at its end."""
    models: tuple[str, ...]
    answers: tuple[AnswerPlace, ...]


class Run:
    """The writing of one claim."""

    def __init__(self, claim: Claim, choice: Choice, *, policy: RunPolicy) -> None:
        self.claim = claim
        self._provider = choice.provider
        self._policy = policy
        self._stop = asyncio.Event()
        self._is_shutting_down = False
        self._writer = Writer(claim, policy=policy.flush, stop=self._stop)
        self._renewal: asyncio.Task[None] | None = None
        self._is_loaded = False
        self._section_tokens = 0
        self._kept: KeptText | None = None
        self._deadline = time.monotonic() + policy.task_s

    def on_head(self, seen: Look | None) -> None:
        """What was seen of the artifact; None where it is gone. All but plain going on ends the call in flight."""
        if seen is not None and seen.fence < self.claim.fence:
            return  # late news of the time before this claim, such as its own order to begin
        if (
            seen is None
            or seen.stop_requested
            or seen.fence != self.claim.fence
            or seen.status != StreamStatus.STREAMING
        ):
            self._stop.set()

    def _on_event(self, event: Event | Missed) -> None:
        """What may stop the writer; what was missed, the next poll of the heads tells."""
        if isinstance(event, Event):
            seen = Look(fence=event.fence, status=event.status, stop_requested=event.stop_requested)
            self.on_head(None if event.deleted else seen)

    def shut_down(self) -> None:
        """The process ends: commit what is there and give the task back."""
        self._is_shutting_down = True
        self._stop.set()

    def keep_lease(self, at_least_s: float) -> None:
        """Renew the lease in the background where that was not done for so long; one that hangs delays no other run."""
        if self._writer.lease_age_s > at_least_s and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.create_task(self._writer.renew())

    async def go(self) -> None:
        """Write the document to its end, or to wherever it has to stop."""
        group = writer_group(self.claim.artifact)
        await subscription.current().join(group, self._on_event)
        try:
            try:
                loaded = await until_answered(partial(_load, self.claim))
            except (Artifact.DoesNotExist, NotFound):  # deleted, or written anew, since the claim
                logger.info("lost artifact=%s fence=%s before it was read", self.claim.artifact, self.claim.fence)
                return
            self._writer.take_up(loaded.text, loaded.tokens, loaded.starts)
            self._is_loaded = True
            try:
                await self._write(loaded, self._writer)
            except DiskFull:
                # What was received waits in memory until there is room again; then it is kept, and the stop with it.
                await self._writer.stop(StopReason.DISK_FULL, DISK_FULL, section_tokens=self._section_tokens)
            await self._cancel_answer()
        finally:
            if self._renewal is not None:
                self._renewal.cancel()
            await subscription.current().leave(group, self._on_event)

    async def give_up(self, reason: str, detail: str) -> None:
        """Something unexpected ended `go`: keep what there is and pause."""
        if self._is_loaded:
            await self._writer.stop(reason, detail, section_tokens=self._section_tokens)
            await self._cancel_answer()
        else:
            await self._writer.abandon(reason, detail)

    async def _write(self, loaded: Loaded, writer: Writer) -> None:
        text, self._section_tokens = loaded.text, loaded.tokens - loaded.tokens_of_complete
        for position, status in enumerate(loaded.statuses):
            if status == SectionStatus.COMPLETE:
                continue
            start = loaded.starts[position]
            start = len(text) if start is None else start
            began_at = time.monotonic()
            result = await self._section(loaded, position, text[:start], text[start:], writer)
            if writer.is_lost:
                return
            if result is None or result.outcome is not Outcome.COMPLETE:
                await self._end(writer, result)
                return
            await writer.complete_section(position, tokens=self._section_tokens, model=result.model)
            logger.info(
                "section written artifact=%s section=%s seconds=%.1f turns=%s tokens=%s estimated=%s",
                self.claim.artifact,
                position,
                time.monotonic() - began_at,
                result.turns,
                result.tokens,
                result.tokens_estimated,
            )
            text, self._section_tokens = text[:start] + result.text, 0
        standing = await writer.complete()
        if standing is not None:
            logger.info("ended artifact=%s status=%s length=%s", self.claim.artifact, standing.status, standing.length)

    async def _section(
        self, loaded: Loaded, position: int, earlier: str, held: str, writer: Writer
    ) -> Continuation | None:
        """Write one section, or what is missing of it; None where the provider could not even get ready."""
        policy, model = self._policy, self.claim.model or self._policy.model
        answer = loaded.answers[position]
        await writer.begin_section(position, model, answer)
        before, tokens_at_start = self._section_tokens, writer.tokens
        unreported = 0
        kept = self._kept = self._kept_text(answer if loaded.models[position] == model else NO_ANSWER)
        if kept is not None and kept.place.id:  # its price is told at its end, as a whole
            unreported = max(0, before - kept.place.tokens) * CHARS_PER_TOKEN
            tokens_at_start, before = tokens_at_start - (before - kept.place.tokens), kept.place.tokens
        max_tokens, stopped_at = loaded.assignment.plan[position].max_tokens, loaded.stopped_at_tokens[position]
        budget_tokens, more_tokens = portions(max_tokens, spent=before, stopped_at=stopped_at)

        async def on_chunk(chunk: str) -> None:
            nonlocal unreported
            writer.answer = kept.place if kept is not None else NO_ANSWER
            unreported += len(chunk)
            # Until the provider says how many they were, a token counts as four characters.
            writer.tokens = tokens_at_start + reported + unreported // CHARS_PER_TOKEN
            self._section_tokens = before + reported + unreported // CHARS_PER_TOKEN
            await writer.put(chunk)

        reported = 0

        async def on_turn(turn: int, delta: str, aggregated: str, finish: Finish) -> None:
            nonlocal reported, unreported
            if finish.usage is not None:
                reported, unreported = reported + finish.usage.completion_tokens, 0
            if kept is not None:
                kept.tokens = before + reported + unreported // CHARS_PER_TOKEN
            await writer.flush()

        async def on_kept() -> None:
            writer.answer = kept.place if kept is not None else NO_ANSWER
            await writer.note_answer()

        async def on_wait(seconds: float, error: ProviderError, attempt: int, of: int) -> None:
            of = 0 if policy.retry.waits_out(error) else of
            await writer.wait(Reason.WAITING_RETRY, waiting_sentence(seconds, error, attempt, of))

        async def on_thinking(seconds: float) -> None:
            await writer.wait(Reason.THINKING, thinking_sentence(seconds, policy.thinking_s))

        try:
            await self._provider.prepare()
        except ProviderError as error:
            if not error.retryable:  # else the call meets it too, and what is waited for is waited for there
                await writer.stop(StopReason(error.reason), error.detail, section_tokens=self._section_tokens)
                return None
        result = await write_section(
            self._provider,
            loaded.assignment,
            position,
            earlier=earlier,
            held=held,
            model=model,
            on_chunk=on_chunk,
            on_turn=on_turn,
            on_wait=on_wait,
            on_thinking=on_thinking,
            on_call=writer.assure,
            on_kept=on_kept,
            kept=kept,
            mode=self._mode(model, kept),
            delivery=policy.delivery,
            turn_tokens=policy.turn_tokens,
            budget_tokens=budget_tokens,
            more_tokens=more_tokens,
            max_turns=policy.max_turns,
            policy=policy.retry,
            limits=Limits(
                first_piece_s=policy.first_piece_s,
                stall_s=policy.stall_s,
                thinking_s=policy.thinking_s,
                deadline=self._deadline,
                silence=policy.silences.of(model),
            ),
            stop=self._stop,
        )
        writer.tokens = tokens_at_start + result.tokens
        self._section_tokens = before + result.tokens
        return result

    async def _cancel_answer(self) -> None:
        """A document that stopped pays for no more text: the answer under way ends at the endpoint too.

        Where only this writer ends (its process does, or another worker has taken over), whoever goes on reads it on.
        """
        if self._kept is None or self._kept.is_over or not isinstance(self._provider, KeepsAnswers):
            return
        seen = await until_answered(partial(claims.look, [self.claim.artifact]))
        now = seen.get(self.claim.artifact)
        if now is None or now.status != StreamStatus.STREAMING:
            await self._provider.cancel(self._kept.place.id)

    def _kept_text(self, answer: AnswerPlace) -> KeptText | None:
        if self._policy.delivery != "background" or not isinstance(self._provider, KeepsAnswers):
            return None
        return KeptText(answer, tokens=self._section_tokens)

    def _mode(self, model: str, kept: KeptText | None) -> Mode:
        if kept is not None and isinstance(self._provider, KeepsAnswers) and self._provider.keeps(model):
            return "reprompt"  # an answer that is kept is always a whole one
        return "prefill" if self._provider.prefills(model) else "reprompt"

    async def _end(self, writer: Writer, result: Continuation | None) -> None:
        """The document stops here: given back at shutdown, else as a person asked or for the reason of the result."""
        if result is None:
            return
        if result.outcome is Outcome.STOPPED and self._is_shutting_down:
            standing = await writer.release(section_tokens=self._section_tokens)
        else:
            reason = Reason.USER if result.outcome is Outcome.STOPPED else StopReason(result.reason)
            standing = await writer.stop(reason, result.detail, section_tokens=self._section_tokens)
        if standing is not None:
            logger.info(
                "ended artifact=%s status=%s reason=%s length=%s",
                self.claim.artifact,
                standing.status,
                result.reason or result.outcome,
                standing.length,
            )


def _load(claim: Claim) -> Loaded:
    artifact = Artifact.objects.defer("preview_html").select_related("project").get(pk=claim.artifact)
    sections = list(Section.objects.filter(artifact=artifact).order_by("position"))
    phase = phases.phase_of(artifact.phase, title=artifact.title)
    return Loaded(
        assignment=Assignment(
            project_title=artifact.project.title,
            project_description=artifact.project.description,
            document_title=artifact.title,
            document_instructions=phase.instructions,
            user_instructions=artifact.instructions,
            plan=tuple(
                SectionPlan(name=row.name, instructions=row.instructions, max_tokens=row.max_tokens) for row in sections
            ),
        ),
        text=artifact.text,
        tokens=artifact.tokens_generated,
        tokens_of_complete=sum(row.tokens for row in sections if row.status == SectionStatus.COMPLETE),
        statuses=tuple(row.status for row in sections),
        starts=tuple(row.start for row in sections),
        stopped_at_tokens=tuple(row.tokens for row in sections),
        models=tuple(row.model for row in sections),
        answers=tuple(row.answer_place for row in sections),
    )
