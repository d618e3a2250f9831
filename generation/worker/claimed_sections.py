"""The sections of one claimed document: what each is asked for with, where its text goes, and what it costs."""

from __future__ import annotations

import logging
import time
from functools import partial

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from generation.costs.budgets import without_price
from generation.costs.metered import metered
from generation.costs.section_tokens import SectionTokens
from generation.errors import ProviderError
from generation.providers.base import KeepsAnswers, Provider
from generation.reasons import StopReason
from generation.seams import Mode
from generation.worker.document import Document
from generation.worker.section_callbacks import SectionCallbacks
from generation.worker.stop_signal import StopSignal
from generation.worker.writer import Writer
from generation.writing.callbacks import OnCall
from generation.writing.kept_text import KeptText
from generation.writing.policy import WritingPolicy
from generation.writing.sections import JOINT, SectionWork, portions, write_section
from generation.writing.turns import Continuation, Outcome

logger = logging.getLogger(__name__)


class ClaimedSections:
    """What `SideBySide` does with sections, for one claim."""

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

    def _kept_text(self, answer: AnswerPlace, spent: int) -> KeptText | None:
        if self._policy.delivery != "background" or not isinstance(self._provider, KeepsAnswers):
            return None
        return KeptText(answer, tokens=spent)

    def _mode(self, kept: KeptText | None) -> Mode:
        if kept is not None and isinstance(self._provider, KeepsAnswers) and self._provider.keeps(self._model):
            return "reprompt"  # an answer that is kept is always a whole one
        return "prefill" if self._provider.prefills(self._model) else "reprompt"
