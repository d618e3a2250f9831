"""One task from claim to end: the order of events for a whole document. It neither joins text nor touches its rows."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from django.conf import settings

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from artifacts.errors import NotFound
from artifacts.messaging import subscription
from artifacts.messaging.events import Event, writer_group
from artifacts.models import Artifact, StreamStatus
from artifacts.operating.tracing import span
from artifacts.reasons import Reason
from generation.costs.budgets import budget_sentence, without_price
from generation.costs.metered import metered
from generation.errors import DiskFull, ProviderError
from generation.providers.base import KeepsAnswers, Provider
from generation.queue import claims
from generation.queue.claims import LEASE_PART, Claim, ClaimState
from generation.reasons import StopReason
from generation.seams import Mode
from generation.worker.database import until_answered
from generation.worker.document import Document, read_document
from generation.worker.section_callbacks import SectionCallbacks
from generation.worker.section_tokens import SectionTokens
from generation.worker.side_by_side import Ending, SideBySide
from generation.worker.stop_signal import StopSignal
from generation.worker.writer import FlushPolicy, Writer
from generation.writing.callbacks import OnCall
from generation.writing.kept_text import KeptText
from generation.writing.patience import Limits, Silences
from generation.writing.policy import WritingPolicy
from generation.writing.retries import RetryPolicy
from generation.writing.sections import JOINT, SectionWork, portions, write_section
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
        self.journal.endpoint, self.journal.model = provider.name, claim.model or policy.model
        self._renewal: asyncio.Task[None] | None = None
        self._sections: _ClaimedSections | None = None

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
        self._writer.take_up(found.text, found.tokens, starts, found.cost)
        self._writer.meter.ceiling = found.ceiling
        for position, section in enumerate(found.sections):
            if section.draft:
                self._writer.take_up_draft(position, section.draft, section.spent or 0, section.answer)
        return found

    def _sections_of(self, document: Document) -> _ClaimedSections:
        model = self.claim.model or self._policy.model
        limits = replace(
            self._policy.writing.limits,
            deadline=time.monotonic() + self._policy.task_s,
            silence=self._policy.silences.of(model),
        )
        policy = replace(self._policy.writing, limits=limits)
        return _ClaimedSections(
            document,
            self._writer,
            self._provider,
            model=model,
            policy=policy,
            stop=self.stop,
            before_call=self._check_budget,
        )

    async def _write_while_there_is_room(self, sections: _ClaimedSections) -> None:
        try:
            await self._write(sections)
        except DiskFull as full:
            # The stop waits for room; then what was received is kept with it.
            await self._writer.stop(StopReason.DISK_FULL, full.detail, section_tokens=sections.live_tokens)

    async def _write(self, sections: _ClaimedSections) -> None:
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

    async def _cancel_answers(self, sections: _ClaimedSections) -> None:
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

    async def _end(self, sections: _ClaimedSections, ending: Ending) -> None:
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
                "ended artifact=%s status=%s reason=%s length=%s",
                self.claim.artifact,
                written.status,
                result.reason or result.outcome,
                written.length,
            )


class _ClaimedSections:
    """The sections of one claimed document: what each is asked for with, where its text goes, and what it costs."""

    def __init__(
        self,
        document: Document,
        writer: Writer,
        provider: Provider,
        *,
        model: str,
        policy: WritingPolicy,
        stop: StopSignal,
        before_call: OnCall,
    ) -> None:
        self._document = document
        self._writer = writer
        self._provider = provider
        self._model = model
        self._policy = policy
        self._stop = stop
        self._before_call = before_call
        self.names = [section.name for section in document.assignment.plan]
        self.unfinished = [position for position, one in enumerate(document.sections) if not one.is_complete]
        self.drafted = {position for position in self.unfinished if document.sections[position].is_drafted}
        self.kept: dict[int, KeptText] = {}
        self._live: int | None = None
        self._next = self.unfinished[0] if self.unfinished else 0  # all sections before it are whole and in their place
        self._before = document.text[: document.sections[self._next].start if self.unfinished else None]  # their text
        self._drafts = {position: document.sections[position].draft for position in self.drafted}
        self._spent = document.spent()
        self._tokens: dict[int, SectionTokens] = {}
        self._work: dict[int, SectionWork] = {}
        self._written_by: dict[int, str] = {}

    @property
    def live_tokens(self) -> int:
        """What the live section has cost."""
        return 0 if self._live is None else self._tokens[self._live].count

    async def begin(self, position: int, *, is_live: bool) -> None:
        self._writer.journal.begin_section(position)
        section = self._document.sections[position]
        held = section.draft if section.start is None else self._document.text[section.start :]
        if is_live and self._writer.is_draft(position):
            await self._writer.place_section(position)
            held = JOINT + held if self._before else held
        if is_live:
            await self._writer.begin_section(position, self.named, section.answer)
            self._live = position
        else:
            await self._writer.begin_draft(position, self.named, section.answer)
        self._written_by[position] = section.model if held.strip() else self.named
        spent = self._spent[position]
        kept = self._kept_text(section.answer if self._goes_on(section.model) else NO_ANSWER, spent)
        if kept is not None:
            self.kept[position] = kept
        is_read_on = kept is not None and kept.place.id
        tokens = self._tokens[position] = SectionTokens(spent, priced=section.answer.tokens if is_read_on else None)
        max_tokens = self._document.assignment.plan[position].max_tokens
        budget_tokens, more_tokens = portions(max_tokens, spent=tokens.before, stopped_at=section.tokens)
        self._work[position] = SectionWork(
            assignment=self._document.assignment,
            index=position,
            earlier=self._before,
            held=held,
            unseen=() if is_live else tuple(self.names[self._next : position]),
            model=self._model,
            mode=self._mode(kept),
            budget_tokens=budget_tokens,
            more_tokens=more_tokens,
        )

    @property
    def named(self) -> str:
        """The model by its name, also where none was asked for."""
        return self._model or self._provider.default_model

    def _goes_on(self, model: str) -> bool:
        """Whether who goes on is the model that wrote last; where none was ever asked for it is."""
        return not self._model or f", {model}".endswith(f", {self._model}")

    async def _take_after(self, callbacks: SectionCallbacks, position: int, text: str) -> None:
        """What stands in the section before the first of these texts is another model's."""
        if self._written_by[position] != self.named:
            self._written_by[position] = self.named
            await self._writer.name_model(position, self.named)
        await callbacks.take(text)

    async def write(self, position: int) -> Continuation:
        """Write the section, or what is missing of it."""
        try:
            await self._provider.prepare()
        except ProviderError as error:
            # What is only waited for is waited for by the call, which meets it too.
            if not error.retryable:
                return Continuation(text="", outcome=Outcome.FAILED, reason=error.reason, detail=error.detail)
        meter = self._writer.meter
        if meter.ceiling is not None and meter.prices.of(self.named) is None:
            # A budget cannot be held with a model of which nobody knows what it costs.
            return Continuation(
                text="", outcome=Outcome.FAILED, reason=StopReason.BUDGET, detail=without_price(self.named)
            )
        kept, began_at = self.kept.get(position), time.monotonic()
        callbacks = SectionCallbacks(
            self._writer,
            position,
            self._tokens[position],
            name=self.names[position],
            total=self._total,
            kept=kept,
            policy=self._policy,
            mode=lambda: self._mode(kept),
            before_call=self._before_call,
        )
        result = await write_section(
            metered(self._provider, meter, self.names[position]),
            self._work[position],
            callbacks.take
            if self._written_by[position] == self.named
            else partial(self._take_after, callbacks, position),
            callbacks=callbacks,
            policy=self._policy,
            kept=kept,
            stop=self._stop,
        )
        callbacks.ended(result.tokens)
        logger.info(
            "section %s artifact=%s section=%s seconds=%.1f turns=%s tokens=%s estimated=%s",
            "written" if result.outcome is Outcome.COMPLETE else result.outcome,
            self._writer.claim.artifact,
            position,
            time.monotonic() - began_at,
            result.turns,
            result.tokens,
            result.tokens_estimated,
        )
        return result

    async def place(self, position: int) -> None:
        await self._writer.place_section(position)
        if position in self._drafts:
            self._join(position, self._drafts.pop(position), is_draft=True)
        else:
            self._live = position

    async def complete(self, position: int, result: Continuation) -> None:
        self._writer.meter.settle(self.names[position])
        self._writer.journal.end_section(position, tokens=self._tokens[position].count)
        model = result.model or self.named
        await self._writer.complete_section(position, tokens=self._tokens[position].count, model=model)
        work = self._work.pop(position)  # it holds all the text before it
        if position == self._live:
            self._live = None
            self._join(position, result.text, is_draft=bool(work.unseen))
        else:
            self._drafts[position] = result.text

    def end_all(self) -> None:
        self._stop.set()

    def _join(self, position: int, text: str, *, is_draft: bool) -> None:
        """The text of a section is whole and in its place."""
        self._next = position + 1
        self._before += JOINT + text if is_draft and self._before else text

    def _total(self) -> int:
        counts = {position: tokens.count for position, tokens in self._tokens.items()}
        return sum(counts.get(position, spent) for position, spent in enumerate(self._spent))

    def _kept_text(self, answer: AnswerPlace, spent: int) -> KeptText | None:
        if self._policy.delivery != "background" or not isinstance(self._provider, KeepsAnswers):
            return None
        return KeptText(answer, tokens=spent)

    def _mode(self, kept: KeptText | None) -> Mode:
        if kept is not None and isinstance(self._provider, KeepsAnswers) and self._provider.keeps(self._model):
            return "reprompt"  # an answer that is kept is always a whole one
        return "prefill" if self._provider.prefills(self._model) else "reprompt"


def _on_event(stop: StopSignal, event: Event | subscription.Missed) -> None:
    if isinstance(event, Event):
        stop.observe(None if event.deleted else event)
